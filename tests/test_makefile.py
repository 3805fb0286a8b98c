"""make installs what a target needs, once, and again only if the dependencies change."""

import os
import shutil
import subprocess
import time
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOMORROW = time.time() + 86_400


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout whose Python only writes down how pip is called."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "flipbook", "ruff", "mypy", "lint-imports"):
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >> "{tmp_path}/calls"\n')
        (programs / name).chmod(0o755)
    return tmp_path


def installed(checkout: Path, target: str) -> list[str]:
    """What pip is asked to install while make builds `target`."""
    calls = checkout / "calls"
    calls.unlink(missing_ok=True)
    subprocess.run(["make", target], cwd=checkout, check=True, capture_output=True, env={"PATH": os.environ["PATH"]})
    return [line.rpartition(" ")[2] for line in calls.read_text().splitlines() if "pip install" in line]


def test_running_installs_the_dependencies_and_tests_add_their_tools(checkout: Path) -> None:
    assert installed(checkout, "run") == ["."]
    assert installed(checkout, "status") == []
    assert installed(checkout, "check") == [".[dev]"]
    assert installed(checkout, "check") == []
    assert installed(checkout, "run") == []


def test_tools_that_are_installed_first_serve_running_too(checkout: Path) -> None:
    assert installed(checkout, "check") == [".[dev]"]
    assert installed(checkout, "run") == []


def test_a_file_with_a_date_in_the_future_installs_nothing(checkout: Path) -> None:
    installed(checkout, "run")
    os.utime(checkout / "pyproject.toml", (TOMORROW, TOMORROW))
    assert installed(checkout, "run") == []


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_changed_dependencies_are_installed_again_whatever_the_clock_says(name: str, checkout: Path) -> None:
    installed(checkout, "check")
    (checkout / name).write_text((checkout / name).read_text() + "# a change\n")
    os.utime(checkout / name, (0, 0))
    assert installed(checkout, "run") == ["."]
    assert installed(checkout, "check") == [".[dev]"]


def test_the_tests_of_every_folder_run() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["testpaths"]
    folders = {f"tests/{file.parent.name}" for file in (ROOT / "tests").glob("*/test_*.py")}
    assert sorted(listed) == sorted(folders | {"tests/test_*.py"})
