"""The flow that imports people's own clips: one task per batch of videos, then the manifest and a report.

python -m flows.import_clips clips/
"""

import sys
from pathlib import Path

from prefect import flow
from pydantic import BaseModel, ConfigDict, Field

from data.home import Home
from data.importing.config import ImportConfig
from data.importing.item import ImportFolderError
from data.importing.summary import ImportSummary
from flows.outcome import gather, run_step
from flows.threads import thread_per_core
from tasks.dataset import Dataset
from tasks.importing import (
    complete_import,
    export_import,
    import_one_batch,
    plan,
    publish_import,
    read_summary,
    refuse_rejected,
)
from tasks.progress.in_prefect import shown_in_prefect
from tasks.progress.progress import current_progress
from tracking.store import check_store

STEP = "import"


class ImportResult(BaseModel):
    """What an import gave."""

    model_config = ConfigDict(frozen=True)

    folder: Path = Field(description="Shards, manifest, report, summary and rejected.csv.")
    digest: str = Field(description="Digest of the data set.")
    summary: ImportSummary
    cached: bool = Field(description="Whether everything had been imported before.")


@flow(name=STEP, task_runner=thread_per_core())
def import_clips(
    source: Path, config: ImportConfig | None = None, out: Path | None = None, strict: bool = False
) -> ImportResult:
    """Make a data set of captioned videos. Batches that were imported before are kept.

    Args:
        source: a folder of videos with captions, a WebDataset tar file, or a Parquet file.
        config: size and rate of the clips, and how they are split. Empty: 10 frames of 64x64 px, 10 per second.
        out: folder for the data set, beside the one in the home. Empty: the home alone keeps it.
        strict: whether a file that cannot be imported is an error.
    """
    home = Home.from_environment().create()
    check_store(home)
    options = config or ImportConfig()
    if out is not None and source.is_dir() and out.resolve().is_relative_to(source.resolve()):
        raise ImportFolderError(f"{out} lies in {source}, where the next import would find it. Choose another folder.")
    with shown_in_prefect():
        planned = plan(source, options)
        futures = [
            import_one_batch.submit(home, planned.artifact, planned.plan.root, items, options, number)
            for number, items in enumerate(planned.batches)
        ]
        batches = gather(STEP, futures)
        if strict:
            refuse_rejected(planned, batches.value)
        outcome = run_step(complete_import, home, planned, options, batches.value)
        dataset: Dataset = outcome.value
        if out is not None:
            export_import(dataset, out)
        publish_import(home, dataset)
        summary = read_summary(dataset)
        current_progress().finish(STEP, f"{summary.clips:,} clips in {out or dataset.folder}")
    return ImportResult(
        folder=out or dataset.folder, digest=dataset.digest, summary=summary, cached=batches.cached and outcome.cached
    )


if __name__ == "__main__":
    import_clips(Path(sys.argv[1]))
