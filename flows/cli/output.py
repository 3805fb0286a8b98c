"""Folders and files that a user names for output."""

from pathlib import Path


class OutputError(OSError):
    """The output folder or file cannot be used."""


def prepare_folder(folder: Path, *, option: str) -> None:
    """Make `folder` and see that files can be written there, before any work is done for them.

    Raises:
        OutputError: it cannot; the message names `option`, by which the user chose it.
    """
    probe = folder / ".flipbook-write-test"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise OutputError(
            f"The output folder {folder} cannot be written ({error.strerror or error}). Choose another with {option}."
        ) from error


def prepare_file(file: Path, *, option: str) -> None:
    """See that `file` can be written, before any work is done for it; its folder is made where missing.

    Raises:
        OutputError: it cannot; the message names `option`, by which the user chose it.
    """
    if file.is_dir():
        raise OutputError(f"{file} is a folder, not a file. Name a file with {option}.")
    prepare_folder(file.parent, option=option)
