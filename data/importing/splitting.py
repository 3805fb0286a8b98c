"""Train, validation and test by captions, so that no caption stands on two sides."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

from data.clip_batch import SplitName
from data.importing.captions import caption_key
from data.importing.config import ImportConfig
from data.importing.item import Item

_SPLITS: tuple[SplitName, ...] = get_args(SplitName)


def with_splits(items: Sequence[Item], config: ImportConfig) -> tuple[Item, ...]:
    """Return the items, each with its split.

    A split that the user gave stays. Otherwise, items that share a caption, directly or through other items, form a
    group, and the group goes to one side. The hash of the group's captions and the seed decide. So the result does not
    depend on the order of the items, and a new item with new captions moves no other one. Letter case, punctuation and
    the kind of dash do not matter. A group that has items with a given split goes there, to the first one of train,
    validation and test.

    If nothing at all would be trained on, as can happen with a few captions, all groups go to train.
    """
    roots = _groups([[caption_key(caption) for caption in item.captions] for item in items])
    sides: dict[str, SplitName] = {root: _side(root, config) for root in roots}
    if sides and not any(item.split == "train" for item in items) and "train" not in sides.values():
        sides = dict.fromkeys(sides, "train")
    for side in reversed(_SPLITS):
        sides |= {root: side for item, root in zip(items, roots, strict=True) if item.split == side}
    return tuple(
        item if item.split else replace(item, split=sides[root]) for item, root in zip(items, roots, strict=True)
    )


def _groups(keys: Sequence[Sequence[str]]) -> list[str]:
    """Return the smallest key of each item's group."""
    parents: dict[str, str] = {}

    def root_of(key: str) -> str:
        while (parent := parents.setdefault(key, key)) != key:
            parents[key] = parents[parent]
            key = parents[key]
        return key

    for group in keys:
        for key in group[1:]:
            low, high = sorted((root_of(group[0]), root_of(key)))
            parents[high] = low
    return [root_of(group[0]) for group in keys]


def _side(root: str, config: ImportConfig) -> SplitName:
    digest = hashlib.sha256(f"{config.seed}\n{root}".encode()).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    if share < config.test_share:
        return "test"
    return "validation" if share < config.test_share + config.validation_share else "train"
