"""Compares a training on imported clips with the same training on the world's own clips, by the exact metric.

    python -m benchmarks.imported_circle --home FOLDER                  # 4,000 steps: an hour and a half of CPU time
    python -m benchmarks.imported_circle --home FOLDER --only imported  # one half; the other one can run beside it

The clips of a validation fold of the circle world become MP4 files and a CSV file, as people have them. They are
imported, and the preset `own` is trained on them and on the original clips. T0 is scored for both.
"""

from __future__ import annotations

import argparse
import csv
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from data.cores import usable_cores
from data.home import HOME_VARIABLE, Home
from data.importing.config import ImportConfig
from data.shards.config import DataConfig
from data.worlds.clips import make_clips
from data.worlds.presets import validation_world
from evaluation.config import EvaluationConfig
from evaluation.pictures.encoders import encode_mp4
from evaluation.report import EvaluationReport
from evaluation.scoring.rates import Rate, difference_interval
from flows.cli.session import flow_session
from flows.config.presets import PRESETS

WORLD = validation_world("down")
WAYS = ("native", "imported")
AT_ONCE = 250


def write_videos(folder: Path, first: int, count: int) -> list[tuple[str, str, str]]:
    """Write some clips as MP4, and return their rows of the CSV file."""
    made = make_clips(WORLD, seed=0, indices=range(first, first + count))
    rows = []
    for index, frames, prompt in zip(range(first, first + count), made.frames, made.prompts, strict=True):
        (folder / f"{index:05d}.mp4").write_bytes(encode_mp4(np.ascontiguousarray(frames), WORLD.fps))
        rows.append((f"{index:05d}.mp4", prompt, "train"))
    return rows


def export(folder: Path, clips: int) -> None:
    """Write the world's clips as MP4 files with a CSV file, unless this was done before."""
    table = folder / "metadata.csv"
    if table.is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    starts = range(0, clips, AT_ONCE)
    counts = [min(AT_ONCE, clips - start) for start in starts]
    with ProcessPoolExecutor(usable_cores(), mp_context=get_context("spawn")) as pool:
        parts = list(pool.map(write_videos, [folder] * len(starts), starts, counts))
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file_name", "caption", "split"), *(row for part in parts for row in part)])


def scored(way: str, home: Home, *, clips: int, steps: int, seed: int) -> Rate:
    """Train on the clips of one way, and return T0 of the model."""
    from flows.evaluate import evaluate
    from flows.import_clips import import_clips
    from flows.train import train

    own = PRESETS["own"]()
    training = own.train.model_copy(update={"steps": steps, "seed": seed, "threads": 1})
    dataset = ""
    if way == "imported":
        videos = home.root / "videos"
        export(videos, clips)
        dataset = import_clips(videos, ImportConfig(split_column="split")).digest
    version = train(WORLD, DataConfig(clips=clips), own.model, training, dataset=dataset)
    assert version is not None
    report = evaluate(version.ref, EvaluationConfig(), WORLD).report
    assert isinstance(report, EvaluationReport)
    for tier in report.tiers:
        print(f"{way}: {tier.name} {tier.joint}, worst prompt {report.worst(tier.name).joint}")
    return report.tier("T0").joint


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=4_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=WAYS)
    options = parser.parse_args()
    os.environ[HOME_VARIABLE] = str(options.home)
    home = Home.from_environment().create()
    with flow_session(home) as wait_for_prefect:
        wait_for_prefect()
        found = {
            way: scored(way, home, clips=options.clips, steps=options.steps, seed=options.seed)
            for way in ([options.only] if options.only else WAYS)
        }
    if len(found) == len(WAYS):
        ours, theirs = found["imported"], found["native"]
        low, high = difference_interval(ours, theirs)
        print(
            f"imported - native: {100 * (ours.value - theirs.value):+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}]"
        )


if __name__ == "__main__":
    main()
