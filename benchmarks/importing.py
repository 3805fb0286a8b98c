"""Compares the import of small videos with a plain PyAV loop that decodes every frame and does nothing else.

    python -m benchmarks.importing                  # 2,000 MP4 files of 64 x 64 px and 2 s
    python -m benchmarks.importing --files 400 --clip-seconds 1

Both use the same number of processes and single-threaded decoders, and take turns. Finding the files, duplicates and
splits counts for the import. The start of the processes does not count. Writing shards is not measured here.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import TypeVar

import av
import numpy as np

from data.cores import usable_cores
from data.importing.batch import ImportedVideo, import_batch
from data.importing.config import ImportConfig
from data.importing.item import Item
from data.importing.plan import plan_import

T = TypeVar("T")
BATCH = 50
"""Files per task of a process, in both ways."""


def write_videos(folder: Path, numbers: Sequence[int]) -> None:
    """Write one MP4 (H.264) of 64 x 64 px, 2 s and 30 frames per second per number, with a caption beside it."""
    for number in numbers:
        rng = np.random.default_rng(number)
        colour, (x, y), (dx, dy) = rng.integers(0, 220, 3), rng.integers(0, 48, 2), rng.integers(-2, 3, 2)
        file = io.BytesIO()
        with av.open(file, "w", format="mp4") as container:
            stream = container.add_stream("libx264", rate=30)
            stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
            stream.codec_context.thread_count = 1
            for step in range(60):
                picture = np.full((64, 64, 3), 255, np.uint8)
                top, left = (y + dy * step) % 48, (x + dx * step) % 48
                picture[top : top + 16, left : left + 16] = colour
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))
        (folder / f"{number:05d}.mp4").write_bytes(file.getvalue())
        (folder / f"{number:05d}.txt").write_text(f"square number {number}", encoding="utf-8")


def decode_only(folder: Path, names: Sequence[str]) -> int:
    """Decode every frame of some files, and return how many there are."""
    count = 0
    for name in names:
        with av.open(str(folder / name)) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_type, stream.codec_context.thread_count = "SLICE", 1
            count += sum(1 for _ in container.decode(stream))
    return count


def import_some(folder: Path, config: ImportConfig, items: Sequence[Item]) -> int:
    """Import some items, and return how many clips they give."""
    results = import_batch(folder, items, config)
    return sum(len(result.clips.frames) for result in results if isinstance(result, ImportedVideo))


def measure(folder: Path, *, files: int, processes: int, repeats: int, config: ImportConfig) -> None:
    """Time both ways in turns, and print medians and their ratio."""
    context = get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        list(pool.map(partial(write_videos, folder), _batches(range(files))))
        names = [f"{number:05d}.mp4" for number in range(files)]

        def plainly() -> int:
            return sum(pool.map(partial(decode_only, folder), _batches(names)))

        def imported() -> int:
            items = plan_import(folder, config).items
            return sum(pool.map(partial(import_some, folder, config), _batches(items)))

        times: dict[str, list[float]] = {"decode only": [], "import": []}
        plainly(), imported()  # every process has imported its modules before the clock runs
        for _ in range(repeats):
            times["decode only"].append(_seconds(plainly))
            times["import"].append(_seconds(imported))
    ratios = [ours / plain for ours, plain in zip(times["import"], times["decode only"], strict=True)]
    for name, values in times.items():
        print(f"{name:12} {median(values):7.2f} s   {1000 * median(values) / files:6.2f} ms per file")
    print(f"{'ratio':12} {median(ratios):7.2f}     of {', '.join(f'{ratio:.2f}' for ratio in sorted(ratios))}")


def _batches(values: Sequence[T]) -> list[Sequence[T]]:
    return [values[start : start + BATCH] for start in range(0, len(values), BATCH)]


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--processes", type=int, default=usable_cores())
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--clip-seconds", type=float, default=0.0, help="cut the videos into clips of this length")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        measure(
            Path(temporary),
            files=args.files,
            processes=args.processes,
            repeats=args.repeats,
            config=ImportConfig(clip_seconds=args.clip_seconds),
        )
