"""What was seen under each fault, and the table of all faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BEGIN, END = "<!-- faults:begin -->", "<!-- faults:end -->"


class NotHeldError(AssertionError):
    """A requirement did not hold. The message says what happened instead."""


def require(holds: bool, otherwise: str) -> None:
    """Raise NotHeldError with the message `otherwise` if `holds` is false."""
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
    """The table of the findings, as Markdown."""
    lines = ["| fault | what must hold | what was seen |", "| --- | --- | --- |"]
    for row in findings:
        seen = row.seen if row.held else f"**NOT HELD:** {row.seen.splitlines()[0]}"
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in (row.fault, row.must_hold, seen)) + " |")
    return "\n".join(lines)


def with_table(page: str, findings: Sequence[Finding]) -> str:
    """Return `page` with the table between its two markers. Raises ValueError if a marker is missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The page does not contain {BEGIN} ... {END}.")
    return f"{before}{BEGIN}\n{markdown(findings)}\n{END}{after}"
