"""The environment variables that Flipbook reads, and a check for names that are almost right."""

import difflib
import os
import re

from flows.config.mistakes import ConfigError, did_you_mean
from flows.config.pipeline import PipelineConfig

PREFIX = "FLIPBOOK_"
OTHER_VARIABLES = ("HOME", "PRESET", "CONFIG", "MLFLOW_PAGES")  # all variables that set no value of the configuration
_SIMILAR = 0.85  # share of equal letters; unrelated names, such as those that Kubernetes sets, have fewer


def configured_variables() -> dict[str, tuple[list[str], str]]:
    """All values of the configuration that the environment sets: name of the variable -> (path of the key, text).

    FLIPBOOK_TRAIN__STEPS sets train.steps. FLIPBOOK_TRAIN sets the whole section as a table, and is weaker, so it comes
    later.

    Raises:
        ConfigError: a variable is named almost like a known one, or names an unknown section.
    """
    sections = PipelineConfig.model_fields
    found = {}
    for name, text in os.environ.items():
        path = name.removeprefix(PREFIX).lower().split("__")
        if not name.startswith(PREFIX) or path[0].upper() in OTHER_VARIABLES:
            continue
        if path[0] in sections:
            found[name] = (path, text)
        elif len(path) > 1:
            raise ConfigError(
                f"The environment variable {name} names the unknown section {path[0]!r}"
                f"{did_you_mean(path[0], sections)}. Sections: {', '.join(sections)}."
            )
        else:
            _refuse_near_miss(name)
    return dict(sorted(found.items(), key=lambda item: -len(item[1][0])))


def _refuse_near_miss(name: str) -> None:
    known = [PREFIX + word for word in OTHER_VARIABLES]
    for section, field in PipelineConfig.model_fields.items():
        keys = getattr(field.annotation, "model_fields", {})
        known += [f"{PREFIX}{section}".upper(), *(f"{PREFIX}{section}__{key}".upper() for key in keys)]
    letters = {re.sub("_+", "_", variable.removeprefix(PREFIX)): variable for variable in known}
    match = difflib.get_close_matches(name.removeprefix(PREFIX).upper(), letters, n=1, cutoff=_SIMILAR)
    if match:
        raise ConfigError(
            f"Unknown environment variable {name}. Did you mean {letters[match[0]]}? Correct or unset it."
        )
