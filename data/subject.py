"""What a model learns: the clips of a synthetic world, or clips that people have captioned.

A `Subject` says what a model has to know about its clips: their format, the words of their captions, and some captions
to show. It is stored with the model.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field

from data.captions import Vocabulary, tokenize
from data.clip_batch import SPLIT_NAMES, SplitName
from data.clip_format import ClipFormat
from data.selection import evenly_spread
from data.worlds.world import WorldConfig

EXAMPLES = 24
"""So many captions per split are kept as examples."""
MOST_WORDS = 8_192
"""A vocabulary holds at most so many words, the most frequent ones."""
FEWEST_CAPTIONS = 2
"""A word that occurs in fewer training captions is not in the vocabulary, because nothing can be learned of it."""
MOST_READ = 64
"""A model that reads words in order reads so many words of a caption at most."""


class CaptionedSubject(BaseModel):
    """Clips with captions in people's own words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: ClipFormat
    words: tuple[str, ...] = Field(description="The vocabulary: words that occur in several training captions, sorted.")
    longest: int = Field(ge=1, description="Words of the longest training caption, at most 64.")
    examples: dict[SplitName, tuple[str, ...]] = Field(description="Some captions per split, evenly spread over it.")

    @classmethod
    def of(cls, format: ClipFormat, captions: Mapping[SplitName, Iterable[str]]) -> CaptionedSubject:
        """Describe clips of a format, given all captions of each split.

        Raises:
            ValueError: there is no training caption.
        """
        distinct = {name: list(dict.fromkeys(captions.get(name, ()))) for name in SPLIT_NAMES}
        if not distinct["train"]:
            raise ValueError("The data set has no training clip. Import more clips, or give train a larger share.")
        counts: Counter[str] = Counter()
        longest = 1
        for caption in distinct["train"]:
            words = tokenize(caption)
            longest = max(longest, len(words))
            counts.update(set(words))
        fewest = min(FEWEST_CAPTIONS, len(distinct["train"]))
        frequent = [word for word, count in counts.most_common(MOST_WORDS) if count >= fewest]
        return cls(
            format=format,
            words=tuple(sorted(frequent)),
            longest=min(longest, MOST_READ),
            examples={name: evenly_spread(some, EXAMPLES) for name, some in distinct.items() if some},
        )

    @property
    def vocabulary(self) -> Vocabulary:
        """The words that a model of these clips knows."""
        return Vocabulary(self.words)

    @property
    def seen_prompts(self) -> Sequence[str]:
        """Some of the training captions."""
        return self.examples["train"]

    @property
    def tiers(self) -> Mapping[str, tuple[str, ...]]:
        """Some captions of each split, by the split's name."""
        return {str(name): captions for name, captions in self.examples.items()}

    @property
    def one_look(self) -> bool:
        """Whether everything that moves looks the same. Nobody knows that of other people's clips."""
        return False

    @property
    def fingerprint(self) -> str:
        """sha256 (hex) of this description."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


Subject = WorldConfig | CaptionedSubject
"""What a model learns."""


def described(subject: Subject) -> dict[str, WorldConfig | ClipFormat]:
    """What people should see of a subject: a world as it is, and of other clips the format, not their words."""
    return {"world": subject} if isinstance(subject, WorldConfig) else {"clips": subject.format}
