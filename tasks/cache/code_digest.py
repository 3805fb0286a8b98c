"""A digest of the code that makes an artifact, so that other code makes another artifact.

The digest is the same under every Python from 3.11 on. It is therefore not taken from `ast.dump`, whose output changes
between versions, but from the syntax tree itself: the names of nodes, and their fields that are not empty. This file
imports the standard library alone, so that any interpreter can compute the digest.
"""

from __future__ import annotations

import ast
import hashlib
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

ROOMS = ("data", "models", "evaluation")
"""Packages whose code determines what an artifact holds. The others only decide when and where it is made."""

_ROOT = Path(__file__).resolve().parents[2]
_PARSER = threading.Lock()  # Python 3.11's parser counts its recursion depth in a place that threads share
_ATTEMPTS = 20
_IGNORED_FIELDS = {"ctx", "type_comment", "kind"}


@cache
def code_digest(*modules: str) -> str:
    """sha256 (hex) of the code of `modules`, such as "data.files", and of all that they import from `ROOMS`.

    Comments, docstrings, the descriptions of fields, and layout do not count: a new comment keeps the digest.

    Raises:
        ModuleNotFoundError: a module does not exist.
    """
    waiting, files = list(modules), dict[str, str]()
    while waiting:
        module = waiting.pop()
        if module not in files:
            files[module], imported = _read(module)
            waiting.extend(imported)
    return hashlib.sha256("\0".join(f"{name}\0{files[name]}" for name in sorted(files)).encode()).hexdigest()


def source_digest(source: str) -> str:
    """sha256 (hex) of Python source, without comments, docstrings, descriptions and layout."""
    return hashlib.sha256(_canonical(_parse(source)).encode()).hexdigest()


@cache
def _read(module: str) -> tuple[str, tuple[str, ...]]:
    """The digest of a module's own code, and the modules of this project that it imports."""
    path = _source_of(module)
    if path is None:
        raise ModuleNotFoundError(f"{module}: no such module under {_ROOT}")
    source = path.read_text(encoding="utf-8")
    return source_digest(source), tuple(_imported(_parse(source)))


def _parse(source: str) -> ast.Module:
    """The syntax tree. Libraries parse without our lock. If one of them disturbs the parser, it is asked again."""
    with _PARSER:
        for _ in range(_ATTEMPTS - 1):
            with suppress(SystemError):
                return ast.parse(source)
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


def _canonical(value: object) -> str:
    """`value`, a part of a syntax tree, as text that does not depend on the version of Python."""
    if isinstance(value, list):
        return f"[{','.join(_canonical(item) for item in value)}]"
    if isinstance(value, ast.JoinedStr):  # versions differ in how they split the constant parts of an f-string
        return f"JoinedStr({_canonical(_joined(value.values))})"
    if not isinstance(value, ast.AST):
        return f"{type(value).__name__}:{value!r}"
    fields = []
    for name, field in ast.iter_fields(value):
        if name == "body" and isinstance(value, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            field = _without_docstring(field)
        elif name == "keywords" and isinstance(value, ast.Call):  # pydantic's Field(description=...) explains only
            field = [keyword for keyword in field if keyword.arg != "description"]
        if name not in _IGNORED_FIELDS and field is not None and field != []:
            fields.append(f"{name}={_canonical(field)}")
    return f"{type(value).__name__}({','.join(fields)})"


def _joined(values: list[ast.expr]) -> list[object]:
    parts: list[object] = []
    for value in values:
        if isinstance(value, ast.Constant) and parts and isinstance(parts[-1], str):
            parts[-1] += str(value.value)
        else:
            parts.append(value.value if isinstance(value, ast.Constant) else value)
    return [part for part in parts if part != ""]


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0] if body else None
    is_text = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return body[1:] if is_text else body
