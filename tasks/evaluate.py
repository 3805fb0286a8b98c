"""The evaluation task: samples of every prompt, their scores, and the videos of the first of them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from numpy import uint8
from numpy.typing import NDArray
from prefect import task

from data.home import Home
from data.worlds.world import WorldConfig
from evaluation.config import EvaluationConfig
from evaluation.pictures.video_names import gifs_of
from evaluation.report.report import EvaluationReport
from tasks.cache.code_digest import code_digest
from tasks.cache.policy import cached_by, content_hash, retried
from tasks.cache.references import CheckpointReference, EvaluationReference, references_to
from tasks.progress.progress import current_progress

STEP = "evaluate"
EVALUATION_CODE = (
    "evaluation.report.report",
    "evaluation.report.markdown",
    "evaluation.pictures.gallery",
    "models.sampling",
)
REPORT_FILE = "report.json"
VIDEOS = "videos"


def evaluation_digest(checkpoint: CheckpointReference, world: WorldConfig, config: EvaluationConfig) -> str:
    """Hash of all that determines an evaluation: the model, the world, the config, and the code that measures."""
    return content_hash([checkpoint, world, config, code_digest(*EVALUATION_CODE)])


@task(name=STEP, **cached_by(*EVALUATION_CODE), **retried())
def evaluate_checkpoint(
    home: Home, checkpoint: CheckpointReference, world: WorldConfig, config: EvaluationConfig
) -> EvaluationReference:
    """Scores samples of `checkpoint` on all prompts of `world`, and writes report and videos."""
    from evaluation.pictures.gallery import write_gallery
    from evaluation.report.markdown import report_markdown
    from evaluation.report.report import evaluate
    from models.sampling import TextToVideo

    progress = current_progress()
    model = TextToVideo.load(checkpoint.folder)
    digest = evaluation_digest(checkpoint, world, config)
    started = False

    def report_progress(done: int, total: int, text: str) -> None:
        nonlocal started
        if not started:
            progress.start(STEP, total)
            started = True
        progress.update(STEP, done, text)

    def sampler(prompts: Sequence[str], seed: int) -> NDArray[uint8]:
        # Paraphrases hold words that a model may not know: of those it reads the rest.
        return model.generate(prompts, seed=seed, unknown_words="ignore")

    report = evaluate(sampler, world=world, config=config, report=report_progress)
    folder = home.evaluations / digest[:16]
    with tempfile.TemporaryDirectory(dir=home.evaluations, prefix=".writing-") as temporary:
        unfinished = Path(temporary) / "evaluation"
        unfinished.mkdir()
        (unfinished / REPORT_FILE).write_text(report.model_dump_json(indent=2), encoding="utf-8")
        (unfinished / "report.md").write_text(report_markdown(report), encoding="utf-8")
        write_gallery(unfinished / VIDEOS, sampler=sampler, world=world, config=config)
        shutil.rmtree(folder, ignore_errors=True)
        unfinished.rename(folder)
    progress.finish(STEP, f"report {folder / 'report.md'}")
    files = (path for path in folder.rglob("*") if path.is_file())
    return EvaluationReference(folder=folder, digest=digest, files=references_to(files))


def gif_of(evaluation: Path, prompt: str) -> Path | None:
    """The GIF of the first clip of `prompt` in the folder of an evaluation; None where no videos were asked for."""
    return next(iter(gifs_of(evaluation / VIDEOS, prompt)), None)


def read_report(evaluation: EvaluationReference) -> EvaluationReport:
    """The report of a finished evaluation."""
    return EvaluationReport.model_validate_json((evaluation.folder / REPORT_FILE).read_text(encoding="utf-8"))
