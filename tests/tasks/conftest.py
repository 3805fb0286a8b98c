"""The fixtures of the tests of `tracking`, which these tests need too."""

from tests.tracking.conftest import (
    checkpoint_of,
    home,
    make_checkpoint,
    make_report,
    make_run,
    manifest,
    registered,
    report_folder,
    scored,
    world,
)

__all__ = [
    "checkpoint_of",
    "home",
    "make_checkpoint",
    "make_report",
    "make_run",
    "manifest",
    "registered",
    "report_folder",
    "scored",
    "world",
]
