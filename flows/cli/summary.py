"""What a command prints at its end: scores, places of files, and what to type next."""

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from data.captions import for_shell
from data.worlds.tiers import group_of

if TYPE_CHECKING:
    from evaluation.any_report import AnyReport
    from evaluation.captioned.report import CaptionedReport
    from evaluation.report import EvaluationReport
    from flows.compare import ComparisonResult
    from flows.evaluate import EvaluationResult
    from flows.pipeline import PipelineResult

PIPE_WIDTH = 200


def output_console() -> Console:
    """Standard output. In a file or pipe it is wide, so that no row of a table is broken."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


def program() -> str:
    """How the user calls this program: by its name, or by its path if the shell would not find the name."""
    if shutil.which("flipbook"):
        return "flipbook"
    script = Path(sys.executable).with_name("flipbook")
    return shlex.quote(os.path.relpath(script) if script.is_relative_to(Path.cwd()) else str(script))


def print_pipeline(result: "PipelineResult") -> None:
    """Print scores, places and version of a pipeline's run."""
    console = output_console()
    console.print(score_table(result.report))
    done_before = [step for step, cached in result.cached.items() if cached]
    alias = " (champion)" if result.promoted else ""
    _print_facts(
        console,
        {
            "Videos": str(result.evaluation_folder / "videos"),
            "Report": str(result.evaluation_folder / "report.md"),
            "Model": f"{result.model_version}{alias}, {result.why}",
            "Clips": str(result.dataset_folder),
            "From the cache": ", ".join(done_before),
        },
    )
    _print_next(console, result.model_version, result.report)


def print_evaluation(result: "EvaluationResult") -> None:
    """Print scores and places of an evaluation."""
    console = output_console()
    console.print(score_table(result.report))
    _print_facts(
        console,
        {
            "Model": result.model_ref,
            "Scores not attached": result.left_out,
            "Videos": str(result.evaluation_folder / "videos"),
            "Report": str(result.evaluation_folder / "report.md"),
            "From the cache": "evaluate" if result.cached else "",
        },
    )
    _print_next(console, result.model_ref, result.report)


def print_comparison(result: "ComparisonResult") -> None:
    """Print the verdict, the differences, and where the page is."""
    console = output_console()
    console.print(difference_table(result))
    done_before = [name for name, side in (("A", result.a), ("B", result.b)) if side.cached]
    _print_facts(
        console,
        {
            "Verdict": result.verdict,
            "Page": str(result.page or ""),
            "MLflow run": result.run_id,
            "From the cache": " and ".join(done_before),
        },
    )


def difference_table(result: "ComparisonResult") -> Table:
    """One row per tier: joint exact of both models, and the difference with its interval."""
    from evaluation.comparison.differences import tier_differences
    from evaluation.comparison.text import change_interval_text, change_text, interval_text, noise_text, value_text

    table = Table(
        title="Joint exact of A and of B, and their difference; 95 % intervals",
        title_justify="left",
        caption=f"A: {result.a.model_ref}  B: {result.b.model_ref}",
        caption_justify="left",
    )
    table.add_column("tier", no_wrap=True)
    for name in ("A", "B", "B - A"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("noise")
    for tier in tier_differences(result.a.report, result.b.report):
        joint = tier.joint
        table.add_row(
            tier.name,
            *(f"{value_text(side)} [dim]{interval_text(side)}[/dim]" for side in (joint.a, joint.b)),
            f"[bold]{change_text(joint)}[/bold] [dim]{change_interval_text(joint)}[/dim]",
            noise_text(joint),
        )
    return table


def score_table(report: "AnyReport") -> Table:
    """One row per tier or split: the headline with its interval and bounds, and the scores behind it."""
    from evaluation.captioned.report import CaptionedReport

    return _retrieval_table(report) if isinstance(report, CaptionedReport) else _joint_table(report)


def _retrieval_table(report: "CaptionedReport") -> Table:
    frechet = report.frechet
    table = Table(
        title="Retrieval: a matcher finds the caption of the video among others; Wilson 95 % interval",
        title_justify="left",
        caption="real: the score of real clips.  shuffled: the score against other captions.  diversity and roughness: "
        "1 is like real clips."
        + (f"  Fréchet distance {frechet.generated} (real against real {frechet.floor})." if frechet else ""),
        caption_justify="left",
    )
    table.add_column("captions", no_wrap=True)
    table.add_column("clips", justify="right")
    table.add_column("retrieval", justify="right", style="bold", no_wrap=True)
    for name in ("real", "shuffled", "best 5", "diversity", "roughness"):
        table.add_column(name, justify="right", no_wrap=True)
    for split in report.splits:
        found = split.retrieval
        ratios = (split.diversity.pixels.ratio, split.consistency.roughness.ratio)
        table.add_row(
            f"{split.name} ({split.captions})",
            f"{found.generated.top1.n:,}",
            str(found.generated.top1),
            found.real.top1.percent,
            found.shuffled.top1.percent,
            found.generated.top5.percent,
            *("" if ratio is None else f"{ratio:.2f}" for ratio in ratios),
        )
    return table


def _joint_table(report: "EvaluationReport") -> Table:
    table = Table(
        title="Joint exact: everything is right in every frame; Wilson 95 % interval",
        title_justify="left",
        caption="T0: seen prompts.  V: validation.  T1 and up: test.  real: the score of real clips.  "
        f"shuffled: the score against wrong prompts.  {_frechet(report)}",
        caption_justify="left",
    )
    table.add_column("tier", no_wrap=True)
    table.add_column("clips", justify="right")
    table.add_column("joint exact", justify="right", style="bold", no_wrap=True)
    table.add_column("worst prompt")
    for name in ("real", "shuffled", "motion", "shape IoU", "diversity"):
        table.add_column(name, justify="right", no_wrap=True)
    for number, tier in enumerate(report.tiers):
        if number and group_of(tier.name) != group_of(report.tiers[number - 1].name):
            table.add_section()
        worst = report.worst(tier.name)
        spreads = (tier.diversity.start, tier.diversity.speed, tier.diversity.size)
        spread = [value for value in spreads if value is not None]
        table.add_row(
            tier.name,
            f"{tier.joint.n:,}",
            str(tier.joint),
            f"{worst.joint.value:.1%} {worst.name}",
            f"{tier.real.joint.value:.1%}",
            f"{tier.shuffled.joint.value:.1%}",
            f"{tier.generated.motion.value:.1%}",
            f"{tier.generated.shape_iou:.2f}",
            f"{min(spread):.2f} to {max(spread):.2f}" if spread else "",
        )
    return table


def _frechet(report: "EvaluationReport") -> str:
    if report.frechet is None:
        return ""
    return f"Fréchet distance {report.frechet.generated:.2f} (real against real {report.frechet.floor:.2f})."


def _print_facts(console: Console, facts: dict[str, str]) -> None:
    for name, value in facts.items():
        if value:
            console.print(f"[bold]{name}:[/bold]", end=" ")
            console.print(value, markup=False, soft_wrap=True)


def home_option() -> str:
    """The option with which a command finds this home again: ` --home FOLDER`, or nothing for the default home."""
    from data.home import DEFAULT_HOME, Home

    home = Home.from_environment()
    return "" if home == Home.at(DEFAULT_HOME) else f" --home {shlex.quote(str(home.root))}"


def _print_next(console: Console, model: str, report: "AnyReport") -> None:
    from data.home import Home
    from flows.servers.lifecycle import running_addresses

    addresses = running_addresses(Home.from_environment())
    option = home_option()
    console.print("[bold]See the results in MLflow and Prefect:[/bold]", end=" ")
    where = f"{addresses.mlflow} and {addresses.prefect}" if addresses else f"{program()} ui{option}"
    console.print(where, markup=False, soft_wrap=True)
    console.print("[bold]Generate videos:[/bold]", end=" ")
    command = f"{program()} generate {for_shell(report.example)} --model {model}{option}"
    console.print(command, markup=False, soft_wrap=True)
