"""Captions as vectors, without a vocabulary: words and their parts are hashed.

A word is the mean of the vectors of itself and of its parts (Bojanowski et al., TACL 2017), so that other forms of a
word are near. A caption is read in both directions by a recurrent network, so that the order of words counts.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn

_BUCKETS = 8192
_WIDTH = 64
_PARTS = (3, 4, 5)
_MOST_WORDS = 128
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")


def words_of(caption: str) -> list[str]:
    """The first 128 words of a caption in lower case. Each Japanese or Chinese character counts as a word."""
    return _WORD.findall(unicodedata.normalize("NFKC", caption).casefold())[:_MOST_WORDS]


def reading(caption: str) -> tuple[str, ...]:
    """What the matcher sees of a caption. It cannot tell captions with the same reading apart."""
    return tuple(words_of(caption))


def _ids(word: str) -> list[int]:
    """The buckets of a word and of its runs of 3 to 5 characters, with the marks `<` and `>` at its ends."""
    marked = f"<{word}>"
    runs = (marked[k : k + size] for size in _PARTS for k in range(len(marked) - size + 1))
    return [zlib.crc32(part.encode()) % _BUCKETS for part in (word, *runs)]


class TextTower(nn.Module):
    """Captions to vectors."""

    def __init__(self, embedding: int) -> None:
        super().__init__()
        self.parts = nn.EmbeddingBag(_BUCKETS, _WIDTH, mode="mean")
        nn.init.normal_(self.parts.weight, std=0.3)
        self.order = nn.GRU(_WIDTH, _WIDTH, batch_first=True, bidirectional=True)
        self.project = nn.Linear(3 * _WIDTH, embedding)

    def forward(self, captions: Sequence[str]) -> Tensor:
        """Vectors (N, embedding) of N captions."""
        words = [[_ids(word) for word in words_of(caption)] or [[0]] for caption in captions]
        lengths = torch.tensor([len(one) for one in words])
        flat = [ids for one in words for ids in one]
        offsets = [0, *accumulate(len(ids) for ids in flat)][:-1]
        vectors = self.parts(torch.tensor([i for ids in flat for i in ids]), torch.tensor(offsets))
        padded = nn.utils.rnn.pad_sequence(list(vectors.split(lengths.tolist())), batch_first=True)  # (N, L, width)
        packed = nn.utils.rnn.pack_padded_sequence(padded, lengths, batch_first=True, enforce_sorted=False)
        read, _ = nn.utils.rnn.pad_packed_sequence(self.order(packed)[0], batch_first=True)
        both = torch.cat([padded, read], dim=2)
        projected: Tensor = self.project(both.sum(dim=1) / lengths[:, None])
        return projected
