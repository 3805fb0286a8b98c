"""Builds one configuration from layers. Each layer overrides single values of the layers before it.

The layers, weakest first: preset, TOML file, environment, `--set`, options of the command.

    FLIPBOOK_TRAIN__STEPS=100 flipbook run --preset small --config flipbook.toml --set train.seed=3

All layers follow one rule for values. Numbers, booleans and strings are never converted into each other, and a whole
number may also be written as 1e3.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from flows.config.mistakes import ConfigError, did_you_mean, explain
from flows.config.pipeline import PipelineConfig
from flows.config.presets import PRESETS
from flows.config.variables import configured_variables

Tree = dict[str, Any]


def load_config(
    *, preset: str = "", file: Path | None = None, overrides: Sequence[str] = (), options: Tree | None = None
) -> PipelineConfig:
    """Merge all layers and validate the result.

    Args:
        preset: a name in `flows.config.presets.PRESETS`. Empty: `own` if a layer names a data set, else `full`.
        file: a TOML file with the tables world, data, model, train and evaluation. Every key is optional.
        overrides: texts of the form `section.key=value`, see `read_value`.
        options: nested values of the command's own options, such as `{"train": {"seed": 3}}`.

    Raises:
        ConfigError: a preset or key is unknown, the file cannot be read, or a value is not allowed. The message has
            one line per mistake. It names the key, the layer, and what is allowed.
    """
    if preset and preset not in PRESETS:
        raise ConfigError(f"Unknown preset {preset!r}{did_you_mean(preset, PRESETS)}. Presets: {', '.join(PRESETS)}.")
    layers: dict[str, Tree] = {"a command line option": options or {}, "--set": _from_overrides(overrides)}
    for name, (path, text) in configured_variables().items():
        layers[name] = _nested(path, read_value(text))
    if file:
        layers[str(file)] = _from_file(file)
    given: Tree = {}
    for layer in reversed(layers.values()):
        given = _merged(given, layer)
    if given.get("dataset"):
        _refuse_unused(layers["--set"])
    chosen = PRESETS[preset or ("own" if given.get("dataset") else "full")]
    tree = _merged(chosen().model_dump(mode="json"), given)
    try:
        # Strict JSON takes a list for a tuple, but neither true nor "77" for a number.
        return PipelineConfig.model_validate_json(json.dumps(_whole_numbers(tree), default=str), strict=True)
    except ValidationError as error:
        raise ConfigError("\n".join(explain(detail, layers) for detail in error.errors())) from None


def _refuse_unused(overrides: Tree) -> None:
    """Raise ConfigError if `--set` gives values of a world beside a data set of people's own clips."""
    for section in ("world", "data"):
        if section in overrides:
            raise ConfigError(
                f"--set {section} has no effect on your own clips: leave it out. Their size and their splits come from "
                "their import."
            )


def read_value(text: str) -> Any:
    """Read the value of a variable or of `--set`: TOML, else JSON, else a string. So words need no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        pass
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _from_file(file: Path) -> Tree:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))  # Windows editors begin a file with a BOM
    except FileNotFoundError:
        raise ConfigError(f"There is no configuration file {file}.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file} is not valid TOML: {error}.") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8 text ({error}). Save it as UTF-8.") from None
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror or error}.") from None


def _from_overrides(overrides: Sequence[str]) -> Tree:
    tree: Tree = {}
    for override in overrides:
        key, equals, text = override.partition("=")
        path = [part.strip() for part in key.split(".")]
        if not equals or not all(path):
            raise ConfigError(f"--set {override!r} must have the form section.key=value, as in train.steps=100.")
        tree = _merged(tree, _nested(path, read_value(text)))
    return tree


def _nested(path: Sequence[str], value: Any) -> Tree:
    for part in reversed(path):
        value = {part: value}
    return dict(value)


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Tree:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def _whole_numbers(value: Any) -> Any:
    """Replace each float that is a whole number by the integer. Fields for floats take integers, too."""
    if isinstance(value, Mapping):
        return {key: _whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
