"""Progress on a terminal and in a log."""

import io
import logging
import threading

import pytest
from rich.console import Console
from rich.progress import Progress, TextColumn

from flows.cli.console import BarSink, LineSink, progress_shown


def bars() -> tuple[BarSink, Progress]:
    columns = TextColumn("{task.fields[detail]}")
    progress = Progress(columns, console=Console(file=io.StringIO()), disable=True)
    return BarSink(progress), progress


def test_a_step_has_one_bar_that_ends_full() -> None:
    sink, progress = bars()
    sink.start("train", 60)
    sink.update("train", 20, "loss 1.2")
    assert [(task.description, task.completed, task.total) for task in progress.tasks] == [("train", 20, 60)]
    sink.update("train", 30)
    assert progress.tasks[0].fields["detail"] == "loss 1.2"
    sink.finish("train", "checkpoint /a")
    assert progress.finished
    assert progress.tasks[0].fields["detail"] == "checkpoint /a"


def test_a_retried_step_starts_its_bar_again() -> None:
    sink, progress = bars()
    sink.start("evaluate", 5)
    sink.update("evaluate", 4)
    sink.start("evaluate", 6)
    assert [(task.completed, task.total) for task in progress.tasks] == [(0, 6)]


def test_a_step_from_the_cache_is_shown_as_done_although_it_never_started() -> None:
    sink, progress = bars()
    sink.finish("train", "kept /a")
    assert progress.finished
    assert progress.tasks[0].fields["detail"] == "kept /a"


def test_many_threads_can_report_at_once() -> None:
    sink, progress = bars()
    threads = [threading.Thread(target=sink.start, args=("dataset", 8)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(progress.tasks) == 1


def test_a_log_gets_a_line_every_ten_seconds_and_one_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("flows.cli.console.time.monotonic", lambda: now[0])
    text = io.StringIO()
    sink = LineSink(Console(file=text, width=200))
    sink.start("train", 1000)
    sink.update("train", 0, "about 20 min")
    for step in range(50, 1001, 50):
        now[0] += 1.0
        sink.update("train", step, "[not markup]")
    sink.finish("train", "checkpoint /a")
    lines = text.getvalue().splitlines()
    assert lines[0] == "train: 0/1000"
    assert lines[1] == "train: 0/1000  about 20 min"
    assert lines[2:4] == ["train: 500/1000  [not markup]", "train: 1000/1000  [not markup]"]
    assert lines[4:] == ["train: done in 20 s  checkpoint /a"]


def test_our_own_warnings_are_shown_while_a_command_waits(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_shown():
        logging.getLogger("flipbook.tracking").warning("MLflow does not answer at %s, trying again.", "[address]")
    assert capsys.readouterr().err.splitlines() == ["Warning: MLflow does not answer at [address], trying again."]
    logging.getLogger("flipbook.tracking").warning("nobody waits any more")
    assert "Warning:" not in capsys.readouterr().err
