"""Checks the output folders and files that a user names, before any work is done for them."""

from pathlib import Path


class OutputError(OSError):
    """The output folder or file cannot be used."""


def prepare_folder(folder: Path, *, option: str) -> None:
    """Create `folder` if it is missing, and check that files can be written there.

    Raises:
        OutputError: it is not possible. The message names `option`, with which the user chose the folder.
    """
    probe = folder / ".flipbook-write-test"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise OutputError(
            f"Cannot write to the output folder {folder} ({error.strerror or error}). Choose another with {option}."
        ) from error


def prepare_file(file: Path, *, option: str) -> None:
    """Check that `file` can be written, and create its folder if it is missing. Raises OutputError."""
    if file.is_dir():
        raise OutputError(f"{file} is a folder, not a file. Name a file with {option}.")
    prepare_folder(file.parent, option=option)
