"""The digest of code: what changes it, and what does not."""

import ast
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks.cache import code_digest as subject
from tasks.cache.code_digest import code_digest, source_digest


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "clips.py").write_text("from data.shapes import area\n\ndef clip():\n    return area()\n")
    (tmp_path / "data" / "shapes.py").write_text("def area():\n    return 1\n")
    (tmp_path / "data" / "other.py").write_text("def other():\n    return 1\n")
    monkeypatch.setattr(subject, "_ROOT", tmp_path)
    forget()
    yield tmp_path / "data"
    forget()


def forget():
    code_digest.cache_clear()
    subject._read.cache_clear()


def digest_after(path, text):
    path.write_text(text)
    forget()
    return code_digest("data.clips")


def test_changing_an_imported_module_changes_the_digest(project):
    before = code_digest("data.clips")
    assert digest_after(project / "shapes.py", "def area():\n    return 2\n") != before


def test_changing_a_module_that_is_not_imported_changes_nothing(project):
    before = code_digest("data.clips")
    assert digest_after(project / "other.py", "def other():\n    return 2\n") == before


def test_an_import_inside_a_function_counts(project):
    before = digest_after(project / "shapes.py", "def area():\n    import data.other\n    return data.other.other()\n")
    assert digest_after(project / "other.py", "def other():\n    return 2\n") != before


def test_comments_docstrings_and_layout_change_nothing(project):
    before = code_digest("data.clips")
    text = '"""Shapes."""\n\n\ndef area():  # px\n    """Area."""\n    return (1)\n'
    assert digest_after(project / "shapes.py", text) == before


def test_a_fields_description_changes_nothing_but_its_default_does():
    base = source_digest("steps: int = Field(5, description='Steps.')")
    assert source_digest("steps: int = Field(5, description='Training steps.')") == base
    assert source_digest("steps: int = Field(6, description='Steps.')") != base


def test_a_module_that_does_not_exist_is_an_error(project):
    with pytest.raises(ModuleNotFoundError, match=r"data\.nothing"):
        code_digest("data.nothing")


def test_many_threads_get_one_digest(project):
    (project / "shapes.py").write_text("\n".join(f"def area_{n}(x):\n    return [x * (1 + {n})]" for n in range(300)))

    def digest(_: int) -> str:
        forget()
        return code_digest("data.clips")

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(digest, range(16)))) == 1


PROBE = r'''
import pydantic
from typing import Generic, TypeVar

class Box(pydantic.BaseModel, frozen=True):
    """A docstring."""
    size: int = pydantic.Field(5, description="px")

async def run(first, /, second=1, *rest, key: "int | None" = None, **more) -> str:
    async with first as box, second: pass
    if (found := second + 1j) and b"bytes" and not ...: del box
    try: [x async for x in first if x]
    except* ValueError as error: raise error from None
    match second:
        case {"a": [1, *others], **left} | Box(size=0): return lambda *a: (yield)
        case _ if key: pass
    return f"{key!r:>{second}} {{}}" "and more" f"{first=} {second:%Y-%m}" rf"\d{3}"
'''
PROBE_DIGEST = "3225e87dd36b3ff1ef5ccf0aad10cb3ad30b218abd178c7027f5112fde5e3c76"


def interpreters() -> list[str]:
    """Every Python from 3.11 on that this machine has."""
    folders = [Path(folder) for folder in os.environ["PATH"].split(os.pathsep) if not folder.endswith("shims")]
    folders += Path.home().glob(".pyenv/versions/*/bin")
    found = [Path(sys.executable), *(path for folder in folders for path in folder.glob("python3.1[1-9]"))]
    return sorted({str(path.resolve()) for path in found})


@pytest.mark.parametrize("python", interpreters())
def test_every_version_of_python_gives_the_same_digest(python: str) -> None:
    code = (
        "import runpy, sys; source = sys.stdin.read(); "
        f"print(runpy.run_path({subject.__file__!r})['source_digest'](source))"
    )
    done = subprocess.run([python, "-c", code], input=PROBE, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == PROBE_DIGEST, done.stderr


def test_a_parser_that_other_threads_have_disturbed_is_asked_again(monkeypatch):
    expected, parse = source_digest("x = 1"), ast.parse
    errors = [SystemError("AST constructor recursion depth mismatch (before=57, after=91)") for _ in range(2)]

    def disturbed(source):
        if errors:
            raise errors.pop()
        return parse(source)

    monkeypatch.setattr(ast, "parse", disturbed)
    assert source_digest("x = 1") == expected
    assert not errors
