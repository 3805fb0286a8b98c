"""Videos with the same content, and clips of train and test that look alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from data.importing.item import Item

WORDS = 18
"""Numbers of 64 bits per fingerprint: two for each of three frames and three colours."""
_CHUNK = 2**20  # pairs that are compared at a time


def without_duplicates(items: Sequence[Item], digests: Sequence[str]) -> tuple[tuple[Item, ...], dict[str, str]]:
    """Keep one item of each content.

    The first item in order is kept. It gets the captions of the others, too, because they describe the same video. A
    split that one of them has goes to it if it has none.

    Args:
        items: in order.
        digests: of their contents, see `data.importing.content.digests_of`.

    Returns:
        The items that are kept, and for the name of each duplicate the name of the item that is kept.
    """
    kept: dict[str, Item] = {}
    duplicates: dict[str, str] = {}
    for item, digest in zip(items, digests, strict=True):
        first = kept.setdefault(digest or f"unread {item.name}", item)
        if first is not item:
            captions = tuple(dict.fromkeys((*first.captions, *item.captions)))
            kept[digest] = replace(first, captions=captions, split=first.split or item.split)
            duplicates[item.name] = first.name
    return tuple(kept.values()), duplicates


def fingerprints(clips: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return what clips look like in a few bits, so that similar clips differ in few of them.

    The first, the middle and the last frame are reduced to 8 x 8 fields. One bit says for each field and colour whether
    it is darker than the field to its right by more than 2 of 255 (difference hash, N. Krawetz 2013; the 2 keep out
    noise). A second bit says whether it is brighter than half: that tells a red shape from a blue one.

    Args:
        clips: uint8 (N, T, H, W, 3). H and W are multiples of 8.

    Returns:
        uint64 (N, 18).
    """
    count, steps, height, width, _ = clips.shape
    chosen = clips[:, [0, steps // 2, -1]].reshape(count, 3, 8, height // 8, 8, width // 8, 3)[:, :, :, ::2, :, ::2]
    # Sums of whole numbers: matrix products would start threads, which takes longer than the work.
    fields = chosen.sum(axis=3, dtype=np.int32).sum(axis=4) // (chosen.shape[3] * chosen.shape[5])
    bits = np.stack([np.roll(fields, -1, axis=3) - fields > 2, fields > 127], axis=1)
    return np.packbits(bits.reshape(count, WORDS * 64), axis=-1).view(np.uint64)


@dataclass(frozen=True, slots=True)
class Alike:
    """Two clips that look alike: their places in the two lists, and how many of 1152 bits differ."""

    first: int
    second: int
    distance: int


def near_duplicates(
    first: NDArray[np.uint64], second: NDArray[np.uint64], *, most_bits: int = 24, limit: int = 100
) -> list[Alike]:
    """Return pairs of clips that look alike, the most similar ones first. All pairs are compared.

    Args:
        first: fingerprints uint64 (N, 18), for example of train.
        second: fingerprints uint64 (M, 18), for example of the test. Each stands in one pair at most.
        most_bits: bits in which the clips of a pair may differ.
        limit: pairs that are returned, at most.
    """
    if not len(first):
        return []
    found = []
    step = max(1, _CHUNK // len(first))
    for start in range(0, len(second), step):
        some = second[start : start + step]
        distances = sum(
            np.bitwise_count(some[:, None, word] ^ first[None, :, word]).astype(np.uint16) for word in range(WORDS)
        )
        nearest = np.argmin(distances, axis=1)
        for place in np.flatnonzero(distances[np.arange(len(some)), nearest] <= most_bits):
            found.append(Alike(int(nearest[place]), start + int(place), int(distances[place, nearest[place]])))
    return sorted(found, key=lambda pair: (pair.distance, pair.second))[:limit]
