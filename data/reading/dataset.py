"""A data set as tensors. Every clip is decoded once, into memory or, above a limit, into a memory-mapped file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from numpy.typing import NDArray

from data.clip_batch import SPLIT_NAMES, SplitName
from data.cores import usable_cores
from data.files import atomic_path
from data.reading.ink import InkedRows, InkWriter
from data.shards.entry import ShardEntry, check_shard, unreadable_shard
from data.shards.manifest import Manifest, read_manifest
from data.shards.parquet import decode_parquet_frames, decode_parquet_texts
from data.shards.texts import ShardTexts
from data.shards.webdataset import decode_webdataset_frames, decode_webdataset_texts

MEMORY_LIMIT = 4 * 2**30
"""Up to this many bytes of frames are held in memory: about 35,000 clips of 10 frames at 64x64 px."""


@dataclass(frozen=True)
class ClipTensors:
    """The clips of one split of a data set, in memory, in the order of their indices.

    ink: the frames of the whole data set.
    places: the positions of the split's N clips in it, int64 (N,).
    captions: one or more strings for each of the N clips, an Arrow array of lists.
    manifest: of the whole data set.
    """

    ink: InkedRows
    places: torch.Tensor
    captions: pa.ListArray[Any]
    manifest: Manifest

    def __len__(self) -> int:
        return len(self.places)

    @property
    def prompts(self) -> list[str]:
        """The first caption of each clip, N strings."""
        return cast(list[str], pc.list_element(self.captions, 0).to_pylist())

    def frames(self, clips: torch.Tensor) -> torch.Tensor:
        """The frames of some clips, given their numbers int64 (n,) from 0 to N - 1: uint8 (n, T, 3, H, W), RGB."""
        return self.ink.frames(self.places[clips])

    def of_rows(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Some clips, given their numbers int64 (n,), with colours last: uint8 (n, T, H, W, 3)."""
        return self.frames(torch.from_numpy(rows)).numpy().transpose(0, 1, 3, 4, 2)

    def of_prompt(self, prompt: str, *, at_most: int) -> NDArray[np.uint8]:
        """The first clips whose first caption is `prompt`, at most so many: uint8 (n, T, H, W, 3)."""
        found = pc.equal(pc.list_element(self.captions, 0), pa.scalar(prompt))
        return self.of_rows(np.flatnonzero(found.to_numpy(zero_copy_only=False))[:at_most])


def load_clips(
    folder: Path,
    *,
    split: SplitName = "train",
    verify: bool = True,
    memory_limit: int = MEMORY_LIMIT,
    threads: int | None = None,
) -> ClipTensors:
    """Decode the data set in `folder`, and return the clips of one split. See `load_splits`."""
    return load_splits(folder, verify=verify, memory_limit=memory_limit, threads=threads)[split]


def load_splits(
    folder: Path, *, verify: bool = True, memory_limit: int = MEMORY_LIMIT, threads: int | None = None
) -> dict[SplitName, ClipTensors]:
    """Decode the data set in `folder`. The splits share its frames.

    Args:
        folder: holds the shards and the manifest.
        verify: whether to compare size and sha256 of each shard with the manifest before decoding it.
        memory_limit: bytes. Frames that may need more are decoded into a file beside the shards, which is
            memory-mapped and used again the next time. Writing to the tensor never changes that file.
        threads: number of shards that are decoded at the same time. The default is one per core that the process may
            use.

    Returns:
        The clips of each split. A split may be empty.

    Raises:
        ManifestError: the folder holds no complete data set.
        DamagedShardError: a shard is missing, differs from its record, or cannot be decoded. The message names it.
        StorageError: the memory-mapped file cannot be written.
    """
    manifest = read_manifest(folder)
    clip, size = manifest.clip, manifest.rows * manifest.clip.bytes
    if size <= memory_limit:
        ink = InkedRows.empty(clip, clips=manifest.rows)
        texts = _decode_all(folder, manifest, ink, verify=verify, threads=threads or usable_cores())
    else:
        path = folder / f"frames-{_digest(manifest)[:16]}.u8"
        texts = _decode_to_file(folder, manifest, path, size, verify=verify)
        mapped = torch.from_file(str(path), shared=False, size=size, dtype=torch.uint8)
        ink = InkedRows.whole(mapped.view(-1, clip.width), clip, clips=manifest.rows)
    splits = pa.chunked_array([part.splits for part in texts])
    all_captions = pa.chunked_array([part.captions for part in texts])
    found = {}
    for split in SPLIT_NAMES:
        wanted = pc.equal(splits, pa.scalar(split))
        captions = cast("pa.ListArray[Any]", all_captions.filter(wanted).combine_chunks())
        places = torch.from_numpy(np.flatnonzero(wanted.to_numpy()))
        found[split] = ClipTensors(ink=ink, places=places, captions=captions, manifest=manifest)
    return found


def _decode_all(folder: Path, manifest: Manifest, ink: InkedRows, *, verify: bool, threads: int) -> list[ShardTexts]:
    def decode(entry: ShardEntry) -> ShardTexts:
        shard = _Shard.read(folder, manifest, entry, verify=verify)
        writer = InkWriter(ink, first=entry.first_index, clips=entry.rows)
        for frames in shard.frames():
            writer.write(frames)
        return shard.texts()

    with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="decode") as pool:
        return list(pool.map(decode, manifest.shards))


def _decode_to_file(folder: Path, manifest: Manifest, path: Path, size: int, *, verify: bool) -> list[ShardTexts]:
    shards = (_Shard.read(folder, manifest, entry, verify=verify) for entry in manifest.shards)
    if path.is_file() and path.stat().st_size == size:
        return [shard.texts() for shard in shards]
    texts = []
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        for shard in shards:
            for frames in shard.frames():
                file.write(frames.data)  # written through the map, a full disk would kill the process
            texts.append(shard.texts())
    return texts


@dataclass(frozen=True)
class _Shard:
    """The bytes of a shard, ready to be decoded."""

    path: Path
    content: bytes
    parquet: bool
    shape: tuple[int, ...]

    @classmethod
    def read(cls, folder: Path, manifest: Manifest, entry: ShardEntry, *, verify: bool) -> _Shard:
        path = folder / entry.name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise unreadable_shard(path, error) from error
        if verify:
            check_shard(path, entry, size=len(content), digest=hashlib.sha256(content).hexdigest())
        return cls(path, content, manifest.source.format == "parquet", (entry.rows, *manifest.clip.planes))

    def texts(self) -> ShardTexts:
        decode = decode_parquet_texts if self.parquet else decode_webdataset_texts
        return decode(self.path, self.content)

    def frames(self) -> Iterator[NDArray[np.uint8]]:
        decode = decode_parquet_frames if self.parquet else decode_webdataset_frames
        return decode(self.path, self.content, self.shape)


def _digest(manifest: Manifest) -> str:
    """Return a digest of all shards, which names the decoded file."""
    return hashlib.sha256("".join(shard.sha256 for shard in manifest.shards).encode()).hexdigest()
