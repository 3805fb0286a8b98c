"""The command line `flipbook`.

    flipbook run                                           the whole pipeline
    flipbook generate "circle moving up-right" --count 16  videos from the best model

Commands import what they need when they run, so that `--help` and wrong input are answered before PyTorch is loaded.
"""

import errno
import gc
import io
import shutil
import sys
import traceback
from typing import Annotated

import typer

from flows.cli.commands.ablate import ablate
from flows.cli.commands.compare import compare
from flows.cli.commands.config import show_config
from flows.cli.commands.dataset import dataset
from flows.cli.commands.evaluate import evaluate
from flows.cli.commands.generate import generate
from flows.cli.commands.import_clips import import_clips
from flows.cli.commands.models import models, promote, register
from flows.cli.commands.run import run, train
from flows.cli.commands.score import score
from flows.cli.commands.up import down, status, ui, up

ROOMS = ("data", "models", "evaluation", "tracking", "tasks", "flows")
INTERRUPTED = 130  # 128 + SIGINT, as in shells
LONGEST_LINE = 1_000  # characters of an error message; --debug shows all of it

app = typer.Typer(
    name="flipbook",
    help="Text to video from scratch: make clips, train a GAN on them, measure it, and generate videos from prompts.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"flipbook {version('flipbook')}")
        raise typer.Exit


@app.callback()
def _root(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error. Allowed anywhere.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options before the command."""


COMMANDS = (
    *(run, dataset, train, evaluate, compare, ablate, score, generate),
    *(models, register, promote, ui, up, down, status),
)
for command in COMMANDS:
    app.command()(command)
app.command("import")(import_clips)
app.command("config")(show_config)


def main() -> None:
    """Run the command line and exit: 0 success, 1 error, 2 wrong usage, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a path may hold characters that the terminal lacks
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    code = execute([argument for argument in arguments if argument != "--debug"], debug=debug)
    gc.freeze()  # a last garbage collection over PyTorch, Prefect and MLflow would take seconds
    sys.exit(code)


def execute(arguments: list[str], *, debug: bool = False) -> int:
    """Run the command in `arguments` and return its exit code. An error becomes one line on standard error."""
    from flows.cli.console import print_error

    try:
        app(args=arguments, prog_name="flipbook")
    except SystemExit as done:  # Typer always ends so: 0, 2 after explaining the usage, 130 after Ctrl-C
        code = done.code if isinstance(done.code, int) else 1
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        if debug:
            traceback.print_exc()
        print_error("\n".join(_shortened(line) for line in explain(error).splitlines()))
        return 1
    if code == INTERRUPTED:
        print_error("Interrupted. Finished work is kept: run the same command again to continue.")
    return code


def explain(error: BaseException) -> str:
    """The message for `error`. For errors of the system it names the file, and for unexpected errors the type."""
    if type(error).__module__.split(".")[0] in ROOMS:
        return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    if isinstance(error, shutil.Error):  # some files of a folder could not be copied
        _, target, reason = error.args[0][0]
        return f"{reason}. Free some space on the disk of {target}, or set TMPDIR to a folder on another disk."
    if isinstance(error, OSError) and error.strerror:
        hint = " Free some space and run the same command again." if error.errno == errno.ENOSPC else ""
        return f"{error.strerror}: {error.filename}.{hint}" if error.filename else f"{error.strerror}.{hint}"
    return f"{type(error).__name__}: {error} (add --debug to see where)"


def _shortened(line: str) -> str:
    half = LONGEST_LINE // 2
    return line if len(line) <= LONGEST_LINE else f"{line[:half]} [...] {line[-half:]}"


if __name__ == "__main__":
    main()
