"""All scores of one model against captioned clips, per split."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from evaluation.captioned.config import CaptionedConfig
from evaluation.captioned.consistency import Consistency
from evaluation.captioned.diversity import CaptionedDiversity
from evaluation.captioned.frechet import CaptionedFrechet
from evaluation.captioned.memorisation import CaptionedMemorisation
from evaluation.captioned.retrieval import CaptionScore, Retrieval

SEEN_SPLIT, VALIDATION_SPLIT = "seen", "validation"
WORST, BEST = 10, 5
"""So many of the worst and of the best captions are listed per split."""


class SplitScores(BaseModel):
    """The scores of one split beside their bounds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description='"seen" for training captions, or the name of a held-out split.')
    captions: int = Field(ge=1, description="Number of captions for which clips were generated.")
    retrieval: Retrieval
    consistency: Consistency
    diversity: CaptionedDiversity
    memorisation: CaptionedMemorisation
    shown: tuple[str, ...] = Field(description="Captions that pictures show, evenly spread over the split.")
    worst: tuple[CaptionScore, ...] = Field(description="The captions with the worst retrieval, the worst first.")
    best: tuple[CaptionScore, ...] = Field(description="The captions with the best retrieval, the best first.")


class CaptionedReport(BaseModel):
    """All scores of one model. Its JSON holds everything: reading it back gives an equal report."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str = Field("", description="Digest of the data set whose clips were compared. Empty if it has none.")
    config: CaptionedConfig = Field(description="How many clips were compared, and their seed.")
    splits: tuple[SplitScores, ...] = Field(description="Scores per split, the seen captions first.")
    frechet: CaptionedFrechet | None = Field(
        description="In-domain Fréchet distances over the seen captions. None if there are too few clips."
    )

    @property
    def example(self) -> str:
        """A caption to try: the best one of the first held-out split, or else of the seen captions."""
        return self.splits[:2][-1].best[0].caption

    def split(self, name: str) -> SplitScores:
        """The scores of a split. Raises KeyError with the splits' names if there is no such split."""
        for split in self.splits:
            if split.name == name:
                return split
        raise KeyError(f"no split {name!r} in this report; it has {', '.join(split.name for split in self.splits)}")
