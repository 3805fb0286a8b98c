"""A data set as tensors. Every clip is decoded once, into memory or, above a limit, into a memory-mapped file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from data.cores import usable_cores
from data.files import atomic_path
from data.reading.ink import InkedRows, InkWriter
from data.shards.entry import ShardEntry, check_shard, unreadable_shard
from data.shards.manifest import Manifest, read_manifest
from data.shards.parquet import decode_parquet_frames, decode_parquet_texts
from data.shards.webdataset import decode_webdataset_frames, decode_webdataset_texts

MEMORY_LIMIT = 4 * 2**30
"""Up to this many bytes of frames are held in memory: about 35,000 clips of 10 frames at 64x64 px."""


@dataclass(frozen=True)
class ClipTensors:
    """A data set that is ready for training, in the order of the clips' indices.

    ink: the frames. `ink.frames(clips)` returns those of some clips.
    prompts, motions: N strings each.
    """

    ink: InkedRows
    prompts: list[str]
    motions: list[str]
    manifest: Manifest

    def __len__(self) -> int:
        return len(self.prompts)

    def of_prompt(self, prompt: str, *, at_most: int) -> NDArray[np.uint8]:
        """The first clips of a prompt, at most so many: uint8 (n, T, S, S, 3)."""
        rows = [row for row, other in enumerate(self.prompts) if other == prompt][:at_most]
        return self.ink.frames(torch.tensor(rows, dtype=torch.int64)).numpy().transpose(0, 1, 3, 4, 2)


def load_clips(
    folder: Path, *, verify: bool = True, memory_limit: int = MEMORY_LIMIT, threads: int | None = None
) -> ClipTensors:
    """Decode the data set in `folder`.

    Args:
        folder: holds the shards and the manifest.
        verify: whether to compare size and sha256 of each shard with the manifest before decoding it.
        memory_limit: bytes. Frames that may need more are decoded into a file beside the shards, which is
            memory-mapped and used again the next time. Writing to the tensor never changes that file.
        threads: number of shards that are decoded at the same time. The default is one per core that the process may
            use.

    Raises:
        ManifestError: the folder holds no complete data set.
        DamagedShardError: a shard is missing, differs from its record, or cannot be decoded. The message names it.
        StorageError: the memory-mapped file cannot be written.
    """
    manifest = read_manifest(folder)
    world = manifest.world
    rows = manifest.rows * world.frames * 3 * world.frame_size
    size = rows * world.frame_size
    if size <= memory_limit:
        ink = InkedRows.empty(clips=manifest.rows, frames=world.frames, size=world.frame_size)
        columns = _decode_all(folder, manifest, ink, verify=verify, threads=threads or usable_cores())
    else:
        path = folder / f"frames-{_digest(manifest)[:16]}.u8"
        columns = _decode_to_file(folder, manifest, path, size, verify=verify)
        mapped = torch.from_file(str(path), shared=False, size=size, dtype=torch.uint8)
        ink = InkedRows.whole(mapped.view(rows, world.frame_size), (manifest.rows, world.frames))
    return ClipTensors(
        ink=ink,
        prompts=list(chain.from_iterable(column["prompt"] for column in columns)),
        motions=list(chain.from_iterable(column["motion"] for column in columns)),
        manifest=manifest,
    )


def _decode_all(
    folder: Path, manifest: Manifest, ink: InkedRows, *, verify: bool, threads: int
) -> list[dict[str, list[str]]]:
    def decode(entry: ShardEntry) -> dict[str, list[str]]:
        shard = _Shard.read(folder, manifest, entry, verify=verify)
        writer = InkWriter(ink, first=entry.first_index, clips=entry.rows)
        for frames in shard.frames():
            writer.write(frames)
        return shard.texts()

    with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="decode") as pool:
        return list(pool.map(decode, manifest.shards))


def _decode_to_file(
    folder: Path, manifest: Manifest, path: Path, size: int, *, verify: bool
) -> list[dict[str, list[str]]]:
    shards = (_Shard.read(folder, manifest, entry, verify=verify) for entry in manifest.shards)
    if path.is_file() and path.stat().st_size == size:
        return [shard.texts() for shard in shards]
    columns = []
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        for shard in shards:
            for frames in shard.frames():
                file.write(frames.data)  # written through the map, a full disk would kill the process
            columns.append(shard.texts())
    return columns


@dataclass(frozen=True)
class _Shard:
    """The bytes of a shard, ready to be decoded."""

    path: Path
    content: bytes
    parquet: bool
    shape: tuple[int, ...]

    @classmethod
    def read(cls, folder: Path, manifest: Manifest, entry: ShardEntry, *, verify: bool) -> _Shard:
        path, world = folder / entry.name, manifest.world
        try:
            content = path.read_bytes()
        except OSError as error:
            raise unreadable_shard(path, error) from error
        if verify:
            check_shard(path, entry, size=len(content), digest=hashlib.sha256(content).hexdigest())
        shape = (entry.rows, world.frames, 3, world.frame_size, world.frame_size)
        return cls(path, content, manifest.data.format == "parquet", shape)

    def texts(self) -> dict[str, list[str]]:
        decode = decode_parquet_texts if self.parquet else decode_webdataset_texts
        return decode(self.path, self.content)

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        decode = decode_parquet_frames if self.parquet else decode_webdataset_frames
        return decode(self.path, self.content, self.shape)


def _digest(manifest: Manifest) -> str:
    """Return a digest of all shards, which names the decoded file."""
    return hashlib.sha256("".join(shard.sha256 for shard in manifest.shards).encode()).hexdigest()
