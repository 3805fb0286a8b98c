"""What is known about a server that has ended or does not answer."""

from __future__ import annotations

import shutil
from pathlib import Path

LEAST_SPACE = 4 << 20  # bytes; with less free a server's database cannot be made


def reason_in(log: Path) -> str:
    """A full disk, or the end of the server's log; begins with a space, to follow a sentence. "" if nothing is known.

    Args:
        log: the server's log, in a folder of the home.
    """
    if shutil.disk_usage(log.parent).free < LEAST_SPACE:
        return f" The disk of {log.parent.parent} is full. Free some space there and give the same command again."
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return f" The end of {log}:\n" + "\n".join(lines[-15:]) if lines else ""
