"""The same clips in the other format, for tools that read only one of the two."""

from __future__ import annotations

from pathlib import Path

from data.shards.config import SUFFIXES, ShardFormat
from data.shards.entry import verify_shard
from data.shards.manifest import Manifest, read_manifest, write_manifest
from data.shards.shard import read_clips, write_clips


def export_dataset(source: Path, target: Path, *, format: ShardFormat) -> Manifest:
    """Write the data set in `source` to `target` in another format, shard by shard.

    The clips are read from the shards and not made again, so a model's own training clips are exported.

    Returns:
        The new manifest. It has the digest of the source, because the clips are the same.

    Raises:
        ManifestError: `source` holds no complete data set.
        DamagedShardError: a shard of `source` is damaged.
        StorageError: `target` cannot be written to, or the disk is full.
    """
    manifest = read_manifest(source)
    exported = manifest.source.stored_as(format)
    entries = []
    for entry in manifest.shards:
        verify_shard(source, entry)
        path = (target / entry.name).with_suffix(SUFFIXES[format])
        clips = read_clips(source / entry.name)
        entries.append(write_clips(path, clips, exported.layout, first_index=entry.first_index))
    return write_manifest(target, source=exported, shards=entries, digest=manifest.digest)
