"""The flow of the ablation: trainings that differ in one part, at equal CPU time, measured in the same way.

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
from data.worlds.tiers import SEEN_TIER
from data.worlds.world import WorldConfig
from evaluation.ablation import Ablation, VariantResult, parts_of
from evaluation.config import EvaluationConfig
from flows.config.pipeline import PipelineConfig
from flows.config.variants import Variant, variants
from flows.dataset import make_dataset
from flows.evaluate import make_evaluation
from flows.outcome import run_step
from flows.threads import thread_per_core
from flows.train import make_model
from tasks.ablate import measure_curve, publish_ablation
from tasks.dataset import Dataset
from tasks.progress.in_prefect import shown_in_prefect
from tasks.progress.progress import Labelled, current_progress, reporting_to
from tasks.train import training_artifact

POINTS = 8  # of a curve
SAMPLES = 8  # clips per prompt at each point


class AblationError(RuntimeError):
    """A training of the ablation failed in a process of its own. The message holds the end of its output."""


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
    """Train our recipe, and again with one part left out at a time, to show what each part is worth.

    All variants are measured on the prompts of the varied world. Finished trainings are not repeated.

    Args:
        config: our recipe, the number of clips, and the number of samples. Default: the full recipe.
        cpu_minutes: CPU time of every training, on one thread.
        seeds: number of trainings per variant. The first one has the seed of `config`.
        side_by_side: number of trainings at the same time, each in its own process.
        out: folder for table, plot and figures. Empty: only MLflow keeps them.
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
            waiting = [v for v in wanted if not training_artifact(v.model, v.train, datasets[v.world]).is_whole(home)]
            with ThreadPoolExecutor(side_by_side) as pool:
                list(pool.map(lambda variant: train_apart(variant, config.data), waiting))
        evaluation = config.evaluation.model_copy(update={"frechet": False, "videos_per_prompt": 1})
        results = [_result(home, variant, datasets[variant.world], config.world, evaluation) for variant in wanted]
        ablation = Ablation(cpu_minutes=cpu_minutes, results=tuple(results))
        run_id = publish_ablation(home, ablation, out)
        current_progress().finish("ablate", f"MLflow run {run_id}")
    return AblationResult(ablation=ablation, run_id=run_id)


def _result(
    home: Home, variant: Variant, dataset: Dataset, judged_in: WorldConfig, evaluation: EvaluationConfig
) -> VariantResult:
    with reporting_to(Labelled(current_progress(), f"{variant.name}-{variant.train.seed}")):
        model = make_model(home, variant.model, variant.train, dataset).value
        curve = run_step(
            measure_curve,
            home,
            model,
            judged_in,
            points=POINTS,
            samples=min(SAMPLES, evaluation.samples_seen),
            seed=evaluation.seed,
        ).value
        report = make_evaluation(home, model, judged_in, evaluation).value.exact_report()
    return VariantResult(
        name=variant.name,
        seed=variant.train.seed,
        run_id=model.run_id,
        curve=curve,
        tiers={tier.name: tier.joint for tier in report.tiers},
        parts=parts_of(report.tier(SEEN_TIER).generated),
    )


def train_apart(variant: Variant, data: DataConfig) -> None:
    """Train `variant` in a process of its own with the same home, because CPU time and threads belong to a process.

    Raises:
        AblationError: the training failed.
    """
    configs = {"world": variant.world, "data": data, "model": variant.model, "train": variant.train}
    values = {name: config.model_dump(mode="json") for name, config in configs.items()} | {"registered": False}
    command = [sys.executable, "-P", "-m", "flows.train", json.dumps(values)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AblationError(f"The training {variant.name!r} failed:\n{done.stderr[-2000:]}")


if __name__ == "__main__":
    ablate(PipelineConfig())
