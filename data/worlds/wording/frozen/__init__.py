"""Frozen sentences of the world `shapes`: what a model reads right that no training caption says.

They were written by hand on 2026-11-30, before anything was trained or measured on them, and are never changed, so that
results stay comparable. Each stands with the prompt of the grammar that means the same, a training prompt of `shapes`.

* **T4, new sentences** (`new_sentences.json`): every word occurs in training captions. The pattern of the sentence does
  not, so no training caption is equal to one of them. For example, "to the right slides a lime green box".
* **T4w, new words** (`new_words.json`): no word for the shape, the colour or the motion occurs in any training caption.
  Only the words in `NEUTRAL` do. For example, "a pistachio globe ballooned".

Each list has two halves. Choose by `validation` (the tiers V4 and V4w), and score `test` (T4 and T4w) once at the end.
The halves have the same numbers of shapes, colours and motions, or nearly so. The halves of T4w share no word either,
except neutral ones.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from data.worlds.tiers import TierName

SPLIT = "shapes"
"""The split whose training prompts say what the sentences mean."""

NEUTRAL: frozenset[str] = frozenset(
    {"a", "an", "the", "is", "and", "to", "of", "in", "as", "do", "coloured", "between", "like"}
)
"""The words of T4w that can also occur in training captions. They say nothing about shape, colour or motion."""


class FrozenSentences(BaseModel):
    """Sentences, each with the prompt of the grammar that means the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    validation: dict[str, str] = Field(description="The half for choosing.")
    test: dict[str, str] = Field(description="The half for the score at the end.")


@cache
def read_sentences(name: Literal["new_sentences", "new_words"]) -> FrozenSentences:
    """Return one of the two lists."""
    return FrozenSentences.model_validate_json((files(__package__) / f"{name}.json").read_text(encoding="utf-8"))


def sentences_by_tier() -> dict[TierName, dict[str, str]]:
    """Return the sentences of each tier, and for each of them the training prompt that means the same."""
    new, words = read_sentences("new_sentences"), read_sentences("new_words")
    return {"V4": new.validation, "V4w": words.validation, "T4": new.test, "T4w": words.test}


def sentences_digest() -> str:
    """Return the sha256 (hex) of all frozen sentences and their meanings."""
    lists = (read_sentences("new_sentences"), read_sentences("new_words"))
    return hashlib.sha256("".join(some.model_dump_json() for some in lists).encode()).hexdigest()
