"""The command line: what it prints, and how it ends when something is wrong."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from tiny import tiny_config

from data.home import Home
from flows.cli.main import app, execute, explain
from flows.config.pipeline import PipelineConfig

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def home(prepared: Callable[[Path], Home], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for all tests in this file."""
    return prepared(tmp_path_factory.mktemp("cli") / "home").root


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("FLIPBOOK_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("FLIPBOOK_HOME", str(home))
    monkeypatch.chdir(tmp_path)


def flipbook(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flows.cli.main", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def only_line(text: str) -> str:
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    return lines[0]


@pytest.mark.parametrize("command", [command.name or command.callback.__name__ for command in app.registered_commands])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute([command, "--help"]) == 0
    assert f"flipbook {command}" in capsys.readouterr().out


def test_wrong_usage_ends_with_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["nonsense"]) == 2
    assert execute(["generate"]) == 2
    assert execute(["generate", "circle shrinking", "--count", "0"]) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "dataset", "train"])
def test_zero_clips_are_refused_before_any_work(command: str, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute([command, "--set", "data.clips=0"]) == 1
    assert "data.clips = 0 in --set" in only_line(capsys.readouterr().err)
    assert not list((home / "datasets").glob("*"))


def test_a_mistake_is_found_before_pytorch_and_prefect_are_loaded() -> None:
    code = (
        "import sys, flows.cli.main\n"
        "assert flows.cli.main.execute(['run', '--set', 'train.stpes=1']) == 1\n"
        "sys.exit(f'loaded: {heavy}' if (heavy := {'torch', 'prefect', 'mlflow'} & set(sys.modules)) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "did you mean steps?" in only_line(done.stderr)


def test_run_says_what_it_does_before_it_loads_anything_slow() -> None:
    code = (
        "import sys, flows.cli.main, flows.cli.session\n"
        "def server(home, **_):\n"
        "    raise OSError('loaded' if {'torch', 'prefect', 'mlflow'} & set(sys.modules) else 'nothing slow so far')\n"
        "flows.cli.session.prefect_server = server\n"
        "sys.exit(flows.cli.main.execute(['run']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True
    )
    first, error = done.stderr.decode().splitlines()
    assert "Loading" in first
    assert os.environ["FLIPBOOK_HOME"] in first
    assert "nothing slow so far" in error


def test_a_traceback_is_shown_only_with_debug() -> None:
    assert "Traceback" not in flipbook("run", "--set", "data.clips=0").stderr
    for arguments in (("--debug", "run"), ("run", "--debug")):
        done = flipbook(*arguments, "--set", "data.clips=0")
        assert done.returncode == 1
        assert "Traceback" in done.stderr


@pytest.mark.parametrize("prompt", ["../../etc/passwd", "", "   ", "/", "circle mooving up"])
def test_a_bad_prompt_is_refused_and_no_file_appears(
    prompt: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["generate", prompt, "--out", str(tmp_path / "out")]) == 1
    message = only_line(capsys.readouterr().err)
    assert ("The prompt is empty" if not prompt.strip() else "No model is registered yet") in message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["run"],
        ["dataset"],
        ["train"],
        ["evaluate"],
        ["compare", "models:/flipbook/1", "models:/flipbook/2"],
        ["ablate"],
        ["generate", "circle shrinking"],
        ["models"],
        ["register", "checkpoint"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_wrong_mlflow_setting_is_refused_before_any_work(
    arguments: list[str], home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    assert execute(arguments) == 1
    assert "MLFLOW_TRACKING_URI" in only_line(capsys.readouterr().err)
    assert not list((home / "datasets").glob("*"))


def test_an_error_about_a_huge_prompt_stays_readable(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["generate", "circle mooving " * 10_000]) == 1
    assert 0 < len(only_line(capsys.readouterr().err)) < 1_200


def test_a_model_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["generate", "circle shrinking", "--model", "models:/flipbook/99"]) == 1
    assert "models:/flipbook/99" in only_line(capsys.readouterr().err)


def test_a_home_that_cannot_be_created_is_an_error_of_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert execute(["models", "--home", str(tmp_path / "file" / "home")]) == 1
    assert "FLIPBOOK_HOME" in only_line(capsys.readouterr().err)


@pytest.mark.parametrize("variables", [{"PYTHONIOENCODING": "latin-1"}, {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"}])
def test_output_never_fails_on_characters_that_the_terminal_lacks(variables: dict[str, str], tmp_path: Path) -> None:
    done = flipbook("down", "--home", tmp_path / "дом", **variables)
    assert done.returncode == 0, done.stderr
    assert "Nothing" in done.stdout
    done = flipbook("config", "--config", tmp_path / "нет.toml", **variables)
    assert done.returncode == 1
    assert "There is no configuration file" in only_line(done.stderr)


def test_the_printed_configuration_reads_back_as_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["config", "--preset", "small", "--seed", "5"]) == 0
    printed = capsys.readouterr().out
    config = PipelineConfig.model_validate(tomllib.loads(printed))
    assert config.train.seed == 5
    file = tmp_path / "flipbook.toml"
    file.write_text(printed)
    assert execute(["config", "--config", str(file)]) == 0
    assert capsys.readouterr().out == printed


def test_an_error_of_the_system_names_its_file() -> None:
    full = OSError(28, "No space left on device", "/disk/shard-0.parquet")
    assert explain(full).startswith("No space left on device: /disk/shard-0.parquet.")
    assert "--debug" in explain(RuntimeError("odd"))


def test_ctrl_c_ends_with_130_and_says_how_to_continue(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("flows.config.layers.load_config", interrupted)
    assert execute(["run"]) == 130
    assert "continue" in capsys.readouterr().err


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, prefect_api: str) -> tuple[Path, str]:
    """A home with one tiny version, and what its training printed. PyTorch and Prefect load once, in this process."""
    where = tmp_path_factory.mktemp("trained") / "a home"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("FLIPBOOK_HOME", "no_proxy", "NO_PROXY"):  # set by commands, and restored with the patch
            patch.setenv(name, os.environ.get(name, ""))
        patch.setenv("PREFECT_API_URL", prefect_api)
        for name, section in tiny_config().model_dump(mode="json").items():
            patch.setenv(f"FLIPBOOK_{name.upper()}", json.dumps(section))
        with redirect_stdout(StringIO()) as printed:
            assert execute(["train", "--home", str(where)]) == 0
    return where, printed.getvalue()


def test_the_command_that_a_training_prints_works_as_it_stands(
    trained: tuple[Path, str], prefect_api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, printed = trained
    (command,) = re.findall("Score it: (.*)", printed)
    name, *arguments = shlex.split(command)
    assert name.endswith("flipbook")
    assert arguments == ["evaluate", "--model", "models:/flipbook/1", "--home", str(home)]
    monkeypatch.setenv("PREFECT_API_URL", prefect_api)
    monkeypatch.setenv("FLIPBOOK_EVALUATION", tiny_config().evaluation.model_dump_json())
    assert execute(arguments) == 0


def test_videos_of_another_seed_are_replaced_and_other_files_stay(trained: tuple[Path, str], tmp_path: Path) -> None:
    generate = ["generate", "circle moving left", "--model", "models:/flipbook/1", "--home", str(trained[0])]
    out = tmp_path / "out"
    assert execute([*generate, "--out", str(out), "--count", "3", "--format", "gif"]) == 0
    (out / "circle-moving-left-notes.txt").write_text("mine")
    assert execute([*generate, "--out", str(out), "--count", "2", "--seed", "1", "--format", "mp4"]) == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == ["circle-moving-left-000.mp4", "circle-moving-left-001.mp4", "circle-moving-left-notes.txt"]


def test_an_unknown_device_is_an_error_of_one_line(
    trained: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--model", "models:/flipbook/1", "--home", str(trained[0]), "--device", "tpu"]
    assert execute(["generate", "circle moving left", *arguments]) == 1
    assert "tpu" in only_line(capsys.readouterr().err)
