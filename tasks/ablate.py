"""The tasks of an ablation: a training's curve, and what MLflow and Prefect keep of all of them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from numpy import uint8
from numpy.typing import NDArray
from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from data.files import write_atomically
from data.home import Home
from data.worlds.world import WorldConfig
from evaluation.ablation.ablation import Ablation, Curve, CurvePoint, ablation_table
from tasks.cache.policy import MLFLOW_ATTEMPTS, cached_by, retried
from tasks.cache.references import CheckpointReference
from tasks.progress.progress import current_progress
from tasks.publish import link_to_mlflow
from tracking.results.ablation import DATA, PLOT, TABLE, record_ablation

ABLATION_KEY = "ablation"
STEP = "curve"


@task(name=STEP, **cached_by("evaluation.ablation.ablation", "models.sampling"), **retried())
def measure_curve(
    home: Home, checkpoint: CheckpointReference, world: WorldConfig, *, points: int, samples: int, seed: int
) -> Curve:
    """Joint exact of the training that ended with `checkpoint`, at about `points` of the checkpoints that it has kept.

    `samples` clips of each seen prompt of `world` are drawn of each. Measured after the training, so it costs that no
    time.
    """
    from evaluation.ablation.ablation import evenly_spaced, joint_of_seen_prompts
    from models.checkpoint import read_info
    from models.sampling import TextToVideo

    folders = [*sorted(checkpoint.folder.parent.glob("step-*")), checkpoint.folder]
    infos = [read_info(folder) for folder in folders]
    chosen = evenly_spaced([info.cpu_seconds for info in infos], points=points)
    progress, measured = current_progress(), []
    progress.start(STEP, len(chosen))
    for done, place in enumerate(chosen, start=1):
        model = TextToVideo.load(folders[place])

        def sampler(prompts: Sequence[str], seed: int, model: TextToVideo = model) -> NDArray[uint8]:
            return model.generate(prompts, seed=seed)

        joint = joint_of_seen_prompts(sampler, world=world, samples=samples, seed=seed)
        info = infos[place]
        measured.append(CurvePoint(cpu_minutes=info.cpu_seconds / 60, step=info.step, joint=joint))
        progress.update(STEP, done, f"{joint} after {info.step:,} steps")
    progress.finish(STEP, f"{measured[-1].joint} at the end")
    return Curve(points=tuple(measured))


@task(name="record-ablation", cache_policy=NO_CACHE, persist_result=False, **retried(MLFLOW_ATTEMPTS))
def publish_ablation(home: Home, ablation: Ablation, out: Path | None) -> str:
    """Puts table, plot and figures into MLflow, into `out` where that is given, and onto Prefect's page.

    Returns the id of the run that holds them.
    """
    from evaluation.ablation.plot import ablation_plot

    table, plot = ablation_table(ablation), ablation_plot(ablation)
    files = {TABLE: table.encode(), PLOT: plot, DATA: ablation.model_dump_json(indent=2).encode()}
    if out is not None:
        for name, content in files.items():
            write_atomically(out / name, content)
    run_id = record_ablation(home, ablation, files)
    picture = f"![Joint exact against CPU minutes](data:image/png;base64,{base64.b64encode(plot).decode()})"
    link = link_to_mlflow(home, run_id, "Files and curves, in MLflow", page="/artifacts")
    create_markdown_artifact(
        f"## What each repair is worth\n\n{table}\n\n{picture}\n\n{link}",
        key=ABLATION_KEY,
        description="Joint exact of every variant, from the tutorial's network to ours",
    )
    return run_id
