"""A million captions, all different: how long the index of the batches takes, and how much memory it needs.

python -m benchmarks.prompt_groups

The peer is the index that one would write first: a dictionary of lists, from each caption to its clips.
"""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from models.training.batches import PromptGroups

CLIPS, ROUNDS = 1_000_000, 3


def measured(build: Callable[[], Any]) -> tuple[float, float]:
    """Seconds that `build` takes, and MB that its result holds."""
    began = time.perf_counter()
    index = build()
    seconds = time.perf_counter() - began
    del index
    tracemalloc.start()  # numpy's memory counts as well; Arrow counts its own
    arrow = pa.total_allocated_bytes()
    index = build()
    held = tracemalloc.get_traced_memory()[0] + pa.total_allocated_bytes() - arrow
    tracemalloc.stop()
    del index
    return seconds, held / 1e6


def main() -> None:
    """Print median times and memory of both."""
    texts = [f"video {number} of somebody who does something that nobody else does" for number in range(CLIPS)]
    captions = pa.array([[text] for text in texts], type=pa.list_(pa.string()))

    def dictionary() -> dict[str, list[int]]:
        clips = defaultdict[str, list[int]](list)
        for number, (caption,) in enumerate(captions.to_pylist()):
            clips[caption].append(number)
        return clips

    names: dict[str, Callable[[], Any]] = {
        "PromptGroups": lambda: PromptGroups(captions, group=4, seed=0),
        "a dictionary of lists": dictionary,
    }
    found = {name: [measured(build) for _ in range(ROUNDS)] for name, build in names.items()}
    medians = {name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in found.items()}
    for name, (seconds, megabytes) in medians.items():
        print(f"{name}: {seconds:.2f} s, {megabytes:.0f} MB")
    (ours, our_memory), (theirs, their_memory) = medians.values()
    print(f"ratio: {ours / theirs:.2f} of the time, {our_memory / their_memory:.2f} of the memory")


if __name__ == "__main__":
    main()
