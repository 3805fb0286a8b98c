"""Layers of configuration, and the messages about mistakes in them."""

import os
import threading
from pathlib import Path

import pytest

from flows.config.layers import load_config
from flows.config.mistakes import ConfigError
from flows.config.presets import PRESETS


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("FLIPBOOK_"):
            monkeypatch.delenv(name)


def written(folder: Path, text: str | bytes) -> Path:
    file = folder / "flipbook.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_each_layer_overrides_the_layers_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path, "[train]\nsteps = 11\nseed = 12\nkeep = 13\n[data]\nseed = 14\n")
    monkeypatch.setenv("FLIPBOOK_TRAIN__SEED", "22")
    monkeypatch.setenv("FLIPBOOK_TRAIN__KEEP", "23")
    config = load_config(preset="small", file=file, overrides=["train.keep=33"], options={"data": {"seed": 44}})
    assert (config.train.steps, config.train.seed, config.train.keep, config.data.seed) == (11, 22, 33, 44)
    assert config.data.clips == PRESETS["small"]().data.clips


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_without_overrides_is_itself(name: str) -> None:
    assert load_config(preset=name) == PRESETS[name]()


def in_set(key: str, text: str, **_: object) -> dict[str, object]:
    return {"overrides": [f"{key}={text}"]}


def in_file(key: str, text: str, folder: Path, **_: object) -> dict[str, object]:
    section, _dot, name = key.partition(".")
    return {"file": written(folder, f"[{section}]\n{name} = {text}\n")}


def in_environment(key: str, text: str, monkeypatch: pytest.MonkeyPatch, **_: object) -> dict[str, object]:
    monkeypatch.setenv(f"FLIPBOOK_{key.replace('.', '__').upper()}", text)
    return {}


@pytest.mark.parametrize("layer", [in_set, in_file, in_environment])
class TestEveryLayerFollowsTheSameRule:
    @pytest.mark.parametrize(
        ("key", "text", "value"),
        [
            ("train.steps", "1e3", 1000),
            ("train.steps", "1_000", 1000),
            ("train.learning_rate", "5e-4", 0.0005),
            ("train.cpu_minutes", "3", 3.0),
            ("train.compile", "true", True),
            ("train.device", '"cpu"', "cpu"),
            ("world.shapes", '["circle", "square"]', ("circle", "square")),
            ("world.radius", "[6, 7.5]", (6.0, 7.5)),
        ],
    )
    def test_these_values_are_accepted(self, layer, key, text, value, tmp_path, monkeypatch):
        config = load_config(**layer(key, text, folder=tmp_path, monkeypatch=monkeypatch))
        section, name = key.split(".")
        found = getattr(getattr(config, section), name)
        assert found == value
        assert type(found) is type(value)

    @pytest.mark.parametrize(
        ("key", "text"),
        [
            ("train.steps", "true"),
            ("train.steps", '"77"'),
            ("train.steps", "1.5"),
            ("train.learning_rate", '"0.1"'),
            ("train.learning_rate", "true"),
            ("train.compile", "1"),
            ("train.compile", '"yes"'),
            ("train.device", "7"),
            ("world.shapes", '"circle"'),
        ],
    )
    def test_these_values_are_refused_by_name(self, layer, key, text, tmp_path, monkeypatch):
        with pytest.raises(ConfigError, match=key):
            load_config(**layer(key, text, folder=tmp_path, monkeypatch=monkeypatch))


def test_a_word_needs_no_quotes_outside_toml_files(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_config(overrides=["train.device=cpu"]).train.device == "cpu"
    monkeypatch.setenv("FLIPBOOK_TRAIN__DEVICE", "cuda:1")
    assert load_config().train.device == "cuda:1"


@pytest.mark.parametrize("text", ["circle", "[circle]", '"circle"'])
def test_a_word_in_place_of_a_list_is_answered_with_the_list(text: str) -> None:
    with pytest.raises(ConfigError, match=r'world\.shapes=\["circle"\]'):
        load_config(overrides=[f"world.shapes={text}"])


def test_a_whole_section_in_one_variable_is_weaker_than_a_single_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLIPBOOK_TRAIN__STEPS", "5")
    monkeypatch.setenv("FLIPBOOK_TRAIN", '{"steps": 4, "keep": 3}')
    train = load_config().train
    assert (train.steps, train.keep) == (5, 3)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[train]\nsteps = 0\n", ["train.steps = 0", "flipbook.toml", "1 to 10,000,000"]),
        ("[train]\nstpes = 1\n", ["Unknown key train.stpes", "flipbook.toml", "did you mean steps?"]),
        ("[trian]\nsteps = 1\n", ["Unknown key trian", "flipbook.toml", "did you mean train?"]),
        ("[data]\nclips = 3\nshards = 9\n", ["data", "flipbook.toml", "shards"]),
        ("[world]\nshapes = ['pentagon']\n", ["pentagon", "circle, square, triangle"]),
        ("[train\n", ["not valid TOML", "flipbook.toml", "line 1"]),
        ("[train]\n".encode("utf-16"), ["not UTF-8", "flipbook.toml"]),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_key_and_what_is_allowed(
    tmp_path: Path, text: str | bytes, parts: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(file=written(tmp_path, text))
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert load_config(file=written(tmp_path, b"\xef\xbb\xbf[train]\nsteps = 7\n")).train.steps == 7


def test_the_file_may_be_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("[train]\nsteps = 7\n",))
    writer.start()
    assert load_config(file=pipe).train.steps == 7
    writer.join()


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.toml", tmp_path):
        with pytest.raises(ConfigError, match=path.name):
            load_config(file=path)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("FLIPBOOK_TRIAN__STEPS", "train"),
        ("FLIPBOOK_TRAIN__STPES", "steps"),
        ("FLIPBOOK_TRAIN_STEPS", "FLIPBOOK_TRAIN__STEPS"),
        ("FLIPBOOK_TRAIN_LEARNING_RATE", "FLIPBOOK_TRAIN__LEARNING_RATE"),
        ("FLIPBOOK_HOMES", "FLIPBOOK_HOME"),
    ],
)
def test_a_misspelt_variable_is_refused_with_the_right_name(
    name: str, meant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "5")
    with pytest.raises(ConfigError, match=rf"{name}.*ou mean {meant}\?"):
        load_config()


@pytest.mark.parametrize("name", ["FLIPBOOK_HOME", "FLIPBOOK_SERVICE_HOST", "FLIPBOOK_PORT_5000_TCP_ADDR"])
def test_variables_that_mean_something_else_are_left_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "/somewhere")
    load_config()


def test_the_layer_of_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLIPBOOK_TRAIN__STEPS", "0")
    with pytest.raises(ConfigError, match="in FLIPBOOK_TRAIN__STEPS"):
        load_config()
    with pytest.raises(ConfigError, match="in --set"):
        load_config(overrides=["train.steps=-1"])


@pytest.mark.parametrize("override", ["train.steps", "=3", "train..steps=3", ""])
def test_an_override_that_is_not_an_assignment_is_refused(override: str) -> None:
    with pytest.raises(ConfigError, match=r"section\.key=value"):
        load_config(overrides=[override])


def test_a_data_set_in_any_layer_chooses_the_preset_for_own_clips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = PRESETS["own"]()
    file = written(tmp_path, 'dataset = "mine"\n[evaluation]\nvideos_per_prompt = 2\n')
    for config in (load_config(file=file), load_config(options={"dataset": "mine"})):
        assert (config.model, config.train, config.dataset) == (own.model, own.train, "mine")
    monkeypatch.setenv("FLIPBOOK_DATASET", "mine")
    assert load_config().model == own.model
    with pytest.raises(ConfigError, match="--set world has no effect on your own clips"):
        load_config(overrides=["world.frames=32"])
    assert load_config(overrides=["train.steps=10"]).train.steps == 10


def test_an_unknown_preset_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"did you mean small\?.*full, small"):
        load_config(preset="smal")
