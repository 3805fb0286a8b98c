"""Measures what orchestration costs: `flipbook run` on a started server, against its computations as plain functions.

    python -m benchmarks.orchestration                  # full size: about 25 minutes on two cores
    python -m benchmarks.orchestration --steps 1500     # a shorter training, so fixed costs weigh more

Both start from nothing, on the same machine, one after the other. The time of the pipeline is the time of the whole
command `flipbook run`, from the start of its process to its end. It includes tasks, caching, MLflow records,
registration and artifacts. The time of the functions does not include imports. Then the same command runs again, with
everything cached.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from data.cores import usable_cores
from data.home import HOME_VARIABLE, Home
from data.reading.dataset import load_clips
from data.shards.manifest import write_manifest
from data.shards.shard import write_shard
from data.shards.sources import WorldSource
from evaluation.evaluate import evaluate
from evaluation.pictures.gallery import write_gallery
from evaluation.report_markdown import report_markdown
from flows.config.pipeline import PipelineConfig
from flows.config.presets import full
from flows.servers.embedded import prefect_server
from models.config import TrainConfig
from models.sampling import TextToVideo
from models.training.trainer import train

FOREIGN = ("FLIPBOOK_", "MLFLOW_")
LINES_SHOWN = 20


class CommandError(RuntimeError):
    """The pipeline failed. The message holds the end of its output."""


@dataclass(frozen=True)
class Costs:
    """Seconds of wall time.

    Attributes:
        dataset, train, evaluate: the three computations as plain functions.
        pipeline: the whole command `flipbook run`.
        cached: the same command again, as the median of its repetitions.
    """

    dataset: float
    train: float
    evaluate: float
    pipeline: float
    cached: float

    @property
    def compute(self) -> float:
        """Seconds of the three functions together."""
        return self.dataset + self.train + self.evaluate

    @property
    def ratio(self) -> float:
        """Seconds of the pipeline per second of the three functions."""
        return self.pipeline / self.compute


def compute(config: PipelineConfig, folder: Path) -> tuple[float, float, float]:
    """Seconds of data set, training and evaluation as plain functions. `folder` is for their files."""
    clips_folder = folder / "clips"
    begin = time.perf_counter()
    with ThreadPoolExecutor(usable_cores()) as pool:
        shards = list(
            pool.map(
                lambda shard: write_shard(clips_folder, world=config.world, data=config.data, shard=shard),
                range(config.data.shards),
            )
        )
    source = WorldSource(world=config.world, data=config.data)
    write_manifest(clips_folder, source=source, shards=shards, digest="0" * 64)
    made = time.perf_counter()
    final = train(
        clips=load_clips(clips_folder),
        subject=config.world,
        model=config.model,
        train=config.train,
        folder=folder / "checkpoints",
        report=lambda event: None,
    )
    trained = time.perf_counter()
    model = TextToVideo.load(final)

    def sampler(prompts: Sequence[str], seed: int) -> NDArray[np.uint8]:
        return model.generate(prompts, seed=seed)

    report = evaluate(sampler, world=config.world, config=config.evaluation, report=lambda *_: None)
    (folder / "report.md").write_text(report_markdown(report), encoding="utf-8")
    write_gallery(folder / "videos", sampler=sampler, world=config.world, config=config.evaluation)
    return made - begin, trained - made, time.perf_counter() - trained


def pipeline_seconds(steps: int, api: str, home: Path) -> float:
    """Seconds of one `flipbook run` with `steps` training steps in `home`, on the Prefect server at `api`.

    Variables of the shell that configure Flipbook and MLflow are removed, so that `compute` has the same configuration.

    Raises:
        CommandError: the command failed.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    environment |= {HOME_VARIABLE: str(home), "PREFECT_API_URL": api}
    command = [sys.executable, "-m", "flows.cli.main", "run", "--set", f"train.steps={steps}"]
    begin = time.perf_counter()
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    if done.returncode:
        end = "\n".join(done.stderr.splitlines()[-LINES_SHOWN:])
        raise CommandError(f"`flipbook run` failed with exit code {done.returncode}. The end of its output:\n{end}")
    return seconds


def measure(steps: int, folder: Path, *, repeats: int) -> Costs:
    """Time the plain functions, then the pipeline, then the cached pipeline `repeats` times."""
    config = full()
    config = config.model_copy(update={"train": config.train.model_copy(update={"steps": steps})})
    made, trained, evaluated = compute(config, folder / "plain")
    home = folder / "home"
    with prefect_server(Home.at(folder / "server")) as api:
        api.wait_until_ready()
        whole = pipeline_seconds(steps, api.url, home)
        cached = median(pipeline_seconds(steps, api.url, home) for _ in range(repeats))
    return Costs(dataset=made, train=trained, evaluate=evaluated, pipeline=whole, cached=cached)


def main() -> None:
    """Print the figures, and write them to a JSON file if one is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--steps", type=int, default=TrainConfig().steps, help="number of training steps, for both ways"
    )
    parser.add_argument("--repeats", type=int, default=3, help="number of cached runs")
    parser.add_argument("--json", type=Path, default=None, help="file to write the figures to")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="flipbook-benchmark-") as folder:
        try:
            costs = measure(options.steps, Path(folder), repeats=options.repeats)
        except CommandError as error:
            sys.exit(f"Error: {error}")
    print(f"{options.steps:,} training steps. As plain functions: data set {costs.dataset:.1f} s, ", end="")
    print(f"training {costs.train:.1f} s, evaluation {costs.evaluate:.1f} s. The pipeline: {costs.pipeline:.1f} s.")
    print(f"pipeline / plain functions  {costs.ratio:8.3f}   (bar 1.10)")
    print(f"pipeline again, all cached  {costs.cached:8.1f} s (bar 8 s)")
    if options.json:
        options.json.write_text(json.dumps({**asdict(costs), "ratio": costs.ratio}, indent=2) + "\n")


if __name__ == "__main__":
    main()
