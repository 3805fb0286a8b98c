"""Parquet shards: one row per clip, which any Parquet reader can read without code of this project.

The column `frames` holds raw uint8 of the shape (frame, channel, row, column), channels R, G, B. The field's metadata
say so, and `np.frombuffer(value, np.uint8).reshape(T, 3, H, W)` reads it. Colour planes need two thirds of the bytes
and time of interleaved pixels, and convolutions take them as they are.

`prompt` is the first of a clip's `captions`. `split` is train, validation or test. Imported clips also have `file` and
`start`. Clips of a synthetic world have the columns of their object. Paths are lists with one float32 per frame. A
factor that the motion does not use is null. Clips of two objects have a second set of columns: `motion_2`, `shape_2`
and so on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from data.clip_batch import ClipBatch, ObjectBatch, Origin, SplitName
from data.files import DamagedShardError
from data.shards.layout import ShardLayout
from data.shards.texts import ShardTexts
from data.worlds.motions import FACTORS

_ZSTD_LEVEL = -2  # a tenth more bytes than level 1, but a tenth less time to write and to read
_PAGE_BYTES = 2**20  # a page stays in the CPU's cache while it is compressed
_READ_BYTES = 2**22  # bytes of frames decoded at a time, so that they are still in the cache when they are used
_NAMES = ("motion", "shape", "colour")
_PATHS = {"centre_x": "px", "centre_y": "px", "radii": "px", "angles": "radians"}
_FACTOR_UNITS = {
    "image": "1",
    "phase": "periods",
    "sign": "1",
    "start_angle": "radians",
    "angular_speed": "radians per frame",
    "speed": "px per frame",
}


def schema_of(layout: ShardLayout) -> pa.Schema:
    """Return the columns of a shard. The fields' metadata hold units and the layout of the frames."""
    shape = layout.clip.planes
    frames = {
        "dtype": "uint8",
        "shape": json.dumps(shape),
        "axes": "frame, channel (R, G, B), row, column",
        "order": "C",
        "fps": f"{layout.clip.fps:g}",
    }
    factors = pa.struct(
        [pa.field(name, pa.float32(), metadata={"unit": _FACTOR_UNITS.get(name, "px")}) for name in FACTORS]
    )
    fields: list[pa.Field[Any]] = [
        pa.field("key", pa.string(), nullable=False),
        pa.field("index", pa.int64(), nullable=False),
        pa.field("prompt", pa.string(), nullable=False),
        pa.field("captions", _list_of(pa.string()), nullable=False),
        pa.field("split", pa.string(), nullable=False),
    ]
    if layout.imported:
        fields += [
            pa.field("file", pa.string(), nullable=False),
            pa.field("start", pa.float64(), nullable=False, metadata={"unit": "seconds"}),
        ]
    for place in range(layout.objects):
        fields += [
            *(pa.field(name + _suffix(place), pa.string(), nullable=False) for name in _NAMES),
            pa.field("factors" + _suffix(place), factors, nullable=False),
            *(
                pa.field(name + _suffix(place), _list_of(pa.float32()), nullable=False, metadata={"unit": unit})
                for name, unit in _PATHS.items()
            ),
        ]
    fields.append(pa.field("frames", pa.binary(int(np.prod(shape))), nullable=False, metadata=frames))
    metadata: dict[bytes | str, bytes | str] = {}
    metadata.update(layout.metadata)
    return pa.schema(fields, metadata=metadata)


def _list_of(kind: Any) -> Any:
    return pa.list_(pa.field("element", kind, nullable=False))


def write_parquet(path: Path, batches: Iterable[ClipBatch], layout: ShardLayout) -> None:
    """Write clips to `path`. One version of pyarrow always writes the same bytes."""
    schema, compression = schema_of(layout), layout.compression
    names = [name for name in schema.names if name in ("prompt", "split", "file") or name.startswith(_NAMES)]
    lists = {"captions": "captions.list.element"}
    plain = [lists.get(name, name) for name in schema.names if name not in names]
    floats = {f"{name}.list.element": "BYTE_STREAM_SPLIT" for name in plain if name.startswith(tuple(_PATHS))}
    with pq.ParquetWriter(
        path,
        schema,
        compression=compression,
        compression_level=_ZSTD_LEVEL if compression == "zstd" else None,
        use_dictionary=[*names, *lists.values()],  # type: ignore[arg-type]  # the stubs know only booleans
        column_encoding=floats,
        write_statistics=[name for name in plain if name != "frames"] + names,
        data_page_size=_PAGE_BYTES,
        write_batch_size=max(1, _PAGE_BYTES // schema.field("frames").type.byte_width),
        write_page_checksum=True,
    ) as writer:
        for batch in batches:
            writer.write_batch(_to_arrow(batch, schema))  # each batch is a row group


def read_parquet(path: Path) -> Iterator[ClipBatch]:
    """Read everything that a shard holds, some hundred clips at a time.

    Raises:
        DamagedShardError: the file is not a shard of this project, or cannot be decoded.
    """
    try:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                for batch in file.iter_batches(batch_size=rows, row_groups=[group]):
                    yield _from_arrow(batch)
    except (pa.ArrowException, OSError, KeyError) as error:
        raise DamagedShardError(f"The shard {path} cannot be decoded: {error}") from error


def decode_parquet_texts(path: Path, content: bytes) -> ShardTexts:
    """Return captions and splits of the clips in a shard whose bytes are at hand.

    Raises:
        DamagedShardError: the shard, which the message names by `path`, cannot be decoded.
    """
    with _opened(path, content) as file:
        table = file.read(columns=["captions", "split"], use_threads=False)
        return ShardTexts(table.column("captions").combine_chunks(), table.column("split").combine_chunks())


def decode_parquet_frames(path: Path, content: bytes, shape: tuple[int, ...]) -> Iterator[NDArray[np.uint8]]:
    """Yield the frames of a shard whose bytes are at hand, some rows at a time.

    Args:
        path: names the shard in errors.
        content: the bytes of the shard.
        shape: (rows, T, 3, H, W), the shape that the shard must have.

    Yields:
        uint8 (n, T, 3, H, W), C-contiguous, read-only.

    Raises:
        DamagedShardError: the shard cannot be decoded, or its frames have another shape.
    """
    width = math.prod(shape[1:])
    with _opened(path, content) as file:
        rows, stored = file.metadata.num_rows, file.schema_arrow.field("frames").type
        if rows != shape[0] or stored != pa.binary(width):
            raise DamagedShardError(
                f"The shard {path} holds {rows} clips with frames of type {stored}; "
                f"expected {shape[0]} of {pa.binary(width)}."
            )
        for batch in file.iter_batches(batch_size=max(1, _READ_BYTES // width), columns=["frames"], use_threads=False):
            yield _bytes_of(batch.column(0)).reshape(len(batch), *shape[1:])


@contextmanager
def _opened(path: Path, content: bytes) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(pa.BufferReader(content), pre_buffer=False) as file:
            yield file
    except (pa.ArrowException, OSError, KeyError) as error:
        raise DamagedShardError(f"The shard {path} cannot be decoded: {error}") from error


def _suffix(place: int) -> str:
    """Return the ending of the columns that describe object number `place`, counted from 0."""
    return f"_{place + 1}" if place else ""


def _to_arrow(batch: ClipBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns: dict[str, pa.Array[Any]] = {
        "key": pa.array([f"{index:09d}" for index in batch.indices.tolist()]),
        "index": pa.array(batch.indices),
        "prompt": pa.array(batch.prompts),
        "captions": pa.array(batch.captions, type=schema.field("captions").type),
        "split": pa.array(batch.splits),
    }
    if batch.origins:
        columns["file"] = pa.array([origin.file for origin in batch.origins])
        columns["start"] = pa.array([origin.start for origin in batch.origins], type=pa.float64())
    for place, one in enumerate(batch.objects):
        columns |= _object_to_arrow(one, schema, _suffix(place))
    planes = np.ascontiguousarray(batch.frames.transpose(0, 1, 4, 2, 3))
    columns["frames"] = pa.FixedSizeBinaryArray.from_buffers(
        schema.field("frames").type, len(batch.indices), [None, pa.py_buffer(planes.data)]
    )
    return pa.record_batch([columns[name] for name in schema.names], schema=schema)


def _object_to_arrow(one: ObjectBatch, schema: pa.Schema, suffix: str) -> dict[str, pa.Array[Any]]:
    rows, steps = one.radii.shape
    offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * steps)
    factors = [pa.array(one.factors[name], mask=np.isnan(one.factors[name])) for name in FACTORS]
    columns: dict[str, pa.Array[Any]] = {
        "motion": pa.array(one.motions),
        "shape": pa.array(one.shapes),
        "colour": pa.array(one.colours),
        "factors": pa.StructArray.from_arrays(factors, fields=list(schema.field("factors" + suffix).type)),
    }
    paths = {
        "centre_x": one.centres[..., 0],
        "centre_y": one.centres[..., 1],
        "radii": one.radii,
        "angles": one.angles,
    }
    for name, values in paths.items():
        flat = pa.array(np.ascontiguousarray(values, dtype=np.float32).reshape(-1))
        columns[name] = pa.ListArray.from_arrays(offsets, flat, type=schema.field(name + suffix).type)
    return {name + suffix: column for name, column in columns.items()}


def _from_arrow(batch: pa.RecordBatch) -> ClipBatch:
    shape = json.loads((batch.schema.field("frames").metadata or {})[b"shape"])
    planes = _bytes_of(batch.column("frames")).reshape(len(batch), *shape)
    count = sum(name.startswith("factors") for name in batch.schema.names)
    return ClipBatch(
        indices=batch.column("index").to_numpy(),
        frames=planes.transpose(0, 1, 3, 4, 2),
        captions=tuple(tuple(cast(list[str], captions)) for captions in batch.column("captions").to_pylist()),
        splits=tuple(cast(list[SplitName], batch.column("split").to_pylist())),
        origins=_origins_from_arrow(batch),
        objects=tuple(_object_from_arrow(batch, _suffix(place)) for place in range(count)),
    )


def _origins_from_arrow(batch: pa.RecordBatch) -> tuple[Origin, ...]:
    if "file" not in batch.schema.names:
        return ()
    files, starts = _strings(batch.column("file")), cast(list[float], batch.column("start").to_pylist())
    return tuple(Origin(file, start) for file, start in zip(files, starts, strict=True))


def _object_from_arrow(batch: pa.RecordBatch, suffix: str) -> ObjectBatch:
    columns: dict[str, Any] = {name: batch.column(name) for name in batch.schema.names}  # the stubs know no list arrays
    paths = {name: columns[name + suffix].flatten().to_numpy().reshape(len(batch), -1) for name in _PATHS}
    factors = columns["factors" + suffix]
    return ObjectBatch(
        motions=tuple(_strings(columns["motion" + suffix])),
        shapes=tuple(_strings(columns["shape" + suffix])),
        colours=tuple(_strings(columns["colour" + suffix])),
        factors={name: factors.field(name).to_numpy(zero_copy_only=False) for name in FACTORS},
        centres=np.stack([paths["centre_x"], paths["centre_y"]], axis=-1),
        radii=paths["radii"],
        angles=paths["angles"],
    )


def _strings(column: Any) -> list[str]:
    values: list[str] = column.to_pylist()
    return values


def _bytes_of(column: Any) -> NDArray[np.uint8]:
    """Return the values of a fixed-size binary column as uint8 (rows, width), without a copy."""
    width = column.type.byte_width
    count, offset = len(column) * width, column.offset * width
    values: NDArray[np.uint8] = np.frombuffer(column.buffers()[1], dtype=np.uint8, count=count, offset=offset)
    return values.reshape(len(column), width)
