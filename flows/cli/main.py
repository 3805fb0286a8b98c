"""The command line `flipbook`.

    flipbook run                                           the whole pipeline
    flipbook generate "circle moving up-right" --count 16  videos from the best model

Commands import what they need when they run: `--help` and bad input are answered before PyTorch and Prefect load.
"""

import errno
import gc
import sys
import traceback
from typing import Annotated

import typer

from flows.cli.commands.ablate import ablate
from flows.cli.commands.compare import compare
from flows.cli.commands.config import show_config
from flows.cli.commands.evaluate import evaluate
from flows.cli.commands.generate import generate
from flows.cli.commands.models import models, register
from flows.cli.commands.run import data, run, train
from flows.cli.commands.ui import ui
from flows.cli.commands.up import down, status, up

ROOMS = ("data", "models", "evaluation", "tracking", "tasks", "flows")
INTERRUPTED = 130  # 128 + SIGINT, as shells have it

app = typer.Typer(
    name="flipbook",
    help="Text to video from scratch: make clips, train a GAN on them, measure it, and draw what a prompt says.",
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
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors; may stand anywhere.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options before the command."""


app.command()(run)
app.command()(data)
app.command()(train)
app.command()(evaluate)
app.command()(compare)
app.command()(ablate)
app.command()(generate)
app.command()(models)
app.command()(register)
app.command()(ui)
app.command()(up)
app.command()(down)
app.command()(status)
app.command("config")(show_config)


def main() -> None:
    """Run the command line and exit: 0 fine, 1 an error, 2 wrong usage, 130 interrupted."""
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    code = execute([argument for argument in arguments if argument != "--debug"], debug=debug)
    gc.freeze()  # collecting all that PyTorch, Prefect and MLflow have loaded would take seconds, for nothing
    sys.exit(code)


def execute(arguments: list[str], *, debug: bool = False) -> int:
    """Run the command that `arguments` name; errors become one line on standard error, and the exit code."""
    try:
        app(args=arguments, prog_name="flipbook")
    except SystemExit as done:  # how Typer ends: 0, 2 after it explained the usage, 130 after Ctrl-C
        code = done.code if isinstance(done.code, int) else 1
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        from flows.cli.console import print_error

        if debug:
            traceback.print_exc()
        print_error(explain(error))
        return 1
    if code == INTERRUPTED:
        from flows.cli.console import print_error

        print_error("Interrupted. What was finished is kept: give the same command again to go on from there.")
    return code


def explain(error: BaseException) -> str:
    """`error` in a line: our own errors as they are, the system's with their file, others with their type."""
    if type(error).__module__.split(".")[0] in ROOMS:
        return error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    if isinstance(error, OSError) and error.strerror:
        hint = " Free some space and give the same command again." if error.errno == errno.ENOSPC else ""
        return f"{error.strerror}: {error.filename}.{hint}" if error.filename else f"{error.strerror}.{hint}"
    return f"{type(error).__name__}: {error} (add --debug to see where)"


if __name__ == "__main__":
    main()
