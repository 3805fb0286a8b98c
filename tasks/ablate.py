"""The tasks of an ablation: the curve of a training, and what MLflow and Prefect keep of all curves."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from numpy import uint8
from numpy.typing import NDArray
from prefect import task
from prefect.artifacts import create_markdown_artifact

from data.files import write_atomically
from data.home import Home
from data.worlds.world import WorldConfig
from evaluation.ablation import Ablation, Curve, CurvePoint, ablation_table
from evaluation.pictures.data_uri import data_uri
from tasks.cache.artifact import Artifact
from tasks.evaluation.publish import link_to_mlflow
from tasks.progress.progress import current_progress
from tasks.retrying import MLFLOW_ATTEMPTS, kept, retried
from tracking.model_reference import ResolvedModel
from tracking.results.ablation import DATA, PLOT, TABLE, record_ablation

ABLATION_KEY = "ablation"
STEP = "curve"
CURVE_FILE = "curve.json"


@task(name=STEP, **retried())
def measure_curve(
    home: Home, model: ResolvedModel, world: WorldConfig, *, points: int, samples: int, seed: int
) -> Curve:
    """Joint exact of the training that ended with `model`, at about `points` of the checkpoints that it has kept.

    At each of them `samples` clips of each seen prompt of `world` are drawn. This happens after the training, so that
    it costs the training no time.
    """
    artifact = Artifact.of(
        "curve",
        config={"world": world, "points": points, "samples": samples, "seed": seed},
        inputs=[model.digest],
        code=["evaluation.ablation", "models.sampling"],
    )
    file = artifact.folder(home) / CURVE_FILE
    with artifact.lock(home):
        if artifact.is_whole(home):
            return kept(Curve.model_validate_json(file.read_bytes()))
        curve = _measure(model, world, points=points, samples=samples, seed=seed)
        shutil.rmtree(file.parent, ignore_errors=True)
        write_atomically(file, curve.model_dump_json(indent=2).encode())
        artifact.complete(home, [file])
    return curve


def _measure(model: ResolvedModel, world: WorldConfig, *, points: int, samples: int, seed: int) -> Curve:
    from evaluation.ablation import evenly_spaced, joint_of_seen_prompts
    from models.checkpoint import read_info
    from models.sampling import TextToVideo

    folders = [*sorted(model.checkpoint.parent.glob("step-*")), model.checkpoint]
    infos = [read_info(folder) for folder in folders]
    chosen = evenly_spaced([info.cpu_seconds for info in infos], points=points)
    progress, measured = current_progress(), []
    progress.start(STEP, len(chosen))
    for done, place in enumerate(chosen, start=1):
        generator = TextToVideo.load(folders[place])

        def sampler(prompts: Sequence[str], seed: int, generator: TextToVideo = generator) -> NDArray[uint8]:
            return generator.generate(prompts, seed=seed)

        joint = joint_of_seen_prompts(sampler, world=world, samples=samples, seed=seed)
        info = infos[place]
        measured.append(CurvePoint(cpu_minutes=info.cpu_seconds / 60, step=info.step, joint=joint))
        progress.update(STEP, done, f"{joint} after {info.step:,} steps")
    progress.finish(STEP, f"{measured[-1].joint} at the end")
    return Curve(points=tuple(measured))


@task(name="publish-ablation", **retried(MLFLOW_ATTEMPTS))
def publish_ablation(home: Home, ablation: Ablation, out: Path | None) -> str:
    """Put table, plot and figures into MLflow, into the folder `out` if that is given, and onto Prefect's page.

    Returns the id of the MLflow run that holds them.
    """
    from evaluation.ablation import ablation_plot

    table, plot = ablation_table(ablation), ablation_plot(ablation)
    files = {TABLE: table.encode(), PLOT: plot, DATA: ablation.model_dump_json(indent=2).encode()}
    if out is not None:
        for name, content in files.items():
            write_atomically(out / name, content)
    run_id = record_ablation(home, ablation, files)
    picture = f"![Joint exact against CPU minutes]({data_uri(plot, kind='png')})"
    link = link_to_mlflow(home, run_id, "Files and curves, in MLflow", page="/artifacts")
    create_markdown_artifact(
        f"## What each part is worth\n\n{table}\n\n{picture}\n\n{link}",
        key=ABLATION_KEY,
        description="Joint exact of our recipe, of the tutorial's network, and of our recipe without one part each",
    )
    return run_id
