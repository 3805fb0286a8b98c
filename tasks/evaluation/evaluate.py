"""The evaluation task: samples of every prompt, their scores, and the videos of the first of them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from numpy import uint8
from numpy.typing import NDArray
from prefect import task

from data.home import Home
from data.worlds.world import WorldConfig
from evaluation.any_report import AnyReport, read_report
from evaluation.config import EvaluationConfig
from evaluation.report import EvaluationReport
from tasks.cache.artifact import Artifact
from tasks.dataset import Dataset, stored_dataset
from tasks.evaluation.yardstick import Yardstick
from tasks.progress.progress import current_progress, reporting
from tasks.retrying import kept, retried
from tracking.model_reference import ResolvedModel

STEP = "evaluate"
EVALUATION_CODE = (
    "evaluation.evaluate",
    "evaluation.report_markdown",
    "evaluation.pictures.gallery",
    "models.sampling",
)
CAPTIONED_CODE = ("tasks.evaluation.captioned",)
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

    def report(self) -> AnyReport:
        """The report, read from disk."""
        return read_report((self.folder / REPORT_FILE).read_bytes())

    def exact_report(self) -> EvaluationReport:
        """The report of an evaluation by the exact metric of a world, read from disk.

        Raises:
            ValidationError: the model was scored against captioned clips.
        """
        return EvaluationReport.model_validate_json((self.folder / REPORT_FILE).read_bytes())


@task(name=STEP, **retried())
def evaluate_model(home: Home, model: ResolvedModel, on: Yardstick, config: EvaluationConfig) -> Evaluation:
    """Score samples of `model`, and write report and videos. A whole evaluation is kept.

    Args:
        home: the home directory.
        model: the model.
        on: a world, whose prompts are scored by the exact metric, or a data set, whose captions and clips are.
        config: how many samples are drawn and shown.
    """
    score: Callable[[Path], None]
    if isinstance(on, Dataset):
        artifact = Artifact.of(
            "evaluation", config={"evaluation": config}, inputs=[model.digest, on.digest], code=CAPTIONED_CODE
        )
        score = partial(_score_captions, model=model, dataset=on, config=config)
    else:
        clips = _training_clips(home, model, on)
        artifact = Artifact.of(
            "evaluation",
            config={"world": on, "evaluation": config, "training_clips": clips is not None},
            inputs=[model.digest],
            code=EVALUATION_CODE,
        )
        score = partial(_score_prompts, model=model, world=on, config=config, dataset=clips)
    evaluation = Evaluation(artifact.folder(home), artifact.digest)
    with artifact.lock(home):
        if artifact.is_whole(home):
            return kept(evaluation)
        with tempfile.TemporaryDirectory(dir=home.evaluations, prefix=".writing-") as temporary:
            unfinished = Path(temporary) / "evaluation"
            unfinished.mkdir()
            score(unfinished)
            artifact.install(home, unfinished)
    current_progress().finish(STEP, f"report {evaluation.folder / 'report.md'}")
    return evaluation


def _training_clips(home: Home, model: ResolvedModel, world: WorldConfig) -> Path | None:
    """The folder of the model's training clips, if this home has them whole and they are of `world`."""
    from models.checkpoint import read_info

    found = stored_dataset(home, read_info(model.checkpoint).dataset_digest)
    return found.folder if found is not None and found.manifest().subject == world else None


def _score_prompts(
    folder: Path, model: ResolvedModel, world: WorldConfig, config: EvaluationConfig, dataset: Path | None
) -> None:
    """Score the prompts of a world by its exact metric, and write the files of the evaluation into `folder`."""
    from data.reading.dataset import load_clips
    from evaluation.evaluate import evaluate
    from evaluation.pictures.gallery import write_gallery
    from evaluation.report_markdown import report_markdown
    from models.sampling import TextToVideo

    generator = TextToVideo.load(model.checkpoint)
    clips = load_clips(dataset) if dataset else None

    def sampler(prompts: Sequence[str], seed: int) -> NDArray[uint8]:
        # Held-out sentences may hold words that a model does not know. It reads the other words then.
        return generator.generate(prompts, seed=seed, unknown_words="ignore")

    training = None if clips is None else partial(clips.of_prompt, at_most=MOST_TRAINING_CLIPS)
    report = evaluate(sampler, world=world, config=config, training=training, report=reporting(STEP))
    _write_report(folder, report, report_markdown(report))
    write_gallery(folder / VIDEOS, sampler=sampler, world=world, config=config)


def _score_captions(folder: Path, model: ResolvedModel, dataset: Dataset, config: EvaluationConfig) -> None:
    """Score captions of a data set beside its clips, and write the files of the evaluation into `folder`."""
    from models.sampling import TextToVideo
    from tasks.evaluation.captioned import score_on_dataset

    report, text = score_on_dataset(
        TextToVideo.load(model.checkpoint),
        dataset.folder,
        config=config,
        out=folder / VIDEOS,
        report=reporting(STEP),
    )
    _write_report(folder, report, text)


def _write_report(folder: Path, report: AnyReport, text: str) -> None:
    (folder / REPORT_FILE).write_text(report.model_dump_json(indent=2), encoding="utf-8")
    (folder / "report.md").write_text(text, encoding="utf-8")
