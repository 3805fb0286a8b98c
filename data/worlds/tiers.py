"""The tiers of prompts, from what training shows to what is farthest from it."""

from __future__ import annotations

from typing import Literal

TierName = Literal["T0", "V1", "V2", "V3", "V4", "V4w", "V5", "T1", "T2", "T3", "T4", "T4w", "T5"]

SEEN_TIER: TierName = "T0"
"""The tier of the training prompts. The prompts of all other tiers are held out: no training clip shows them."""

VALIDATION_TIERS: tuple[TierName, ...] = ("V1", "V2", "V3", "V4", "V4w", "V5")
"""Held-out prompts for choosing: recipes are tuned by them.

Each asks the same of a model as the test tier of the same name, with other prompts.
"""

CHOOSING_TIERS: tuple[TierName, ...] = tuple(tier for tier in VALIDATION_TIERS if tier != "V4w")
"""The validation tiers that decide which version is the champion. V4w is only reported: its words cannot be learned."""

TIERS: dict[str, str] = {
    "T0": "seen prompts, fresh noise",
    "V1": "validation: unseen phrase of seen words",
    "V2": "validation: a word seen only inside compounds",
    "V3": "validation: unseen combination of what is known",
    "V4": "validation: new sentences in words of training captions",
    "V4w": "validation: words that no training caption holds",
    "V5": "validation: which attributes belong together",
    "T1": "unseen phrase of seen words",
    "T2": "a word seen only inside compounds",
    "T3": "unseen combination of what is known",
    "T4": "new sentences in words of training captions",
    "T4w": "words that no training caption holds",
    "T5": "which attributes belong together",
}
"""What the prompts of each tier ask of a model."""

GROUPS: dict[str, tuple[str, ...]] = {
    "seen": (SEEN_TIER,),
    "validation": VALIDATION_TIERS,
    "test": tuple(name for name in TIERS if name != SEEN_TIER and name not in VALIDATION_TIERS),
}
"""The tiers by what they are for. In worlds with validation tiers, nothing is chosen by the test tiers."""


def group_of(tier: str) -> str:
    """The group of a tier: "seen", "validation" or "test"."""
    return next(group for group, tiers in GROUPS.items() if tier in tiers)
