"""The tasks that make a data set, shard by shard, and the one that finds a data set by its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from prefect import task

from data.captions import quoted
from data.files import DamagedShardError, link_or_copy
from data.home import Home
from data.shards.config import DataConfig, shard_name
from data.shards.entry import ShardEntry, verify_shard
from data.shards.manifest import (
    MANIFEST_NAME,
    Manifest,
    ManifestError,
    read_manifest,
    whole_shard,
    write_manifest,
)
from data.shards.shard import write_shard
from data.shards.sources import WorldSource
from data.worlds.world import WorldConfig
from tasks.cache.artifact import NAME_LENGTH, Artifact
from tasks.retrying import kept, retried

_DIGEST = re.compile(r"[0-9a-f]{6,64}")


@dataclass(frozen=True)
class Dataset:
    """A complete data set: its folder, with shards and manifest, and its digest."""

    folder: Path
    digest: str

    def manifest(self) -> Manifest:
        """The manifest, read from disk."""
        return read_manifest(self.folder)


class DatasetNameError(ValueError):
    """A name leads to no usable data set. The message says why."""


def stored_dataset(home: Home, digest: str) -> Dataset | None:
    """The data set with this digest in `home`, if it is there and whole."""
    dataset = Dataset(home.datasets / digest[:NAME_LENGTH], digest)
    try:
        manifest = dataset.manifest()
        for entry in manifest.shards:
            verify_shard(dataset.folder, entry)
    except (ManifestError, DamagedShardError):
        return None
    return dataset if manifest.digest == digest else None


def dataset_artifact(world: WorldConfig, data: DataConfig) -> Artifact:
    """The identity of the data set that `world` and `data` describe. Its own manifest says whether it is complete."""
    return Artifact.of("dataset", config={"world": world, "data": data}, code=["data.shards.shard"])


@task(name="find-dataset", **retried())
def find_dataset(home: Home, name: str) -> Dataset:
    """The data set that people mean by `name`. The home keeps it from now on, so that its models can be scored.

    Args:
        home: the home directory.
        name: a folder with a data set, such as `flipbook import --out` writes, or the beginning of the digest of a data
            set in the home, at least 6 characters.

    Raises:
        DatasetNameError: no data set has this name, or it is damaged.
    """
    folder = Path(name).expanduser()
    try:
        if not (folder / MANIFEST_NAME).is_file():
            return kept(_with_digest(home, name))
        manifest = read_manifest(folder)
        for entry in manifest.shards:
            verify_shard(folder, entry)
    except (ManifestError, DamagedShardError) as error:
        raise DatasetNameError(str(error)) from error
    except OSError as error:
        raise DatasetNameError(f"The data set {quoted(name)} cannot be read: {error.strerror or error}.") from error
    artifact = Artifact(kind="dataset", digest=manifest.digest)
    with artifact.lock(home):
        known = stored_dataset(home, manifest.digest)
        if known is not None:
            return kept(known)
        shards = [entry.name for entry in manifest.shards]
        beside = [path.name for path in folder.iterdir() if path.suffix in {".html", ".csv", ".json"}]
        files = [*shards, *(one for one in beside if one != MANIFEST_NAME), MANIFEST_NAME]
        link_or_copy(files, source=folder, target=artifact.folder(home))
    return Dataset(artifact.folder(home), manifest.digest)


def _with_digest(home: Home, name: str) -> Dataset:
    places = list(home.datasets.glob(f"{name[:NAME_LENGTH]}*")) if _DIGEST.fullmatch(name) else []
    for place in places if len(places) == 1 else []:
        with suppress(ManifestError):
            found = stored_dataset(home, read_manifest(place).digest)
            if found is not None and found.digest.startswith(name):
                return found
    if len(places) == 1:
        raise DatasetNameError(f"The data set in {places[0]} is damaged. Make it again.")
    if len(places) > 1:
        several = ", ".join(place.name for place in places)
        raise DatasetNameError(f"The digests of several data sets begin with {name!r}: {several}. Write more digits.")
    raise DatasetNameError(
        f"{name!r} is neither a folder with a data set nor the beginning of the digest of one in {home.datasets}. "
        "`flipbook import VIDEOS --out FOLDER` makes a data set; then name FOLDER."
    )


@task(name="make-shard", task_run_name="shard {shard}", **retried())
def make_shard(home: Home, world: WorldConfig, data: DataConfig, shard: int) -> ShardEntry:
    """Make the clips of shard number `shard`, counted from 0, and write them. A whole shard is kept."""
    artifact = dataset_artifact(world, data)
    folder = artifact.folder(home)
    with artifact.lock(home, part=f"-{shard}"):
        entry = whole_shard(folder, shard_name(data, shard))
        return kept(entry) if entry else write_shard(folder, world=world, data=data, shard=shard)


@task(name="write-manifest", **retried())
def complete_dataset(home: Home, world: WorldConfig, data: DataConfig, shards: Sequence[ShardEntry]) -> Dataset:
    """Write the manifest over `shards`. From now on the data set is complete."""
    artifact = dataset_artifact(world, data)
    dataset = Dataset(artifact.folder(home), artifact.digest)
    with artifact.lock(home):
        before = None
        with suppress(ManifestError):  # there is none yet, or it is damaged
            before = dataset.manifest()
        manifest = write_manifest(
            dataset.folder, digest=dataset.digest, source=WorldSource(world=world, data=data), shards=shards
        )
    return kept(dataset) if manifest == before else dataset
