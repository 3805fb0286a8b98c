"""WebDataset shards: POSIX tar files, in which the files of one clip stand together and share a name.

`000000042.png` holds the frames side by side, the first frame at the left. `000000042.txt` holds the prompt, which is
the first caption. `000000042.json` holds everything else that is known: all captions, the split, the file of an
imported clip, and the object of a synthetic world. A second object is described there under "second".

The `webdataset` library writes and groups the files. It is imported inside functions, because it loads torch, which
takes seconds, and most data sets are in Parquet.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from data.clip_batch import ClipBatch, ObjectBatch, Origin
from data.files import DamagedShardError
from data.shards.texts import ShardTexts
from data.worlds.motions import FACTORS

_READ_ROWS = 256


def write_webdataset(path: Path, batches: Iterable[ClipBatch]) -> None:
    """Write clips to the tar file `path`.

    One version of OpenCV makes the same bytes of the same clips, since owner, mode and time are constant.
    """
    from webdataset import TarWriter  # type: ignore[import-untyped]

    with path.open("wb") as file, TarWriter(file, encoder=False, user="", group="", mode=0o644, mtime=0) as tar:
        for batch in batches:
            for row, index in enumerate(batch.indices.tolist()):
                facts = json.dumps(_facts(batch, row), separators=(",", ":"))
                tar.write(
                    {
                        "__key__": f"{index:09d}",
                        "json": facts.encode(),
                        "png": _filmstrip_png(batch.frames[row]),
                        "txt": batch.prompts[row].encode(),
                    }
                )


def read_webdataset(path: Path) -> Iterator[ClipBatch]:
    """Read everything that a shard holds, some hundred clips at a time.

    Raises:
        DamagedShardError: the file is not a shard of this project, or cannot be decoded.
    """
    with _decoding(path), path.open("rb") as file:
        samples = _samples(file)
        while some := list(islice(samples, _READ_ROWS)):
            yield _batch(some)


def decode_webdataset_texts(path: Path, content: bytes) -> ShardTexts:
    """Return captions and splits of the clips in a shard whose bytes are at hand.

    Raises:
        DamagedShardError: the shard, which the message names by `path`, cannot be decoded.
    """
    with _decoding(path):
        facts = [json.loads(sample["json"]) for sample in _samples(io.BytesIO(content))]
        captions = pa.array([fact["captions"] for fact in facts], type=pa.list_(pa.string()))
        return ShardTexts(captions, pa.array([fact["split"] for fact in facts], type=pa.string()))


def decode_webdataset_frames(path: Path, content: bytes, shape: tuple[int, ...]) -> Iterator[NDArray[np.uint8]]:
    """Yield the frames of a shard whose bytes are at hand, one clip at a time.

    Args:
        path: names the shard in errors.
        content: the bytes of the shard.
        shape: (rows, T, 3, H, W), the shape that the shard must have.

    Yields:
        uint8 (1, T, 3, H, W), C-contiguous.

    Raises:
        DamagedShardError: the shard cannot be decoded, or its frames have another shape.
    """
    with _decoding(path):
        samples = list(_samples(io.BytesIO(content)))
        if len(samples) != shape[0]:
            raise DamagedShardError(f"The shard {path} holds {len(samples)} clips; expected {shape[0]}.")
        for sample in samples:
            frames = _frames_of(sample["png"], shape[1]).transpose(0, 3, 1, 2)  # (T, 3, H, W)
            if frames.shape != shape[1:]:
                raise DamagedShardError(
                    f"The shard {path} holds frames of the shape {frames.shape}; expected {shape[1:]}."
                )
            yield np.ascontiguousarray(frames)[None]


@contextmanager
def _decoding(path: Path) -> Iterator[None]:
    try:
        yield
    except DamagedShardError:
        raise
    except (tarfile.TarError, OSError, KeyError, ValueError, cv2.error) as error:
        reason = error.args[0] if error.args else error  # the library appends the stream to the arguments
        raise DamagedShardError(f"The shard {path} cannot be decoded: {reason}") from error


def _samples(file: BinaryIO) -> Iterator[dict[str, bytes]]:
    """Yield the files of each clip: their contents by the ending of their names."""
    from webdataset.tariterators import group_by_keys, tar_file_expander  # type: ignore[import-untyped]

    samples: Iterator[dict[str, bytes]] = group_by_keys(tar_file_expander([{"url": "", "stream": file}]))
    return samples


def _facts(batch: ClipBatch, row: int) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "index": int(batch.indices[row]),
        "captions": batch.captions[row],
        "split": batch.splits[row],
        "frames": batch.frames.shape[1],
    }
    if batch.origins:
        facts |= batch.origins[row]._asdict()
    for name, one in zip(("", "second"), batch.objects, strict=False):
        known = _object_facts(one, row)
        facts |= {name: known} if name else known
    return facts


def _object_facts(one: ObjectBatch, row: int) -> dict[str, Any]:
    def shortest(values: NDArray[np.float32]) -> list[float]:
        return [float(str(value)) for value in values]  # the shortest decimals that read back as the same float32

    drawn = {name: values[row] for name, values in one.factors.items() if not np.isnan(values[row])}
    return {
        "motion": one.motions[row],
        "shape": one.shapes[row],
        "colour": one.colours[row],
        "factors": {name: float(str(value)) for name, value in drawn.items()},
        "centre_x": shortest(one.centres[row, :, 0]),
        "centre_y": shortest(one.centres[row, :, 1]),
        "radii": shortest(one.radii[row]),
        "angles": shortest(one.angles[row]),
    }


def _filmstrip_png(frames: NDArray[np.uint8]) -> bytes:
    """Return a PNG of the frames uint8 (T, H, W, 3), RGB, side by side."""
    steps, height, width, _ = frames.shape
    strip = frames.transpose(1, 0, 2, 3).reshape(height, steps * width, 3)[..., ::-1]  # OpenCV expects B, G, R
    # For flat shapes on white, no PNG filter gives the smallest files in half the time.
    quick = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]
    done, png = cv2.imencode(".png", np.ascontiguousarray(strip), quick)
    if not done:
        raise ValueError("OpenCV could not write a PNG.")
    return png.tobytes()


def _frames_of(png: bytes, steps: int) -> NDArray[np.uint8]:
    """Return the frames uint8 (T, H, W, 3), RGB, of a filmstrip of `steps` frames."""
    strip = cv2.imdecode(np.frombuffer(png, dtype=np.uint8), cv2.IMREAD_COLOR_RGB)
    if strip is None:
        raise ValueError("a filmstrip is not a PNG")
    height = strip.shape[0]
    return np.asarray(strip, dtype=np.uint8).reshape(height, steps, -1, 3).transpose(1, 0, 2, 3)


def _batch(samples: list[dict[str, bytes]]) -> ClipBatch:
    facts = [json.loads(sample["json"]) for sample in samples]
    return ClipBatch(
        indices=np.array([fact["index"] for fact in facts], dtype=np.int64),
        frames=np.stack(
            [_frames_of(sample["png"], fact["frames"]) for sample, fact in zip(samples, facts, strict=True)]
        ),
        captions=tuple(tuple(fact["captions"]) for fact in facts),
        splits=tuple(fact["split"] for fact in facts),
        objects=tuple(
            _object_of(some)
            for some in (
                [fact for fact in facts if "motion" in fact],
                [fact["second"] for fact in facts if "second" in fact],
            )
            if some
        ),
        origins=tuple(Origin(fact["file"], fact["start"]) for fact in facts if "file" in fact),
    )


def _object_of(facts: list[dict[str, Any]]) -> ObjectBatch:
    def floats(name: str) -> NDArray[np.float32]:
        return np.array([fact[name] for fact in facts], dtype=np.float32)

    return ObjectBatch(
        motions=tuple(fact["motion"] for fact in facts),
        shapes=tuple(fact["shape"] for fact in facts),
        colours=tuple(fact["colour"] for fact in facts),
        factors={
            name: np.array([fact["factors"].get(name, np.nan) for fact in facts], dtype=np.float32) for name in FACTORS
        },
        centres=np.stack([floats("centre_x"), floats("centre_y")], axis=-1),
        radii=floats("radii"),
        angles=floats("angles"),
    )
