"""One configuration from four layers, each stronger than the one before: preset, TOML file, environment, command line.

    FLIPBOOK_TRAIN__STEPS=100 flipbook run --preset small --config flipbook.toml --set train.seed=3

Whatever is wrong ends in a ConfigError of one line that names the key, the layer it came from, and what is allowed.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import annotated_types
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from flows.config.pipeline import PipelineConfig
from flows.config.presets import PRESETS

ENV_PREFIX = "FLIPBOOK_"
ENV_DELIMITER = "__"

Tree = dict[str, Any]


class ConfigError(ValueError):
    """A configuration that cannot be used; the message is for the person who wrote it."""


class _Settings(PipelineConfig, BaseSettings):
    """The shape in which pydantic-settings reads a layer; never instantiated."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")


def load_config(
    *, preset: str = "full", file: Path | None = None, overrides: Sequence[str] = (), options: Tree | None = None
) -> PipelineConfig:
    """The configuration that `preset`, `file`, the environment and the command line give together.

    Args:
        preset: a name in `flows.config.presets.PRESETS`.
        file: a TOML file with the tables world, data, model, train and evaluation; every key is optional.
        overrides: `section.key=value` texts, the value as in TOML (a bare word is a string).
        options: nested values of the command's own options, such as `{"train": {"seed": 3}}`; the strongest layer.

    Raises:
        ConfigError: unknown preset, unreadable file, unknown key, or a value that is not allowed.
    """
    if preset not in PRESETS:
        raise ConfigError(f"Unknown preset {preset!r}{_near(preset, PRESETS)}. Presets: {', '.join(PRESETS)}.")
    layers = {
        "a command line option": options or {},
        "--set": _from_overrides(overrides),
        "the environment": _from_environment(),
        **({str(file): _from_file(file)} if file else {}),
    }
    tree: Tree = PRESETS[preset]().model_dump()
    for layer in reversed(layers.values()):
        tree = _merge(tree, layer)
    try:
        return PipelineConfig.model_validate(tree)
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(detail, layers) for detail in error.errors())) from None


def field_at(path: Sequence[str | int]) -> FieldInfo | None:
    """The field of PipelineConfig at `path`, such as ("train", "steps"); None where there is none."""
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


def allowed(field: FieldInfo) -> str:
    """What `field` takes, in words: "1 to 100", "above 0", "parquet or webdataset"; empty where it says nothing."""
    low = high = step = ""
    for rule in field.metadata:
        if isinstance(rule, annotated_types.Ge):
            low = f"{rule.ge:,}"
        elif isinstance(rule, annotated_types.Gt):
            low = f"above {rule.gt:,}"
        elif isinstance(rule, annotated_types.Le):
            high = f"{rule.le:,}"
        elif isinstance(rule, annotated_types.Lt):
            high = f"below {rule.lt:,}"
        elif isinstance(rule, annotated_types.MultipleOf):
            step = f"a multiple of {rule.multiple_of}"
    if low and high:
        span = f"{low} to {high}"
    elif low:
        span = low if low.startswith("above") else f"{low} or more"
    else:
        span = f"up to {high}" if high else ""
    choices = [str(choice) for choice in get_args(field.annotation) if isinstance(choice, str)]
    return ", ".join(part for part in (span, step, " or ".join(choices)) if part)


def _from_file(file: Path) -> Tree:
    try:
        return dict(TomlConfigSettingsSource(_Settings, toml_file=_existing(file))())
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is not valid TOML: {error}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}.") from None


def _existing(file: Path) -> Path:
    if not file.is_file():  # pydantic-settings passes over a missing file in silence
        raise ConfigError(f"There is no configuration file {file}.")
    return file


def _from_environment() -> Tree:
    sections = PipelineConfig.model_fields
    for name in os.environ:
        if name.startswith(ENV_PREFIX) and ENV_DELIMITER in name:
            section = name.removeprefix(ENV_PREFIX).split(ENV_DELIMITER)[0].lower()
            if section not in sections:
                raise ConfigError(
                    f"The environment variable {name} names the unknown section {section!r}{_near(section, sections)}. "
                    f"Sections: {', '.join(sections)}."
                )
    try:
        return dict(EnvSettingsSource(_Settings, env_prefix=ENV_PREFIX, env_nested_delimiter=ENV_DELIMITER)())
    except SettingsError:  # its message holds the section, but neither variable nor cause
        names = ", ".join(name for name in os.environ if name.startswith(ENV_PREFIX) and ENV_DELIMITER in name)
        raise ConfigError(
            f"One of the environment variables {names} is not valid: lists and tables are written as JSON, "
            """as in FLIPBOOK_WORLD__SHAPES='["circle", "square"]'."""
        ) from None


def _from_overrides(overrides: Sequence[str]) -> Tree:
    tree: Tree = {}
    for override in overrides:
        key, equals, text = override.partition("=")
        path = [part.strip() for part in key.split(".")]
        if not equals or not all(path):
            raise ConfigError(f"--set {override!r} is not of the form section.key=value, as in train.steps=100.")
        try:
            value = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            value = text
        for part in reversed(path):
            value = {part: value}
        tree = _merge(tree, value)
    return tree


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> Tree:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def _explain(detail: ErrorDetails, layers: Mapping[str, Tree]) -> str:
    path = detail["loc"]
    key = ".".join(str(part) for part in path)
    where = next((name for name, layer in layers.items() if _holds(layer, path)), "the preset")
    if detail["type"] == "extra_forbidden":
        parent = field_at(path[:-1])
        model = PipelineConfig if len(path) == 1 else parent.annotation if parent else None
        known = list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []
        return f"Unknown key {key} in {where}{_near(str(path[-1]), known)}. Known here: {', '.join(known)}."
    message = detail["msg"].removeprefix("Value error, ")
    if isinstance(detail["input"], (Mapping, BaseModel)):  # two values that do not go together
        return f"{key or 'The configuration'} in {where}: {message}."
    message = message[:1].lower() + message[1:]
    field = field_at(path)
    span = f" (allowed: {allowed(field)})" if field and allowed(field) else ""
    return f"{key} = {detail['input']!r} in {where}: {message}{span}."


def _holds(layer: Mapping[str, Any], path: Sequence[str | int]) -> bool:
    value: Any = layer
    for part in path:
        if not isinstance(value, Mapping):
            break  # a list: whoever wrote it wrote the item too
        if part not in value:
            return False
        value = value[part]
    return bool(layer)


def _near(word: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    match = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean {match[0]}?)" if match else ""
