"""The same clips in the other format, for tools that read only one of the two."""

from __future__ import annotations

from pathlib import Path

from data.shards.manifest import Manifest, read_manifest, verify_shard, write_manifest
from data.shards.shard import ShardFormat, read_clips, shard_name, write_clips


def export_dataset(source: Path, target: Path, *, format: ShardFormat) -> Manifest:
    """Write the data set in `source` to `target` in `format`, shard by shard, everything kept.

    The clips are read, not made again, so the exported ones are those that were trained on.

    Returns:
        The new manifest; its fingerprint is the old one's, because the clips are the same.

    Raises:
        ManifestError: `source` holds no complete data set.
        DamagedShardError: a shard of `source` is damaged.
        StorageError: `target` cannot be written to, or the disk is full.
    """
    manifest = read_manifest(source)
    data = manifest.data.model_copy(update={"format": format})
    entries = []
    for number, entry in enumerate(manifest.shards):
        verify_shard(source, entry)
        entries.append(
            write_clips(
                target / shard_name(data, number),
                read_clips(source / entry.name),
                world=manifest.world,
                data=data,
                first_index=entry.first_index,
            )
        )
    return write_manifest(target, world=manifest.world, data=data, shards=entries)
