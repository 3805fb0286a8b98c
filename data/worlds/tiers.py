"""The tiers of prompts, from what training shows to what is farthest from it."""

from __future__ import annotations

from typing import Literal

TierName = Literal["T0", "T1", "T2", "T3", "T4", "T5"]

SEEN_TIER: TierName = "T0"
"""The tier of the training prompts. The prompts of all other tiers are held out: no training clip shows them."""

TIERS: dict[str, str] = {
    "T0": "seen prompts, fresh noise",
    "T1": "unseen phrase of seen words",
    "T2": "a word seen only inside compounds",
    "T3": "unseen combination of what is known",
    "T4": "paraphrase",
    "T5": "which attributes belong together",
}
"""What the prompts of each tier ask of a model."""
