"""A digest of the code that determines a result, so that a cache forgets what other code has made."""

from __future__ import annotations

import ast
import hashlib
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOMS = ("data", "models", "evaluation")
_ROOT = Path(__file__).resolve().parents[2]
_PARSER = threading.Lock()  # Python 3.11's parser fails at times when two threads parse (its recursion depth is shared)


@cache
def code_digest(*modules: str) -> str:
    """sha256 (hex) of the code of `modules` ("data.clips") and of all that they import from this project's rooms.

    Comments, docstrings, fields' descriptions and layout do not count, so that explaining a line keeps the
    cache. Raises ModuleNotFoundError where a module does not exist.
    """
    waiting, files = list(modules), dict[str, str]()
    while waiting:
        module = waiting.pop()
        if module not in files:
            files[module], imported = _read(module)
            waiting.extend(imported)
    return hashlib.sha256("\0".join(f"{name}\0{files[name]}" for name in sorted(files)).encode()).hexdigest()


@cache
def _read(module: str) -> tuple[str, tuple[str, ...]]:
    """What counts of a module's code, and the modules of this project that it imports."""
    path = _source_of(module)
    if path is None:
        raise ModuleNotFoundError(f"{module}: no such module under {_ROOT}")
    tree = _parse(path.read_text(encoding="utf-8"))
    return _without_docstrings(tree), tuple(_imported(tree))


def text_digest(source: str) -> str:
    """sha256 (hex) of Python source, without comments, docstrings and layout."""
    return hashlib.sha256(_without_docstrings(_parse(source)).encode()).hexdigest()


def _parse(source: str) -> ast.Module:
    with _PARSER:
        return ast.parse(source)


def _source_of(module: str) -> Path | None:
    path = _ROOT.joinpath(*module.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _imported(tree: ast.Module) -> Iterator[str]:
    """Modules of this project's rooms that `tree` imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            if name.split(".")[0] in ROOMS and _source_of(name) is not None:
                yield name


def _without_docstrings(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                node.body = node.body[1:]
        elif isinstance(node, ast.Call):  # pydantic's Field(description=...) is documentation too
            node.keywords = [keyword for keyword in node.keywords if keyword.arg != "description"]
    return ast.dump(tree)
