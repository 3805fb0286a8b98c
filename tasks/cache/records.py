"""The cache's records: each proves that it is what was written, and that it is the one that was asked for.

What a record refers to proves itself (see `references`). But a record whose own bytes have changed, or that lies
under the name of another one, could name another folder, another shard, or another model than the task would give.
"""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import TypeVar

from prefect.serializers import JSONSerializer
from pydantic import Field

D = TypeVar("D")

_logger = logging.getLogger("flipbook.records")
_DIGEST_LENGTH = 64  # hex digits of a sha256


class DamagedRecordError(ValueError):
    """A record's bytes are not those that were written."""


class ProvenJSON(JSONSerializer[D]):
    """JSON behind its sha256. Reading what has changed raises DamagedRecordError, which Prefect takes for a miss."""

    type: str = Field(default="flipbook-proven-json", frozen=True)

    def dumps(self, obj: D) -> bytes:
        """`obj` as bytes."""
        content = super().dumps(obj)
        return hashlib.sha256(content).hexdigest().encode() + content

    def loads(self, blob: bytes) -> D:
        """What `dumps` was given."""
        digest, content = blob[:_DIGEST_LENGTH], blob[_DIGEST_LENGTH:]
        if hashlib.sha256(content).hexdigest().encode() != digest:
            raise DamagedRecordError("the record is not what was written")
        return super().loads(content)


def discard_foreign(path: Path) -> None:
    """Deletes the record at `path` where it is whole, but was written under another name or not by this program.

    One that another process is just writing cannot be read yet, and stays.
    """
    try:
        metadata = json.loads(path.read_bytes())["metadata"]
        belongs = Path(metadata["storage_key"]).name == path.name
        ours = metadata["serializer"]["type"] == ProvenJSON().type
    except (OSError, ValueError, KeyError, TypeError):  # none there, or none that Prefect could read
        return
    if not belongs or not ours:
        _logger.warning("The record %s is another one's; its task runs again.", path)
        path.unlink(missing_ok=True)
