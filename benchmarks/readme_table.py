"""Fill the README's table of results from evaluation reports, one report a training seed.

python -m benchmarks.readme_table .flipbook/evaluations/*/report.json
python -m benchmarks.readme_table REPORT REPORT REPORT --print
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.report import EvaluationReport, GroupScores
from evaluation.scoring.diversity import Diversity
from evaluation.scoring.rates import Rate
from evaluation.scoring.scores import Scores

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- results:begin -->", "<!-- results:end -->"


@dataclass(frozen=True)
class Row:
    """A line of the table: what is measured, what is asked of it, and where it stands in a tier's scores."""

    what: str
    bar: str
    scores: Callable[[EvaluationReport], GroupScores]
    value: Callable[[Scores, Diversity], float | Rate | None]
    bounds: bool = True  # whether the real and the shuffled bound of the same measure say something

    def cell(self, report: EvaluationReport) -> str:
        """One report's figure, with its interval where it is a share of clips."""
        found = self._generated(report)
        interval = f" ({100 * found.low:.1f} to {100 * found.high:.1f})" if isinstance(found, Rate) else ""
        return _shown(found) + interval

    def mean(self, reports: Sequence[EvaluationReport]) -> str:
        """Mean of the generated samples' figures."""
        return _mean([self._generated(report) for report in reports])

    def bound(self, reports: Sequence[EvaluationReport], side: str) -> str:
        """Mean of the figures of the real or of the shuffled bound."""
        if not self.bounds:
            return ""
        rows = [self.scores(report) for report in reports]
        return _mean([self.value(getattr(row, side), row.diversity) for row in rows])

    def _generated(self, report: EvaluationReport) -> float | Rate | None:
        row = self.scores(report)
        return self.value(row.generated, row.diversity)


def _joint(measures: Scores, _diversity: Diversity) -> Rate:
    return measures.joint


ROWS = (
    Row("joint exact, 18 seen prompts (T0)", "97 %", lambda report: report.tier("T0"), _joint),
    Row("the worst of them", "88 %", lambda report: report.worst("T0"), _joint),
    Row("joint exact, `circle moving up-right` (T1)", "98 %", lambda report: report.tier("T1"), _joint),
    Row("joint exact, `circle moving up` (T2)", "85 %", lambda report: report.tier("T2"), _joint),
    Row("shape IoU", "0.88", lambda report: report.tier("T0"), lambda measures, _: measures.shape_iou),
    Row(
        "diversity of start / real",
        "0.7 to 1.3",
        lambda report: report.tier("T0"),
        lambda _, diversity: diversity.start,
        bounds=False,
    ),
    Row(
        "diversity of size / real",
        "0.7 to 1.3",
        lambda report: report.tier("T0"),
        lambda _, diversity: diversity.size,
        bounds=False,
    ),
)


def results_table(reports: Sequence[EvaluationReport]) -> str:
    """The table as Markdown: bar, mean over the reports, each report's figure with its interval, and the two bounds."""
    head = ["what", "bar", f"mean of {len(reports)}", *(f"seed {number}" for number in range(len(reports)))]
    head += ["real clips", "shuffled prompts"]
    rows = [
        [
            row.what,
            row.bar,
            f"**{row.mean(reports)}**",
            *(row.cell(report) for report in reports),
            row.bound(reports, "real"),
            row.bound(reports, "shuffled"),
        ]
        for row in ROWS
    ]
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
    samples = reports[0].config
    note = (
        f"{len(reports)} trainings from scratch with different seeds; fresh samples, {samples.samples_seen} of each "
        f"seen prompt, {samples.samples_held_out} of each held-out one. In brackets: Wilson's 95 % interval."
    )
    return "\n".join([*lines, "", note])


def fill(page: str, block: str, *, begin: str = BEGIN, end: str = END) -> str:
    """`page` with `block` between the markers. Raises ValueError where the markers are gone."""
    head, found_begin, rest = page.partition(begin)
    _, found_end, tail = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"The page holds no {begin} ... {end}.")
    return f"{head}{begin}\n{block}\n{end}{tail}"


def main() -> None:
    """Read the reports and write the table into the README, or print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("reports", nargs="+", type=Path, help="report.json of an evaluation, one a training seed")
    parser.add_argument("--print", action="store_true", help="print the table, leave the README alone")
    arguments = parser.parse_args()
    reports = [EvaluationReport.model_validate_json(path.read_text(encoding="utf-8")) for path in arguments.reports]
    table = results_table(reports)
    if arguments.print:
        print(table)
        return
    README.write_text(fill(README.read_text(encoding="utf-8"), table), encoding="utf-8")
    print(f"{README} shows {len(reports)} reports.", file=sys.stderr)


def _shown(value: float | Rate | None) -> str:
    if isinstance(value, Rate):
        return f"{100 * value.value:.1f} %"
    return "" if value is None else f"{value:.2f}"


def _mean(values: Sequence[float | Rate | None]) -> str:
    numbers = [value.value if isinstance(value, Rate) else value for value in values if value is not None]
    if not numbers:
        return ""
    mean = sum(numbers) / len(numbers)
    return f"{100 * mean:.1f} %" if isinstance(values[0], Rate) else f"{mean:.2f}"


if __name__ == "__main__":
    main()
