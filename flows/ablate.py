"""The flow of the ablation: trainings that differ in one repair, at equal CPU time, measured in the same way.

python -m flows.ablate
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from prefect import flow
from pydantic import BaseModel, ConfigDict, Field

from data.home import Home
from data.shards.config import DataConfig
from data.worlds.world import WorldConfig
from evaluation.ablation.ablation import Ablation, VariantResult, parts_of
from evaluation.config import EvaluationConfig
from flows.config.pipeline import PipelineConfig
from flows.config.variants import Variant, variants
from flows.dataset import make_dataset
from flows.evaluate import make_evaluation
from flows.outcome import run_step
from flows.threads import thread_per_core
from flows.train import make_checkpoint
from tasks.ablate import measure_curve, publish_ablation
from tasks.cache.policy import at_home
from tasks.cache.references import DatasetReference
from tasks.evaluate import read_report
from tasks.progress.in_prefect import shown_in_prefect
from tasks.progress.progress import Labelled, current_progress, reporting_to
from tasks.train import is_trained

POINTS, SAMPLES = 8, 8  # of a curve: points, and clips a prompt at each


class AblationError(RuntimeError):
    """A training of the ablation failed in a process of its own; the message holds the end of what it said."""


class AblationResult(BaseModel):
    """What an ablation gave."""

    model_config = ConfigDict(frozen=True)

    ablation: Ablation
    run_id: str = Field(description="The MLflow run with table, plot and curves.")


@flow(name="ablate", task_runner=thread_per_core())
def ablate(
    config: PipelineConfig,
    cpu_minutes: float = 6,
    seeds: int = 1,
    side_by_side: int = 1,
    out: Path | None = None,
) -> AblationResult:
    """Trains from the tutorial's network to ours, one repair at a time, and shows what each is worth. All variants are
    measured on the prompts of the varied world, by its laws. What was trained before is not trained again.

    Args:
        config: Where the repairs lead, how many clips are made, how many samples are measured. As it stands: the full
            recipe.
        cpu_minutes: CPU time of every training, on one thread.
        seeds: trainings of each variant, the first with the seed of `config`.
        side_by_side: trainings at a time, each in a process of its own.
        out: folder for table, plot and figures; empty: only MLflow keeps them.
    """
    home = Home.from_environment().create()
    with shown_in_prefect():
        first = config.train.seed
        wanted = [
            variant
            for seed in range(first, first + seeds)
            for variant in variants(config, cpu_minutes=cpu_minutes, seed=seed)
        ]
        worlds = dict.fromkeys(variant.world for variant in wanted)
        datasets = {world: make_dataset(home, world, config.data).value for world in worlds}
        if side_by_side > 1:
            waiting = [v for v in wanted if not is_trained(home, v.world, v.model, v.train, datasets[v.world])]
            with ThreadPoolExecutor(side_by_side) as pool:
                list(pool.map(lambda variant: train_apart(variant, config.data), waiting))
        evaluation = config.evaluation.model_copy(update={"frechet": False, "videos_per_prompt": 1})
        results = [_result(home, variant, datasets[variant.world], config.world, evaluation) for variant in wanted]
        ablation = Ablation(cpu_minutes=cpu_minutes, results=tuple(results))
        run_id = publish_ablation(home, ablation, out)
        current_progress().finish("ablate", f"MLflow run {run_id}")
    return AblationResult(ablation=ablation, run_id=run_id)


def _result(
    home: Home, variant: Variant, dataset: DatasetReference, judged_in: WorldConfig, evaluation: EvaluationConfig
) -> VariantResult:
    with reporting_to(Labelled(current_progress(), f"{variant.name}-{variant.train.seed}")):
        checkpoint = make_checkpoint(home, variant.world, variant.model, variant.train, dataset).value
        curve = run_step(
            at_home(measure_curve, home),
            home,
            checkpoint,
            judged_in,
            points=POINTS,
            samples=min(SAMPLES, evaluation.samples_seen),
            seed=evaluation.seed,
        ).value
        report = read_report(make_evaluation(home, checkpoint, judged_in, evaluation).value)
    return VariantResult(
        name=variant.name,
        seed=variant.train.seed,
        run_id=checkpoint.run_id,
        curve=curve,
        tiers={tier.name: tier.joint for tier in report.tiers},
        parts=parts_of(report.tier("T0").generated),
    )


def train_apart(variant: Variant, data: DataConfig) -> None:
    """Trains `variant` in a process of its own with the same home: CPU time and torch's threads are a process's.

    Raises:
        AblationError: the training failed.
    """
    configs = {"world": variant.world, "data": data, "model": variant.model, "train": variant.train}
    values = {name: config.model_dump(mode="json") for name, config in configs.items()} | {"registered": False}
    command = [sys.executable, "-m", "flows.train", json.dumps(values)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AblationError(f"The training {variant.name!r} failed:\n{done.stderr[-2000:]}")


if __name__ == "__main__":
    ablate(PipelineConfig())
