"""Fill the README's table of results from evaluation reports, one report per training seed.

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

Value = float | Rate | None


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        title: what is measured.
        bar: the required values of the mean and of the worst seed.
        group: picks the tier or the prompt from a report.
        value: picks the value from the scores and the diversity of that group.
        bounds: whether the real and the shuffled bound of this metric mean something.
    """

    title: str
    bar: str
    group: Callable[[EvaluationReport], GroupScores]
    value: Callable[[Scores, Diversity], Value]
    bounds: bool = True

    def cells(self, reports: Sequence[EvaluationReport]) -> list[str]:
        """The row for these reports: title, bar, mean, worst seed (the farthest from 1), every seed, and the bounds."""
        groups = [self.group(report) for report in reports]
        values = [self.value(group.generated, group.diversity) for group in groups]
        known = [value for value in values if value is not None]
        worst = max(known, key=lambda value: abs(_number(value) - 1), default=None)
        bounds = [[group.real for group in groups], [group.shuffled for group in groups]] if self.bounds else []
        bound_cells = [
            _mean([self.value(scores, group.diversity) for scores, group in zip(side, groups, strict=True)])
            for side in bounds
        ]
        return [
            self.title,
            self.bar,
            f"**{_mean(values)}**",
            _value_with_interval(worst),
            ", ".join("-" if value is None else _mean([value]).removesuffix(" %") for value in values),
            *(bound_cells or ["", ""]),
        ]


def _seen(report: EvaluationReport) -> GroupScores:
    return report.tier("T0")


ROWS = (
    Row("joint exact, 18 seen prompts (T0)", "96 / 94 %", _seen, lambda scores, _: scores.joint),
    Row("the worst of them", "86 / 80 %", lambda report: report.worst("T0"), lambda scores, _: scores.joint),
    Row(
        "joint exact, `circle moving up-right` (T1)",
        "97 / 95 %",
        lambda report: report.tier("T1"),
        lambda scores, _: scores.joint,
    ),
    Row(
        "joint exact, `circle moving up` (T2)",
        "85 / 75 %",
        lambda report: report.tier("T2"),
        lambda scores, _: scores.joint,
    ),
    Row("spread of start / real", "0.8 to 1.2", _seen, lambda _, diversity: diversity.start, bounds=False),
    Row("spread of speed / real", "0.8 to 1.2", _seen, lambda _, diversity: diversity.speed, bounds=False),
    Row("spread of size / real", "0.8 to 1.2", _seen, lambda _, diversity: diversity.size, bounds=False),
    Row("coverage of real clips", "0.85", _seen, lambda _, diversity: diversity.coverage, bounds=False),
)


def results_table(reports: Sequence[EvaluationReport]) -> str:
    """The table as Markdown: bar, mean over the reports, the worst report's value, all values, and the two bounds."""
    head = ["what", "bar: mean / worst seed", f"mean of {len(reports)}", "worst seed"]
    head += [f"seeds 0 to {len(reports) - 1}", "real clips", "shuffled prompts"]
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *(row.cells(reports) for row in ROWS))]
    config = reports[0].config
    note = (
        f"{len(reports)} trainings from scratch with different seeds. Fresh samples: {config.samples_seen} per seen "
        f"prompt, {config.samples_held_out} per held-out prompt. In brackets: Wilson 95 % intervals, which do not "
        "cover the spread over seeds."
    )
    return "\n".join([*lines, "", note])


def fill(page: str, block: str, *, begin: str = BEGIN, end: str = END) -> str:
    """Return `page` with `block` between the markers. Raises ValueError if a marker is missing."""
    head, found_begin, rest = page.partition(begin)
    _, found_end, tail = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"The page does not contain {begin} ... {end}.")
    return f"{head}{begin}\n{block}\n{end}{tail}"


def main() -> None:
    """Read the reports, and write the table into the README or print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("reports", nargs="+", type=Path, help="report.json of an evaluation, one per training seed")
    parser.add_argument("--print", action="store_true", help="print the table and leave the README unchanged")
    arguments = parser.parse_args()
    reports = [EvaluationReport.model_validate_json(path.read_text(encoding="utf-8")) for path in arguments.reports]
    table = results_table(reports)
    if arguments.print:
        print(table)
        return
    README.write_text(fill(README.read_text(encoding="utf-8"), table), encoding="utf-8")
    print(f"{README} shows {len(reports)} reports.", file=sys.stderr)


def _value_with_interval(value: Value) -> str:
    if isinstance(value, Rate):
        return f"{value.percent} ({100 * value.low:.1f} to {100 * value.high:.1f})"
    return "" if value is None else f"{value:.2f}"


def _number(value: float | Rate) -> float:
    return value.value if isinstance(value, Rate) else value


def _mean(values: Sequence[Value]) -> str:
    numbers = [_number(value) for value in values if value is not None]
    if not numbers:
        return ""
    mean = sum(numbers) / len(numbers)
    return f"{100 * mean:.1f} %" if isinstance(values[0], Rate) else f"{mean:.2f}"


if __name__ == "__main__":
    main()
