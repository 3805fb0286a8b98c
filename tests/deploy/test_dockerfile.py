"""deploy/Dockerfile and the files that it copies. No container engine runs here, so nothing is built."""

import re
import subprocess
import tomllib

from deployment import DEPLOY, ROOT, SCRIPTS

DOCKERFILE = DEPLOY / "Dockerfile"
FOR_BUILDING = {"pyproject.toml", "constraints.txt", "LICENSE"}
FOR_DEPLOYING = {"prefect.yaml"}


def test_the_linter_finds_nothing():
    done = subprocess.run([SCRIPTS / "hadolint", DOCKERFILE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_build_sees_the_packages_and_nothing_else():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_through = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    assert let_through == packages | FOR_BUILDING | FOR_DEPLOYING


def test_both_variants_of_the_compose_file_exist():
    variants = set(re.findall(r"^FROM \S+ AS torch-(\w+)$", DOCKERFILE.read_text(), re.MULTILINE))
    assert variants == {"cpu", "cuda"}


def test_what_runs_is_neither_root_nor_able_to_build():
    final = DOCKERFILE.read_text().rpartition("\nFROM ")[2]
    assert re.findall(r"^USER (\S+)$", final, re.MULTILINE) == ["1000:1000"]
    assert not re.search(r"\b(gcc|build-essential|make|git)\b", final)
    assert "--without-pip" in DOCKERFILE.read_text()
