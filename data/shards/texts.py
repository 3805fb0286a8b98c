"""The captions of a shard's clips, and what the clips are for."""

from __future__ import annotations

from typing import Any, NamedTuple

import pyarrow as pa


class ShardTexts(NamedTuple):
    """Captions and splits of N clips, in Arrow's memory: a million captions need little more than their letters."""

    captions: pa.Array[Any]
    """One list of strings per clip, `list<string>` (N,)."""
    splits: pa.Array[Any]
    """One of `data.clip_batch.SPLIT_NAMES` per clip, `string` (N,)."""
