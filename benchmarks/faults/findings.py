"""What was seen of a fault, and the table of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class NotHeldError(AssertionError):
    """What must hold did not; the message says what was seen instead."""


def require(holds: bool, otherwise: str) -> None:
    """Raises NotHeldError with `otherwise` unless it `holds`."""
    if not holds:
        raise NotHeldError(otherwise)


@dataclass(frozen=True)
class Finding:
    """One row of the table."""

    name: str
    fault: str
    must_hold: str
    seen: str
    held: bool
    seconds: float


def markdown(findings: Sequence[Finding]) -> str:
    """The table."""
    lines = ["| fault | what must hold | what was seen |", "| --- | --- | --- |"]
    for row in findings:
        seen = row.seen if row.held else f"**NOT HELD:** {row.seen}"
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in (row.fault, row.must_hold, seen)) + " |")
    return "\n".join(lines)
