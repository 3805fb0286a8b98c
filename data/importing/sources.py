"""Finding everything that can be imported: videos in folders, tars and Parquet files, with their captions.

A video's captions stand in the `metadata.csv` or `metadata.jsonl` of its folder or of a folder above it, or in a text
file beside it with the same name. Each line of a text file is one caption, and so is each row that names the video.
"""

from __future__ import annotations

import os
import posixpath
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from data.importing.captions import captions_of, visible
from data.importing.config import ImportConfig
from data.importing.item import LONGEST_TEXT, VIDEO_ENDINGS, ImportFolderError, Item, Rejected, UnusableError, inside
from data.importing.metadata import METADATA, Row, read_metadata, split_named
from data.importing.parquet import scan_parquet
from data.importing.tars import scan_tar

_ARCHIVES = {".tar": scan_tar, ".parquet": scan_parquet}


@dataclass(frozen=True)
class Scan:
    """What a source holds, in the order of the files' names."""

    root: Path
    """The folder that the items' files are relative to, without links in its path."""
    items: tuple[Item, ...]
    rejected: tuple[Rejected, ...]
    ignored: int
    """Files that are neither videos nor captions, for example README.md. Hidden files are not counted."""


def scan(source: Path, config: ImportConfig) -> Scan:
    """List the videos of a folder and the folders in it, or of one video, tar or Parquet file.

    Nothing is decoded. Links are followed only if they lead to a file inside the folder.

    Raises:
        ImportFolderError: the source does not exist or holds nothing, or its metadata cannot be read.
    """
    if source.is_dir():
        root = source.resolve()
        files, rejected = _files(root)
    elif source.is_file():
        # Whoever names a link means the file behind it, so that file is inside, too.
        root = Path(os.path.commonpath((source.parent.resolve(), source.resolve().parent)))
        files, rejected = [(source.parent.resolve() / source.name).relative_to(root).as_posix()], []
    else:
        raise no_source(source)
    items: list[Item] = []
    tables = [file for file in files if PurePosixPath(file).name in METADATA]
    named: dict[str, list[Row]] = {}
    for file in tables:
        rows, bad = _read_table(root, file, config)
        rejected += bad
        for name, row in _by_file(rows, file, files):
            named.setdefault(name, []).append(row)
    archives = {
        file: _ARCHIVES[ending] for file in files if (ending := PurePosixPath(file).suffix.lower()) in _ARCHIVES
    }
    for file, read in archives.items():
        try:
            found, bad = read(inside(root, file), file, config)
            items, rejected = items + found, rejected + bad
        except UnusableError as error:
            rejected.append(Rejected(file, error.kind, str(error)))
    videos = dict.fromkeys([*named, *(file for file in files if file.lower().endswith(VIDEO_ENDINGS))])
    for file in videos:
        try:
            items.append(_item(root, file, named.get(file, []), config))
        except UnusableError as error:
            rejected.append(Rejected(file, error.kind, str(error)))
    if not items and not rejected:
        raise ImportFolderError(f"{source} holds no videos ({', '.join(VIDEO_ENDINGS)}, .tar or .parquet).")
    if not items and source.is_file():
        raise ImportFolderError(f"{source} {rejected[0].reason}")
    return Scan(
        root,
        tuple(sorted(items, key=lambda item: (item.file, item.row, item.offset))),
        tuple(sorted(rejected, key=lambda one: one.file)),
        len(set(files) - set(tables) - set(archives) - set(videos) - {_text_beside(file) for file in videos}),
    )


def no_source(source: Path) -> ImportFolderError:
    """Return the error for a source that does not exist."""
    return ImportFolderError(f"{source} does not exist. Name a folder of videos, a tar file or a Parquet file.")


def _read_table(root: Path, file: str, config: ImportConfig) -> tuple[list[Row], list[Rejected]]:
    try:
        path = inside(root, file)
    except UnusableError as error:
        raise ImportFolderError(f"{root / file} {error}") from error
    rows, bad = read_metadata(path, config)
    folder = PurePosixPath(file).parent
    return rows, [Rejected(str(folder / one.file), one.kind, one.reason) for one in bad]


def _by_file(rows: Iterable[Row], table: str, files: Iterable[str]) -> Iterator[tuple[str, Row]]:
    """Yield the file that each row of `table` names, relative to the root.

    A name may be written with backslashes, or with accents as separate characters, as macOS stores them.
    """
    known = {_composed(file): file for file in files}
    for row in rows:
        absolute = row.file.startswith(("/", "\\"))
        path = row.file if absolute else posixpath.normpath(posixpath.join(posixpath.dirname(table), row.file))
        spellings = (path, path.replace("\\", "/"))
        yield next((known[one] for one in map(_composed, spellings) if one in known), path), row


def _files(root: Path) -> tuple[list[str], list[Rejected]]:
    """The files below `root`, with forward slashes, in order. Hidden ones and those of macOS archives are left out."""
    files: list[str] = []
    rejected: list[Rejected] = []

    def unreadable(error: OSError) -> None:
        file = Path(str(error.filename)).relative_to(root).as_posix()
        rejected.append(Rejected(visible(file), "not readable", f"cannot be listed ({error.strerror})."))

    for folder, inner, names in os.walk(root, onerror=unreadable):
        place = Path(folder).relative_to(root)
        inner[:] = sorted(name for name in inner if not name.startswith(".") and name != "__MACOSX")
        for name in inner:
            if (Path(folder) / name).is_symlink():
                rejected.append(
                    Rejected(
                        visible((place / name).as_posix()),
                        "outside the folder",
                        "is a link to a folder, which is not followed. Copy the folder, or import it by itself.",
                    )
                )
        for name in sorted(name for name in names if not name.startswith(".")):
            file = (place / name).as_posix()
            try:
                file.encode()
                files.append(file)
            except UnicodeEncodeError:
                rejected.append(Rejected(visible(file), "not readable", "has a name that is not UTF-8. Rename it."))
    return files, rejected


def _item(root: Path, file: str, rows: list[Row], config: ImportConfig) -> Item:
    inside(root, file)
    values = [row.captions for row in rows] if rows else _lines(root, _text_beside(file))
    captions = captions_of(values, longest=config.longest_caption)
    splits = {split_named(row.split) for row in rows} - {""}
    if len(splits) > 1:
        raise UnusableError("wrong split", f"stands in {' and '.join(sorted(splits))}. Put it in one of them.")
    return Item(file, captions, split="".join(splits))


def _text_beside(file: str) -> str:
    return f"{file.rpartition('.')[0]}.txt"


def _lines(root: Path, file: str) -> list[str]:
    """The lines of a text file; none if it does not exist."""
    try:
        path = inside(root, file)
    except UnusableError:
        return []
    try:
        if path.stat().st_size > LONGEST_TEXT:
            raise UnusableError("no caption", f"has a text file of more than {LONGEST_TEXT} bytes. Shorten it.")
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UnusableError("no caption", "has a text file that is not UTF-8. Save it as UTF-8.") from error
    except OSError as error:
        raise UnusableError("not readable", f"has a text file that cannot be read ({error.strerror}).") from error


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)
