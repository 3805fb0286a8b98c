"""A data set as tensors: every clip decoded once, in memory or, beyond a limit, in a memory-mapped file."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from data.manifest import Manifest, check_shard, read_manifest
from data.parquet import decode_parquet
from data.shards import ShardEntry
from data.storage import DamagedShardError, atomic_path
from data.webdataset import decode_webdataset

MEMORY_LIMIT = 4 * 2**30
"""Bytes of frames up to which they are held in memory: about 35,000 clips of 10 frames at 64x64 px."""


@dataclass(frozen=True)
class ClipTensors:
    """A data set ready for training, in the order of the clips' indices.

    frames: torch.uint8 (N, T, S, S, 3) RGB, a view of planes: `frames.permute(0, 1, 4, 2, 3)` is contiguous.
    prompts, motions: N strings each.
    """

    frames: torch.Tensor
    prompts: list[str]
    motions: list[str]
    manifest: Manifest

    def __len__(self) -> int:
        return len(self.prompts)


def load_clips(
    folder: Path, *, verify: bool = True, memory_limit: int = MEMORY_LIMIT, threads: int | None = None
) -> ClipTensors:
    """Decode the data set in `folder`.

    Args:
        folder: holds the shards and their manifest.
        verify: compare size and sha256 of each shard with the manifest before it is decoded.
        memory_limit: bytes; frames that need more go to a file of raw bytes beside the shards, which is memory-mapped,
            and used again the next time. Writing to the tensor never changes that file.
        threads: shards decoded at a time; by default one per core.

    Raises:
        ManifestError: the folder holds no complete data set.
        DamagedShardError: a shard is missing, is not the one that was written, or cannot be decoded; it is named.
        StorageError: the memory-mapped file cannot be written.
    """
    manifest = read_manifest(folder)
    world = manifest.world
    shape = (manifest.rows, world.frames, 3, world.frame_size, world.frame_size)
    size = int(np.prod(shape, dtype=np.int64))
    if size <= memory_limit:
        planes = torch.empty(shape, dtype=torch.uint8)
        columns = _decode_all(folder, manifest, planes.numpy(), verify=verify, threads=threads or os.cpu_count() or 1)
    else:
        path = folder / f"frames-{_digest(manifest)[:16]}.u8"
        columns = _decode_to_file(folder, manifest, path, shape, verify=verify)
        planes = torch.from_file(str(path), shared=False, size=size, dtype=torch.uint8).view(shape)
    return ClipTensors(
        frames=planes.permute(0, 1, 3, 4, 2),
        prompts=list(chain.from_iterable(column["prompt"] for column in columns)),
        motions=list(chain.from_iterable(column["motion"] for column in columns)),
        manifest=manifest,
    )


def _decode_all(
    folder: Path, manifest: Manifest, planes: NDArray[np.uint8], *, verify: bool, threads: int
) -> list[dict[str, list[str]]]:
    def decode(entry: ShardEntry) -> dict[str, list[str]]:
        part = planes[entry.first_index : entry.first_index + entry.rows]
        return _decode(folder, manifest, entry, part, verify=verify)

    with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="decode") as pool:
        return list(pool.map(decode, manifest.shards))


def _decode_to_file(
    folder: Path, manifest: Manifest, path: Path, shape: tuple[int, ...], *, verify: bool
) -> list[dict[str, list[str]]]:
    if path.is_file() and path.stat().st_size == np.prod(shape, dtype=np.int64):
        return [_decode(folder, manifest, entry, None, verify=verify) for entry in manifest.shards]
    columns = []
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        for entry in manifest.shards:
            part = np.empty((entry.rows, *shape[1:]), dtype=np.uint8)
            columns.append(_decode(folder, manifest, entry, part, verify=verify))
            file.write(part.data)  # not through the map: a full disk is an error here, and kills the process there
    return columns


def _decode(
    folder: Path, manifest: Manifest, entry: ShardEntry, frames: NDArray[np.uint8] | None, *, verify: bool
) -> dict[str, list[str]]:
    path = folder / entry.name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DamagedShardError(
            f"The shard {path} cannot be read ({error.strerror}). Generate the data again."
        ) from error
    if verify:
        check_shard(path, entry, size=len(content), digest=hashlib.sha256(content).hexdigest())
    decode = decode_parquet if manifest.data.format == "parquet" else decode_webdataset
    return decode(path, content, frames)


def _digest(manifest: Manifest) -> str:
    """Names the decoded file after the bytes of all shards."""
    return hashlib.sha256("".join(shard.sha256 for shard in manifest.shards).encode()).hexdigest()
