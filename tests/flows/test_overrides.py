"""Layers of configuration, and what is said about mistakes in them."""

from pathlib import Path

import pytest

from flows.config.overrides import ConfigError, allowed, field_at, load_config
from flows.config.presets import PRESETS


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("FLIPBOOK_"):
            monkeypatch.delenv(name)


def written(folder: Path, text: str) -> Path:
    file = folder / "flipbook.toml"
    file.write_text(text)
    return file


def test_each_layer_overrides_the_one_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path, "[train]\nsteps = 11\nseed = 12\nkeep = 13\n[data]\nseed = 14\n")
    monkeypatch.setenv("FLIPBOOK_TRAIN__SEED", "22")
    monkeypatch.setenv("FLIPBOOK_TRAIN__KEEP", "23")
    config = load_config(preset="small", file=file, overrides=["train.keep=33"], options={"data": {"seed": 44}})
    assert (config.train.steps, config.train.seed, config.train.keep, config.data.seed) == (11, 22, 33, 44)
    assert config.data.clips == PRESETS["small"]().data.clips


def test_presets_are_what_they_are_without_any_override() -> None:
    for name, preset in PRESETS.items():
        assert load_config(preset=name) == preset()


def test_lists_are_toml_on_the_command_line_and_json_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_config(overrides=['world.shapes=["circle", "square"]']).world.shapes == ("circle", "square")
    monkeypatch.setenv("FLIPBOOK_WORLD__SHAPES", '["square"]')
    assert load_config().world.shapes == ("square",)


def test_a_bare_word_after_set_is_a_string() -> None:
    assert load_config(overrides=["train.device=cpu"]).train.device == "cpu"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[train]\nsteps = 0\n", ["train.steps = 0", "flipbook.toml", "allowed: 1 to 10,000,000"]),
        ("[train]\nstpes = 1\n", ["Unknown key train.stpes", "flipbook.toml", "did you mean steps?"]),
        ("[trian]\nsteps = 1\n", ["Unknown key trian", "flipbook.toml", "did you mean train?"]),
        ("[data]\nclips = 0\n", ["data.clips = 0", "flipbook.toml"]),
        ("[data]\nclips = 3\nshards = 9\n", ["data", "flipbook.toml", "shards"]),
        ("[world]\nshapes = ['pentagon']\n", ["pentagon", "circle, square, triangle"]),
        ("[train\n", ["not valid TOML", "flipbook.toml", "line 1"]),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_key_and_what_is_allowed(
    tmp_path: Path, text: str, parts: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(file=written(tmp_path, text))
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_a_missing_file_is_an_error_and_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no configuration file .*nowhere\.toml"):
        load_config(file=tmp_path / "nowhere.toml")


@pytest.mark.parametrize("name", ["FLIPBOOK_TRIAN__STEPS", "FLIPBOOK_TRAIN__STPES"])
def test_a_misspelt_variable_is_an_error_and_not_ignored(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "5")
    with pytest.raises(ConfigError, match="nknown"):
        load_config()


def test_the_home_is_no_misspelt_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLIPBOOK_HOME", "/somewhere")
    load_config()


def test_the_layer_of_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLIPBOOK_TRAIN__STEPS", "0")
    with pytest.raises(ConfigError, match="in the environment"):
        load_config()
    with pytest.raises(ConfigError, match="in --set"):
        load_config(overrides=["train.steps=-1"])


@pytest.mark.parametrize("override", ["train.steps", "=3", "train..steps=3", ""])
def test_an_override_that_is_no_assignment_is_refused(override: str) -> None:
    with pytest.raises(ConfigError, match=r"section\.key=value"):
        load_config(overrides=[override])


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"did you mean small\?.*full, small"):
        load_config(preset="smal")


def test_allowed_values_are_said_in_words() -> None:
    said = {}
    for key in ("train.steps", "train.learning_rate", "data.format"):
        field = field_at(key.split("."))
        assert field is not None
        said[key] = allowed(field)
    assert said["train.steps"] == "1 to 10,000,000"
    assert said["train.learning_rate"] == "above 0 to 0.1"
    assert said["data.format"] == "parquet or webdataset"
