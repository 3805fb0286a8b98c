"""WebDataset tars as video2dataset writes them. They are read where they are; nothing is extracted."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

from data.importing.captions import CAPTION_COLUMNS, captions_of, visible
from data.importing.config import ImportConfig
from data.importing.item import LONGEST_TEXT, VIDEO_ENDINGS, Item, Rejected, UnusableError
from data.importing.metadata import split_named


def scan_tar(path: Path, file: str, config: ImportConfig) -> tuple[list[Item], list[Rejected]]:
    """List the videos of a tar file with their captions.

    The files of one video share their name up to the first dot: `0001.mp4`, `0001.txt`, `0001.json`. The caption is
    the text file, or the JSON file's `caption`, `text` or `prompt`; with `config.caption_column`, it is that key.

    Args:
        path: the tar file.
        file: its name for the items.
        config: column names.

    Raises:
        UnusableError: the file is no tar file, or a compressed one.
    """
    groups: dict[str, dict[str, tarfile.TarInfo]] = {}
    items: list[Item] = []
    rejected: list[Rejected] = []
    try:
        with tarfile.open(path, "r:") as tar:
            try:
                for member in tar:
                    folder, _, name = member.name.rpartition("/")
                    key, _, ending = name.partition(".")
                    if member.isreg() and not member.issparse() and ending:
                        groups.setdefault(f"{folder}/{key}", {}).setdefault(f".{ending.lower()}", member)
            except (tarfile.TarError, OSError) as error:
                found = sum(map(len, groups.values()))
                rejected.append(
                    Rejected(file, "damaged", f"is damaged after {found} members ({error}). Copy or download it again.")
                )
            for key, members in groups.items():
                try:
                    items.append(_item(tar, file, members, config))
                except UnusableError as error:
                    video = next((members[ending].name for ending in VIDEO_ENDINGS if ending in members), key)
                    rejected.append(Rejected(f"{file}/{visible(video.lstrip('/'))}", error.kind, str(error)))
    except (tarfile.TarError, OSError) as error:
        reason = f"cannot be read as a tar file ({error}). Unpack it if it is compressed, or download it again."
        raise UnusableError("damaged", reason) from error
    return items, rejected


def _item(tar: tarfile.TarFile, file: str, members: dict[str, tarfile.TarInfo], config: ImportConfig) -> Item:
    video = next((members[ending] for ending in VIDEO_ENDINGS if ending in members), None)
    facts = _facts(tar, members.get(".json"))
    if video is None:
        cause = f" ({facts['error_message']})" if facts.get("error_message") else ""
        raise UnusableError("no video", f"has no video beside its {', '.join(sorted(members))}{cause}. Add it.")
    if config.caption_column:
        captions = facts.get(config.caption_column)
    elif ".txt" in members:
        captions = _text(tar, members[".txt"]).splitlines()
    else:
        captions = next((facts[name] for name in CAPTION_COLUMNS if facts.get(name)), None)
    return Item(
        file,
        captions_of([captions], longest=config.longest_caption),
        split=split_named(facts.get(config.split_column) if config.split_column else None),
        member=visible(video.name),
        offset=video.offset_data,
        size=video.size,
    )


def _facts(tar: tarfile.TarFile, member: tarfile.TarInfo | None) -> dict[str, Any]:
    if member is None:
        return {}
    try:
        facts = json.loads(_text(tar, member))
    except (ValueError, RecursionError) as error:
        if isinstance(error, UnusableError):
            raise
        raise UnusableError("not readable", f"has a JSON file that cannot be read ({error}). Correct it.") from error
    return facts if isinstance(facts, dict) else {}


def _text(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    if member.size > LONGEST_TEXT:
        raise UnusableError("no caption", f"has a text file of {member.size} bytes. At most {LONGEST_TEXT} are read.")
    try:
        content = tar.extractfile(member)
        return content.read().decode("utf-8-sig") if content else ""
    except UnicodeDecodeError as error:
        raise UnusableError("no caption", "has a caption that is not UTF-8. Save it as UTF-8.") from error
    except (tarfile.TarError, OSError) as error:
        raise UnusableError("damaged", f"has a caption that cannot be read ({error}). Download it again.") from error
