"""`flipbook config`: the effective configuration, as a TOML file that explains each key."""

import json
import textwrap
from collections.abc import Iterator
from typing import Any

import typer
from pydantic import BaseModel

from flows.cli.options import ConfigFile, Overrides, Preset, Seed, configuration


def show_config(preset: Preset = "", config: ConfigFile = None, overrides: Overrides = None, seed: Seed = None) -> None:
    """Print the effective configuration as TOML with explanations. Save it, change it, and pass it with --config."""
    typer.echo("\n".join(toml_lines(configuration(preset, config, overrides, seed))))


def toml_lines(config: BaseModel) -> Iterator[str]:
    """`config` as TOML: one table per section, and each key below its description."""
    for section, field in type(config).model_fields.items():
        step = getattr(config, section)
        if not isinstance(step, BaseModel):
            yield from (f"# {line}" for line in textwrap.wrap(field.description or "", 110))
            yield from (f"{section} = {_toml(step)}", "")
            continue
        yield from (f"# {field.description}", f"[{section}]")
        for key, value in step.model_dump(mode="json").items():
            description = type(step).model_fields[key].description or ""
            yield from (f"# {line}" for line in textwrap.wrap(description, 110))
            yield f"{key} = {_toml(value)}"
        yield ""


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        items = [_toml(item) for item in value]
        one_line = f"[{', '.join(items)}]"
        return one_line if len(one_line) <= 90 else "[\n" + "".join(f"    {item},\n" for item in items) + "]"
    return json.dumps(value)  # TOML writes strings, numbers and booleans as JSON does
