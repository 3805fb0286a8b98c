"""The evaluation task: samples of every prompt, their scores, and the videos of the first of them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from numpy import uint8
from numpy.typing import NDArray
from prefect import task

from data.files import DamagedShardError
from data.home import Home
from data.shards.entry import verify_shard
from data.shards.manifest import ManifestError, read_manifest
from data.worlds.world import WorldConfig
from evaluation.config import EvaluationConfig
from evaluation.report import EvaluationReport
from tasks.cache.artifact import NAME_LENGTH, Artifact
from tasks.progress.progress import current_progress
from tasks.retrying import kept, retried
from tracking.model_reference import ResolvedModel

STEP = "evaluate"
EVALUATION_CODE = (
    "evaluation.evaluate",
    "evaluation.report_markdown",
    "evaluation.pictures.gallery",
    "models.sampling",
)
MOST_TRAINING_CLIPS = 1024  # per prompt; they bound the memory of the comparison
REPORT_FILE = "report.json"
VIDEOS = "videos"


@dataclass(frozen=True)
class Evaluation:
    """A finished evaluation: its folder, with report and videos, and its digest."""

    folder: Path
    digest: str

    @property
    def videos(self) -> Path:
        """The folder of the videos."""
        return self.folder / VIDEOS

    def report(self) -> EvaluationReport:
        """The report, read from disk."""
        return EvaluationReport.model_validate_json((self.folder / REPORT_FILE).read_text(encoding="utf-8"))


class NoWorldError(ValueError):
    """A model has learned no synthetic world, so there is no exact metric for it."""


def world_of_model(model: ResolvedModel) -> WorldConfig:
    """The world that a model has learned.

    Raises:
        NoWorldError: it has learned imported clips.
    """
    from models.checkpoint import read_info

    subject = read_info(model.checkpoint).subject
    if not isinstance(subject, WorldConfig):
        raise NoWorldError(f"{model.ref} has learned imported clips. Only models of synthetic worlds can be scored.")
    return subject


@task(name=STEP, **retried())
def evaluate_model(home: Home, model: ResolvedModel, world: WorldConfig, config: EvaluationConfig) -> Evaluation:
    """Score samples of `model` on all prompts of `world`, and write report and videos. A whole evaluation is kept."""
    dataset = _training_clips(home, model, world)
    artifact = Artifact.of(
        "evaluation",
        config={"world": world, "evaluation": config, "training_clips": dataset is not None},
        inputs=[model.digest],
        code=EVALUATION_CODE,
    )
    evaluation = Evaluation(artifact.folder(home), artifact.digest)
    with artifact.lock(home):
        if artifact.is_whole(home):
            return kept(evaluation)
        with tempfile.TemporaryDirectory(dir=home.evaluations, prefix=".writing-") as temporary:
            unfinished = Path(temporary) / "evaluation"
            unfinished.mkdir()
            _evaluate(unfinished, model, world, config, dataset)
            artifact.install(home, unfinished)
    current_progress().finish(STEP, f"report {evaluation.folder / 'report.md'}")
    return evaluation


def _training_clips(home: Home, model: ResolvedModel, world: WorldConfig) -> Path | None:
    """The folder of the model's training clips, if this home has them whole and they are of `world`."""
    from models.checkpoint import read_info

    digest = read_info(model.checkpoint).dataset_digest
    folder = home.datasets / digest[:NAME_LENGTH]
    try:
        found = read_manifest(folder)
        for entry in found.shards:
            verify_shard(folder, entry)
    except (ManifestError, DamagedShardError):
        return None
    return folder if found.digest == digest and found.subject == world else None


def _evaluate(
    folder: Path, model: ResolvedModel, world: WorldConfig, config: EvaluationConfig, dataset: Path | None
) -> None:
    """Write the files of an evaluation into `folder`."""
    from data.reading.dataset import load_clips
    from evaluation.evaluate import evaluate
    from evaluation.pictures.gallery import write_gallery
    from evaluation.report_markdown import report_markdown
    from models.sampling import TextToVideo

    progress = current_progress()
    generator = TextToVideo.load(model.checkpoint)
    clips = load_clips(dataset) if dataset else None
    started = False

    def report_progress(done: int, total: int, text: str) -> None:
        nonlocal started
        if not started:
            progress.start(STEP, total)
            started = True
        progress.update(STEP, done, text)

    def sampler(prompts: Sequence[str], seed: int) -> NDArray[uint8]:
        # Paraphrases hold words that a model may not know. It reads the other words then.
        return generator.generate(prompts, seed=seed, unknown_words="ignore")

    training = None if clips is None else partial(clips.of_prompt, at_most=MOST_TRAINING_CLIPS)
    report = evaluate(sampler, world=world, config=config, training=training, report=report_progress)
    (folder / REPORT_FILE).write_text(report.model_dump_json(indent=2), encoding="utf-8")
    (folder / "report.md").write_text(report_markdown(report), encoding="utf-8")
    write_gallery(folder / VIDEOS, sampler=sampler, world=world, config=config)
