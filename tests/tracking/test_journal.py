"""Records on disk: what is kept, what counts, and what a killed process leaves."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from PIL import Image

from data.files import StorageError
from tracking.journal import RECORDS_FILE, Journal, Record


def values(step: int, **changes: object) -> Record:
    return Record(**{"step": step, "timestamp": 1000 + step, "values": {"loss": 1.0 / step}} | changes)


def steps(journal: Journal) -> list[int]:
    return [record.step for record in journal.countable()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "unsent"


def test_records_count_once_the_checkpoint_of_their_step_is_complete(folder):
    journal = Journal(folder, committed=-1)
    for step in (10, 20, 30):
        journal.add(values(step))
    assert steps(journal) == []
    journal.commit(20)
    assert steps(journal) == [10, 20]
    journal.commit(10)  # an older one again changes nothing
    assert steps(journal) == [10, 20]


def test_values_of_the_machine_wait_for_no_checkpoint(folder):
    journal = Journal(folder, committed=-1)
    journal.add(values(1, waits=False))
    assert steps(journal) == [1]
    assert journal.steps(pictures=False) == set()


def test_the_next_process_finds_what_counts_and_forgets_what_will_come_again(folder):
    first = Journal(folder, committed=-1)
    for step in (10, 20, 30):
        first.add(values(step))
        first.add_picture(Image.new("RGB", (4, 4)), name="samples", step=step, timestamp=step)
    second = Journal(folder, committed=20)
    assert steps(second) == [10, 10, 20, 20]
    assert second.countable()[0] == values(10)
    assert sorted(path.name for path in folder.glob("*.png")) == ["samples-00000010.png", "samples-00000020.png"]
    second.add(values(30))
    assert [record.step for record in Journal(folder, committed=30).countable()] == [10, 10, 20, 20, 30]


def test_what_was_sent_is_gone_for_the_next_process_too(folder):
    journal = Journal(folder, committed=100)
    journal.add(values(10))
    journal.add_picture(Image.new("RGB", (4, 4)), name="samples", step=10, timestamp=10)
    journal.add(values(20))
    journal.forget(journal.countable()[:2])
    assert steps(journal) == [20] == steps(Journal(folder, committed=100))
    assert not list(folder.glob("*.png"))
    journal.forget(journal.countable())
    assert not list(folder.iterdir())


def test_a_line_that_was_cut_off_costs_only_itself(folder, caplog):
    journal = Journal(folder, committed=100)
    for step in (10, 20):
        journal.add(values(step))
    file = folder / RECORDS_FILE
    file.write_bytes(file.read_bytes()[:-15])
    again = Journal(folder, committed=100)
    again.add(values(30))
    assert steps(again) == [10, 30] == steps(Journal(folder, committed=100))
    assert "line 2" in caplog.text


def test_losses_that_are_no_numbers_survive(folder):
    Journal(folder, committed=100).add(values(1, values={"a": math.nan, "b": math.inf, "c": -math.inf}))
    (record,) = Journal(folder, committed=100).countable()
    assert math.isnan(record.values["a"])
    assert (record.values["b"], record.values["c"]) == (math.inf, -math.inf)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    journal = Journal(tmp_path / "unsent", committed=100)
    journal._folder = tmp_path / "file" / "unsent"
    with pytest.raises(StorageError, match="file/unsent"):
        journal.add(values(1))
