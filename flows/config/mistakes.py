"""Says what is wrong with a configuration: which key, from which layer, and what is allowed."""

import difflib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from flows.config.pipeline import PipelineConfig


class ConfigError(ValueError):
    """A configuration that cannot be used. The message is for the person who wrote it."""


def explain(detail: ErrorDetails, layers: Mapping[str, Mapping[str, Any]]) -> str:
    """One line about one mistake. `layers` holds the values of each layer by its name, strongest first."""
    path = detail["loc"]
    key = ".".join(str(part) for part in path)
    where = next((name for name, layer in layers.items() if _holds(layer, path)), "the preset")
    if detail["type"] == "extra_forbidden":
        known = _keys_at(path[:-1])
        return f"Unknown key {key} in {where}{did_you_mean(str(path[-1]), known)}. Known here: {', '.join(known)}."
    message = detail["msg"].removeprefix("Value error, ")
    value, field = detail["input"], _field_at(path)
    if isinstance(value, Mapping):  # two values that contradict each other
        return f"{key or 'The configuration'} in {where}: {message}."
    if detail["type"] == "tuple_type":
        items = [item.strip() for item in value.strip("[]").split(",")] if isinstance(value, str) else [value]
        return f"{key} = {_shown(value)} in {where}: this key takes a list, as in {key}={_shown(items)}."
    meaning = f" {key} means: {field.description}" if field and field.description else ""
    return f"{key} = {_shown(value)} in {where}: {message[:1].lower()}{message[1:]}.{meaning}"


def _field_at(path: Sequence[str | int]) -> FieldInfo | None:
    """The field of PipelineConfig at `path`, such as ("train", "steps"). None if there is no such field."""
    model: type[BaseModel] = PipelineConfig
    found: FieldInfo | None = None
    for part in path:
        if isinstance(part, int):
            break
        found = model.model_fields.get(part)
        if found is None:
            return None
        if isinstance(found.annotation, type) and issubclass(found.annotation, BaseModel):
            model = found.annotation
    return found


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint in brackets that names the most similar known word. Empty if no word is similar."""
    match = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {match[0]}?)" if match else ""


def _keys_at(path: Sequence[str | int]) -> list[str]:
    parent = _field_at(path)
    model = parent.annotation if parent else PipelineConfig
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


def _holds(layer: Mapping[str, Any], path: Sequence[str | int]) -> bool:
    value: Any = layer
    for part in path:
        if not isinstance(value, Mapping):
            break  # the whole list comes from one layer, and so does each item
        if part not in value:
            return False
        value = value[part]
    return bool(layer)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
