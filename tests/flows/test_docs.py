"""The snippets in README.md and docs/: every command, option, target and key exists, and Python runs as printed."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
import typer
from prefect.cli._app import _app
from tiny import tiny_config

from data.home import Home
from flows.cli.main import app
from flows.config.layers import load_config
from tracking.promotion import promote

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
COMPOSE = Path(sys.executable).with_name("docker-compose")


def blocks(language: str) -> Iterator[tuple[str, str]]:
    """Where each fenced block of a language stands, and its text."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in re.finditer(rf"^( *)```{language}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, match.start()) + 1
            yield f"{page.name}:{line}", re.sub(rf"^{match[1]}", "", match[2], flags=re.MULTILINE)


def commands() -> Iterator[tuple[str, list[str]]]:
    """Where each command stands, and its words. Commands in which "..." or COMMAND stands for anything are left out."""
    for where, words in all_commands():
        if len(words) > 1 and words[1] not in ("...", "COMMAND"):
            yield where, words


def all_commands() -> Iterator[tuple[str, list[str]]]:
    """The commands in blocks and in the running text, without the variables that are set before them."""
    for page in PAGES:
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
            for text in re.findall(r"`((?:flipbook|make|python -m) [^`]+)`", line):
                yield f"{page.name}:{number}", shlex.split(text)
    for where, block in blocks("sh"):
        for line in block.replace("\\\n", " ").splitlines():
            for text in re.split(r"&&|\|", line):
                words = shlex.split(text, comments=True)
                while words and (words[0] == "export" or re.match(r"[A-Z_]+=", words[0])):
                    words.pop(0)
                yield where, words


def of_program(*program: str) -> list[object]:
    """The commands of a program, as parameters of a test."""
    found = [(where, words) for where, words in commands() if tuple(words[: len(program)]) == program]
    return [pytest.param(words[len(program) :], id=f"{where} {shlex.join(words)}") for where, words in found]


def parse(arguments: list[str]) -> None:
    """Parse the arguments of `flipbook` as the real command line does, without running the command."""
    group = typer.main.get_command(app)
    with group.make_context("flipbook", [], resilient_parsing=True) as context:
        name, command, rest = group.resolve_command(context, [word for word in arguments if word != "--debug"])
        assert command is not None, f"there is no command {arguments[0]}"
        rest = rest[: rest.index(">")] if ">" in rest else rest
        try:
            command.make_context(name, rest, parent=context)
        except click.exceptions.Exit:  # --help
            pass
        except Exception as error:
            if type(error).__name__ != "MissingParameter":  # prose may name a command without its arguments
                raise AssertionError(f"{arguments}: {error}") from error


@pytest.mark.parametrize("arguments", of_program("flipbook"))
def test_the_command_line_knows_each_command_and_option(arguments: list[str]) -> None:
    parse(arguments)


@pytest.mark.parametrize("arguments", of_program("make"))
def test_make_knows_each_target_and_what_it_passes_on(arguments: list[str]) -> None:
    target, *variables = arguments
    assert re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for variable in variables:
        name, _, value = variable.partition("=")
        if name == "ARGS" and target in ("run", "up", "down", "status"):
            parse([target, *shlex.split(value)])


@pytest.mark.parametrize("arguments", of_program("python", "-m"))
def test_each_module_and_file_that_is_run_exists(arguments: list[str]) -> None:
    module, *rest = arguments
    assert find_spec(module) is not None
    for word in rest:
        if word.startswith("tests/"):
            assert (ROOT / word.partition("::")[0]).exists()


@pytest.mark.parametrize("arguments", of_program("prefect"))
def test_prefect_knows_each_command_and_option(arguments: list[str]) -> None:
    _app.parse_args(arguments, exit_on_error=False, print_error=False)


@pytest.mark.parametrize("arguments", of_program("docker", "compose"))
def test_compose_knows_each_command_and_option(arguments: list[str]) -> None:
    done = subprocess.run([COMPOSE, arguments[0], "--help"], capture_output=True, text=True, check=True)
    for option in (word for word in arguments if word.startswith("--")):
        assert option in done.stdout


@pytest.mark.parametrize(
    "names",
    [pytest.param(text, id=where) for where, block in blocks("sh") for text in re.findall(r"\.\[(.*?)\]", block)],
)
def test_each_extra_that_pip_is_asked_for_exists(names: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(names.split(",")) <= set(project["optional-dependencies"])


@pytest.mark.parametrize("text", [pytest.param(text, id=where) for where, text in blocks("toml")])
def test_each_configuration_file_is_accepted(text: str, tmp_path: Path) -> None:
    (tmp_path / "flipbook.toml").write_text(text)
    load_config(file=tmp_path / "flipbook.toml")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, prepared: Callable[[Path], Home], prefect_api: str) -> Path:
    """A working directory with a tiny trained model in its default home."""
    folder = tmp_path_factory.mktemp("docs")
    prepared(folder / ".flipbook")
    tiny = {
        f"FLIPBOOK_{name.upper()}": json.dumps(value) for name, value in tiny_config().model_dump(mode="json").items()
    }
    run_in(folder, "-m", "flows.cli.main", "run", PREFECT_API_URL=prefect_api, **tiny)
    promote(Home.at(folder / ".flipbook"), 1, even_if_not_better=True)  # by the rule no tiny model is champion
    return folder


def run_in(folder: Path, *arguments: str, **variables: str) -> None:
    """Run Python as a user without any settings would."""
    foreign = ("FLIPBOOK", "PREFECT", "MLFLOW")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("code", [pytest.param(text, id=where) for where, text in blocks("python")])
def test_each_python_snippet_runs_as_printed(code: str, trained: Path) -> None:
    def found(match: re.Match[str]) -> str:
        return str(next(trained.glob(re.sub("<[^>]*>", "*", match[0]))).relative_to(trained))

    run_in(trained, "-c", re.sub(r'\.flipbook/[^"]*<[^"]*', found, code))  # <digest> stands for any digest
