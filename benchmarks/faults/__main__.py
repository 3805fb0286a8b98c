"""Provokes every fault and prints a table of what happened. Takes about 50 minutes on two cores.

    python -m benchmarks.faults                           all faults
    python -m benchmarks.faults --only killed-worker      only faults whose names begin so; repeatable
    python -m benchmarks.faults --json faults.json        also updates the findings in the file
    python -m benchmarks.faults --json faults.json --write     also writes the table into docs/failures.md

The exit code is 1 if a requirement did not hold. The faults of a full disk need root, because they mount a small disk.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.faults import by_tests, full_disk, killed_trainings, killed_workers, server_restarts, side_by_side
from benchmarks.faults.findings import Finding, NotHeldError, markdown, with_table
from benchmarks.faults.programs import ROOT

PAGE = ROOT / "docs" / "failures.md"


@dataclass(frozen=True)
class Fault:
    """A fault, what must hold, and a function that provokes the fault.

    The function gets an empty folder. It returns what was seen, or raises NotHeldError.
    """

    name: str
    fault: str
    must_hold: str
    try_it: Callable[[Path], str]


RESUMED = "it goes on by itself from its last checkpoint; the final weights are bit-identical to an undisturbed run"
FAULTS = (
    Fault(
        "killed-training-worker", "`kill -9` of the training process on a worker, at a random moment, 10 times",
        RESUMED, killed_trainings.on_a_worker,
    ),
    Fault(
        "killed-training-command", "`kill -9` of `flipbook train`, at a random moment, 10 times",
        "the same command goes on from the last checkpoint; the final weights are bit-identical to an undisturbed run",
        killed_trainings.on_the_command_line,
    ),
    Fault(
        "killed-worker-children", "`kill -9` of the worker and its children (its machine dies)",
        "its run is back in the queue within 3 minutes and completes; the weights are bit-identical",
        killed_workers.with_its_children,
    ),
    Fault(
        "killed-worker-alone", "`kill -9` of the worker alone",
        "its run completes; the weights are bit-identical; the restarted worker takes the next run",
        killed_workers.alone,
    ),
    Fault(
        "mlflow-outage", "MLflow server killed during a training, and back after a minute",
        "the training goes on; afterwards no metric, artifact or registration is missing or duplicated",
        by_tests.mlflow_outage,
    ),
    Fault(
        "server-restart-training", "Prefect server restarted during a training that a pipeline has handed over",
        "the pipeline completes, all states are correct, nothing is done twice", server_restarts.in_training,
    ),
    Fault(
        "server-restart-random", "Prefect server restarted at a random moment of a pipeline, 6 times",
        "the pipeline completes, nothing is done twice", server_restarts.at_random_moments,
    ),
    Fault(
        "server-long-away", "Prefect server down for two minutes during a training that a pipeline has handed over",
        "the pipeline completes, nothing is done twice", server_restarts.for_long,
    ),
    Fault(
        "two-pipelines", "two identical pipelines started together",
        "each piece of work is done once, both runs are Completed", side_by_side.two_pipelines,
    ),
    Fault(
        "ten-trainings", "ten trainings queued on the pool gpu", "they run one after the other, and none is lost",
        side_by_side.ten_trainings,
    ),
    Fault(
        "full-disk-shards", "disk full while shards are written",
        "a clear error message, no partial file counts as whole, the next run goes on", full_disk.of_shards,
    ),
    Fault(
        "full-disk-checkpoints", "disk full while checkpoints are written",
        "a clear error message, no partial file counts as whole, the next run goes on", full_disk.of_checkpoints,
    ),
    Fault(
        "damaged-home", "results, cache or shard files damaged or deleted at random",
        "they are made again, and never used", by_tests.damaged_home,
    ),
)  # fmt: skip


def main() -> None:
    """Provoke the faults that the arguments choose."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", metavar="NAME", help="only faults whose names begin so")
    parser.add_argument("--json", type=Path, metavar="FILE", help="file in which findings are kept")
    parser.add_argument("--write", action="store_true", help=f"write the table into {PAGE.name}")
    arguments = parser.parse_args()
    chosen = [fault for fault in FAULTS if not arguments.only or fault.name.startswith(tuple(arguments.only))]
    if not chosen:
        parser.error(f"no fault has such a name. The faults are {', '.join(fault.name for fault in FAULTS)}")
    findings = [tried(fault) for fault in chosen]
    if arguments.json:
        findings = keep(arguments.json, findings)
    print(markdown(findings))
    if arguments.write:
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), findings), encoding="utf-8")
    sys.exit(not all(finding.held for finding in findings))


def tried(fault: Fault) -> Finding:
    """Provoke `fault`, and return what was seen."""
    print(f"{fault.name} ...", file=sys.stderr, flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder:
        try:
            seen, held = fault.try_it(Path(folder)), True
        except NotHeldError as error:
            traceback.print_exc()
            seen, held = str(error), False
    seconds = time.monotonic() - began
    print(f"{fault.name}: {'held' if held else 'NOT HELD'} after {seconds:.0f} s: {seen}", file=sys.stderr, flush=True)
    return Finding(fault.name, fault.fault, fault.must_hold, seen, held, seconds)


def keep(path: Path, findings: list[Finding]) -> list[Finding]:
    """Write the findings into the file, beside its findings of other faults. Returns all findings in table order."""
    known = {row["name"]: Finding(**row) for row in json.loads(path.read_text())} if path.exists() else {}
    known |= {finding.name: finding for finding in findings}
    kept = [known[fault.name] for fault in FAULTS if fault.name in known]
    path.write_text(json.dumps([asdict(finding) for finding in kept], indent=2))
    return kept


if __name__ == "__main__":
    main()
