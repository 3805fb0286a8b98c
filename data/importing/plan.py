"""What an import will do: the videos that it decodes, and the files that it has refused before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from data.importing.config import ImportConfig
from data.importing.content import digests_of
from data.importing.duplicates import without_duplicates
from data.importing.item import Item, Rejected
from data.importing.sources import scan
from data.importing.splitting import with_splits


@dataclass(frozen=True)
class ImportPlan:
    """The videos to decode, each with its captions and its split."""

    root: Path
    """The folder that the items' files are relative to."""
    items: tuple[Item, ...]
    """One per content, in the order of their names."""
    rejected: tuple[Rejected, ...]
    duplicates: dict[str, str]
    """For the name of each duplicate the name of the item that is kept."""
    ignored: int
    """Files that are neither videos nor captions."""
    digest: str
    """sha256 (hex) of the names, captions, splits and contents of all items. It does not depend on `root`."""

    def batches(self, size: int) -> list[Sequence[Item]]:
        """The items in batches of `size`, in order. The last batch can be smaller."""
        return [self.items[start : start + size] for start in range(0, len(self.items), size)]


def plan_import(source: Path, config: ImportConfig) -> ImportPlan:
    """Look for videos and captions in `source`, and read each file once to know its content.

    Raises:
        ImportFolderError: the source does not exist or holds nothing, or its metadata cannot be read.
    """
    found = scan(source, config)
    digests = list(digests_of(found.root, found.items))
    contents = dict(zip((item.name for item in found.items), digests, strict=True))
    kept, duplicates = without_duplicates(found.items, digests)
    items = with_splits(kept, config)
    identity = [
        [asdict(item) | {"content": contents[item.name]} for item in items],
        [asdict(one) for one in found.rejected],
        sorted(duplicates.items()),
    ]
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return ImportPlan(found.root, items, found.rejected, duplicates, found.ignored, digest)
