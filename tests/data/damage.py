"""What disks and interrupted copies do to files."""

from __future__ import annotations

from pathlib import Path


def flip_a_byte(path: Path) -> None:
    """Change one bit in the middle of the file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x40
    path.write_bytes(content)


def shorten(path: Path) -> None:
    """Cut off the end of the file."""
    path.write_bytes(path.read_bytes()[:-100])
