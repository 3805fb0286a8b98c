"""Compares our data set code with the tutorial's own loops: making, storing and reading clips, on equal processes.

    python -m benchmarks.data                        # 10,000 clips of ours, 1,000 of the tutorial's
    python -m benchmarks.data --peer-clips 10000     # the tutorial's loops in full (some minutes)

The tutorial's loops take the same time for each clip, so some of its clips are enough to measure their speed. Both ways
are timed alternately, `--repeats` times. The table shows medians. The start of the processes is not timed. Bytes on
disk are the bytes of allocated blocks.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import cv2
import torch
from torch.utils.data import DataLoader, Subset

from benchmarks.tutorial_loop import FRAMES, TutorialDataset, write_clips
from data.cores import usable_cores
from data.reading.dataset import load_clips
from data.shards.config import DataConfig
from data.shards.entry import ShardEntry
from data.shards.manifest import write_manifest
from data.shards.shard import write_shard
from data.shards.sources import WorldSource
from data.worlds.world import WorldConfig


@dataclass(frozen=True)
class Row:
    """One line of the table. ours, theirs: clips per second, or bytes per clip."""

    what: str
    ours: float
    theirs: float
    ratio: float
    bar: str
    goal: str


def single_threaded() -> None:
    """Let a process compute on one core. This applies to both ways."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def seconds(work: Callable[[], object]) -> float:
    """Return the wall time of `work`."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def disk_bytes(folder: Path) -> int:
    """Return the bytes that are allocated for a folder and everything in it, as `du` counts them."""
    return sum(path.lstat().st_blocks * 512 for path in [folder, *folder.rglob("*")])


def write_share(folder: Path, data: DataConfig, shards: Iterable[int]) -> list[ShardEntry]:
    """Write one process's share of our data set."""
    return [write_shard(folder, world=WorldConfig(), data=data, shard=shard) for shard in shards]


def read_share(folder: Path, worker: int, workers: int) -> int:
    """Read one process's share of the tutorial's frames with its DataLoader, and return the number of frames."""
    frames = TutorialDataset(folder)
    share = Subset(frames, range(worker, len(frames), workers))
    return sum(len(images) for images, _ in DataLoader(share, batch_size=16, shuffle=True))


def measure(folder: Path, *, clips: int, peer_clips: int, processes: int, repeats: int) -> list[Row]:
    """Time both ways alternately. `folder` is for temporary files."""
    ours, theirs = folder / "ours", folder / "theirs"
    data = DataConfig(clips=clips, shards=max(8, processes) if clips >= 8 else 1)
    share = peer_clips // processes
    times: dict[str, list[float]] = {name: [] for name in ("write", "peer write", "read", "peer read")}
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=single_threaded) as pool:
        list(pool.map(time.sleep, [0.5] * processes))  # all processes start and import before the clock runs

        def write_ours() -> None:
            jobs = [pool.submit(write_share, ours, data, range(p, data.shards, processes)) for p in range(processes)]
            entries = [entry for job in jobs for entry in job.result()]
            write_manifest(ours, source=WorldSource(world=WorldConfig(), data=data), shards=entries, digest="0" * 64)

        def write_theirs() -> None:
            jobs = [pool.submit(write_clips, theirs, first=p * share, count=share, seed=p) for p in range(processes)]
            for job in jobs:
                job.result()

        def read_theirs() -> None:
            jobs = [pool.submit(read_share, theirs, p, processes) for p in range(processes)]
            assert sum(job.result() for job in jobs) == processes * share * FRAMES

        for _ in range(repeats):
            for path in (ours, theirs):
                shutil.rmtree(path, ignore_errors=True)
            times["peer write"].append(seconds(write_theirs))
            times["write"].append(seconds(write_ours))
            times["peer read"].append(seconds(read_theirs))
            times["read"].append(seconds(lambda: load_clips(ours, threads=processes)))
    peer_clips = share * processes
    write, peer_write = clips / median(times["write"]), peer_clips / median(times["peer write"])
    read, peer_read = clips / median(times["read"]), peer_clips / median(times["peer read"])
    size, peer_size = disk_bytes(ours) / clips, disk_bytes(theirs) / peer_clips
    return [
        Row("make and write, clips/s", write, peer_write, write / peer_write, "10x", "20x"),
        Row("bytes per clip on disk", size, peer_size, peer_size / size, "4,000", "1,500"),
        Row("read into training tensors, clips/s", read, peer_read, read / peer_read, "30x", "60x"),
    ]


def main() -> None:
    """Print the table, and write it to a JSON file if one is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=10_000, help="number of our clips")
    parser.add_argument("--peer-clips", type=int, default=1_000, help="number of the tutorial's clips")
    parser.add_argument("--processes", type=int, default=usable_cores(), help="number of processes, for both ways")
    parser.add_argument("--repeats", type=int, default=3, help="how often each way is timed")
    parser.add_argument("--folder", type=Path, default=None, help="folder for temporary files, on the disk to measure")
    parser.add_argument("--json", type=Path, default=None, help="file to write the figures to")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="flipbook-benchmark-", dir=options.folder) as folder:
        rows = measure(
            Path(folder),
            clips=options.clips,
            peer_clips=options.peer_clips,
            processes=options.processes,
            repeats=options.repeats,
        )
    print(
        f"{options.clips} clips of ours, {options.peer_clips} of the tutorial's, {options.processes} process(es) each"
    )
    print(f"{'':38}{'ours':>12}{'tutorial':>12}{'ratio':>9}{'bar':>8}{'goal':>8}")
    for row in rows:
        print(f"{row.what:38}{row.ours:12,.0f}{row.theirs:12,.0f}{row.ratio:8.1f}x{row.bar:>8}{row.goal:>8}")
    if options.json:
        options.json.write_text(json.dumps([vars(row) for row in rows], indent=2) + "\n")


if __name__ == "__main__":
    main()
