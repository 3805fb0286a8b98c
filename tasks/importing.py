"""The tasks of an import: what there is, the batches of videos, and the complete data set with its report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from prefect import task
from prefect.artifacts import create_markdown_artifact

from data.clip_batch import ClipBatch
from data.files import DamagedShardError, link_or_copy, write_atomically
from data.home import Home
from data.importing.config import ImportConfig
from data.importing.duplicates import near_duplicates
from data.importing.item import Item
from data.importing.plan import ImportPlan, plan_import
from data.importing.summary import ImportSummary, summarised
from data.shards.entry import ShardEntry, verify_shard
from data.shards.imported import (
    BATCH_ITEMS,
    ImportedBatch,
    captions_by_split,
    placed,
    read_batch,
    write_batch,
)
from data.shards.manifest import MANIFEST_NAME, Manifest, ManifestError, write_manifest
from data.shards.shard import read_clips
from data.shards.sources import ImportSource
from data.subject import CaptionedSubject
from evaluation.dataset_report.page import SHOWN_CLIPS, SHOWN_PAIRS, ShownClip, ShownPair, report_html
from evaluation.markdown_table import escaped
from evaluation.pictures.data_uri import data_uri
from evaluation.pictures.encoders import encode_gif
from tasks.cache.artifact import NAME_LENGTH, Artifact
from tasks.dataset import Dataset
from tasks.evaluation.publish import link_to_mlflow
from tasks.retrying import MLFLOW_ATTEMPTS, kept, retried
from tracking.results.imported import record_import

SUMMARY, REJECTED, REPORT = "summary.json", "rejected.csv", "report.html"
"""Files of an imported data set beside its shards and its manifest."""
MOST_COMPARED = 20_000
"""So many clips of train and of the test are compared to find similar ones, at most."""
SHOWN_IN_PREFECT = 12
"""Clips on Prefect's page, at most."""
DATASET_KEY = "dataset"


class NothingImportedError(ValueError):
    """No video of a source became a clip to train on. The message says why."""


class RejectedFilesError(ValueError):
    """Files cannot be imported, and the user wants no data set without them. The message names the first one."""


@dataclass(frozen=True)
class PlannedImport:
    """What an import will do, and the identity of the data set that it makes."""

    plan: ImportPlan
    artifact: Artifact
    name: str
    """Name of the source, without its path."""

    @property
    def batches(self) -> list[Sequence[Item]]:
        """The items of each batch."""
        return self.plan.batches(BATCH_ITEMS)


@task(name="plan-import", **retried())
def plan(source: Path, config: ImportConfig) -> PlannedImport:
    """Find the videos of a folder, their captions, duplicates and splits. Each file is read once.

    Raises:
        ImportFolderError: the source does not exist or holds nothing, or its metadata cannot be read.
        NothingImportedError: all videos were given to validation or test.
    """
    found = plan_import(source, config)
    if found.items and not any(item.split == "train" for item in found.items):
        raise NothingImportedError(
            f"None of the {len(found.items):,} videos of {source.resolve().name} is for training: the column "
            f"{config.split_column!r} says validation or test for each. Mark some as train, or leave out split_column."
        )
    artifact = Artifact.of("dataset", config={"import": config}, inputs=[found.digest], code=["data.shards.imported"])
    return PlannedImport(found, artifact, source.resolve().name)


@task(name="import-batch", task_run_name="batch {number}", **retried())
def import_one_batch(
    home: Home, artifact: Artifact, root: Path, items: Sequence[Item], config: ImportConfig, number: int
) -> ImportedBatch:
    """Decode the videos of batch `number`, counted from 0, and write their clips. A whole batch is kept.

    Only the batch's own items are given, because Prefect looks through all arguments of a task.
    """
    folder = artifact.folder(home)
    with artifact.lock(home, part=f"-{number}"):
        batch = read_batch(folder, number)
        if batch is not None and (batch.entry is None or _is_intact(folder, batch.entry)):
            return kept(batch)
        return write_batch(folder, root=root, items=items, number=number, config=config)


@task(name="complete-import", **retried())
def complete_import(
    home: Home, planned: PlannedImport, config: ImportConfig, batches: Sequence[ImportedBatch]
) -> Dataset:
    """Write report, summary, `rejected.csv` and at last the manifest. From now on the data set is complete.

    Raises:
        NothingImportedError: there is no clip to train on.
    """
    dataset = Dataset(planned.artifact.folder(home), planned.artifact.digest)
    summary = summary_of(planned, batches)
    captions = captions_by_split(batches)
    if not captions["train"]:
        raise NothingImportedError(_nothing(planned.name, summary))
    with planned.artifact.lock(home):
        subject = CaptionedSubject.of(config.clip, captions)
        source = ImportSource(name=planned.name, config=config, subject=subject)
        files = {
            SUMMARY: (summary.model_dump_json(indent=2) + "\n").encode(),
            REJECTED: summary.rejected_csv(),
            REPORT: _report(dataset.folder, planned.name, summary, batches).encode(),
        }
        before = _written(dataset, list(files))
        for name, content in files.items():
            write_atomically(dataset.folder / name, content)
        manifest = write_manifest(dataset.folder, source=source, shards=placed(batches), digest=dataset.digest)
    return kept(dataset) if manifest == before else dataset


def summary_of(planned: PlannedImport, batches: Sequence[ImportedBatch]) -> ImportSummary:
    """What became of all files of a source."""
    videos = [video for batch in batches for video in batch.videos]
    rejected = [*planned.plan.rejected, *(one for batch in batches for one in batch.rejected)]
    return summarised(videos, rejected, planned.plan.duplicates, ignored=planned.plan.ignored)


def _is_intact(folder: Path, entry: ShardEntry) -> bool:
    try:
        verify_shard(folder, entry)
    except DamagedShardError:
        return False
    return True


def _written(dataset: Dataset, files: Sequence[str]) -> Manifest | None:
    """The manifest of the data set, if that is complete with its `files`."""
    try:
        manifest = dataset.manifest()
    except ManifestError:
        return None
    return manifest if all((dataset.folder / name).is_file() for name in files) else None


def _nothing(name: str, summary: ImportSummary) -> str:
    reasons = ", ".join(f"{count} x {kind}" for kind, count in summary.reasons.items()) or "there is no video"
    first = f" The first one: {summary.rejections[0].file} {summary.rejections[0].reason}" if summary.rejections else ""
    return f"Nothing of {name} can be trained on ({reasons}).{first}"


def _report(folder: Path, name: str, summary: ImportSummary, batches: Sequence[ImportedBatch]) -> str:
    prints = np.concatenate([batch.prints() for batch in batches])
    splits = np.array([video.split for batch in batches for video in batch.videos for _ in range(video.clips)])
    train, test = (np.flatnonzero(splits == split)[:MOST_COMPARED] for split in ("train", "test"))
    alike = near_duplicates(prints[train], prints[test])
    places = evenly_placed(len(splits), SHOWN_CLIPS)
    pairs = [(int(train[pair.first]), int(test[pair.second]), pair.distance) for pair in alike]
    wanted = {*places, *(place for first, second, _ in pairs[:SHOWN_PAIRS] for place in (first, second))}
    clips = dict(shown_clips(folder, placed(batches), wanted))
    return report_html(
        name,
        summary,
        [clips[place] for place in places],
        pairs=[ShownPair(clips[first], clips[second], bits) for first, second, bits in pairs[:SHOWN_PAIRS]],
        pair_count=len(pairs),
    )


def shown_clips(folder: Path, entries: Sequence[ShardEntry], places: set[int]) -> Iterator[tuple[int, ShownClip]]:
    """The clips at `places` of the data set, in their order."""
    for entry in entries:
        place = entry.first_index
        if not any(place <= wanted < place + entry.rows for wanted in places):
            continue
        for batch in read_clips(folder / entry.name):
            for row in range(len(batch.indices)):
                if place + row in places:
                    yield place + row, _shown_clip(batch, row)
            place += len(batch.indices)


def _shown_clip(batch: ClipBatch, row: int) -> ShownClip:
    frames: NDArray[np.uint8] = batch.frames[row]
    return ShownClip(frames, batch.captions[row][0], batch.origins[row].file, batch.splits[row])


def refuse_rejected(planned: PlannedImport, batches: Sequence[ImportedBatch]) -> None:
    """Raise `RejectedFilesError` if a file cannot be imported. Duplicates are no reason."""
    summary = summary_of(planned, batches)
    if summary.rejected:
        lines = [f"{one.file} {one.reason}" for one in summary.rejections if one.kind != "duplicate"]
        more = f" ({len(lines) - 1} more)" if len(lines) > 1 else ""
        raise RejectedFilesError(f"{summary.rejected} files of {planned.name} cannot be imported: {lines[0]}{more}")


def export_import(dataset: Dataset, folder: Path) -> None:
    """Put an imported data set into `folder`, as links to the home's files where the disk allows it, else as copies.

    The manifest comes last, so that the folder never looks complete before it is. Shards of an earlier import go.
    """
    shards = [entry.name for entry in dataset.manifest().shards]
    (folder / MANIFEST_NAME).unlink(missing_ok=True)
    for old in folder.glob("clips-*.parquet"):
        if old.name not in shards:
            old.unlink()
    link_or_copy((*shards, SUMMARY, REJECTED, REPORT, MANIFEST_NAME), source=dataset.folder, target=folder)


def read_summary(dataset: Dataset) -> ImportSummary:
    """The summary that was written with the data set."""
    return ImportSummary.model_validate_json((dataset.folder / SUMMARY).read_bytes())


@task(name="publish-import", **retried(MLFLOW_ATTEMPTS))
def publish_import(home: Home, dataset: Dataset) -> None:
    """Record the data set in MLflow with its report, and show its figures and some clips on Prefect's page."""
    summary, manifest = read_summary(dataset), dataset.manifest()
    source = manifest.source
    assert isinstance(source, ImportSource)
    files = [dataset.folder / file for file in (REPORT, REJECTED, SUMMARY)]
    run_id = record_import(home, manifest, source, summary, files=files)
    places = evenly_placed(manifest.rows, SHOWN_IN_PREFECT)
    clips = [clip for _, clip in shown_clips(dataset.folder, manifest.shards, set(places))]
    link = link_to_mlflow(home, run_id, "Report and list of rejected files, in MLflow", page="/artifacts")
    create_markdown_artifact(
        import_markdown(source.name, manifest, summary, clips, link=link),
        key=DATASET_KEY,
        description=f"The data set {source.name}: what is in it, and what was left out",
    )


def import_markdown(
    name: str, manifest: Manifest, summary: ImportSummary, clips: Sequence[ShownClip], *, link: str
) -> str:
    """The figures of a data set and some of its clips, as Prefect shows them."""
    splits = ", ".join(f"{count:,} for {split}" for split, count in manifest.splits.items())
    digest = manifest.digest[:NAME_LENGTH]
    lines = [
        f"## {escaped(name)}",
        f"{summary.clips:,} clips of {summary.accepted:,} videos ({splits}). Each clip has {manifest.clip}. "
        f"Rejected files: {summary.rejected:,}. Duplicates: {summary.duplicates:,}.",
        f"To train on it: the deployment `own` with the data set `{digest}`, or `flipbook run --dataset {digest}`.",
        link,
    ]
    if summary.warning:
        lines.append(f"**{summary.warning}**")
    if summary.reasons:
        rows = "\n".join(f"| {kind} | {count:,} |" for kind, count in summary.reasons.items())
        lines.append(f"| left out | files |\n| --- | --- |\n{rows}")
    videos = [data_uri(encode_gif(clip.frames, manifest.clip.fps), kind="gif") for clip in clips]
    cells = [f"{escaped(clip.caption)} ![]({video})" for clip, video in zip(clips, videos, strict=True)]
    table = "\n".join(f"| {' | '.join(cells[start : start + 3])} |" for start in range(0, len(cells), 3))
    lines.append(f"| {'| ' * 3}\n| {'--- | ' * 3}\n{table}")
    return "\n\n".join(lines)


def evenly_placed(count: int, at_most: int) -> list[int]:
    """At most so many of the numbers from 0 to `count` - 1, evenly spread."""
    places = np.unique(np.linspace(0, count - 1, min(at_most, count)).round().astype(np.int64))
    return [int(place) for place in places]
