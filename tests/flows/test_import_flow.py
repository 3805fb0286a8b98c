"""The flow `import` on a real Prefect server: a folder of videos becomes a data set with a report, and only once."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from data.files import DamagedShardError
from data.importing.config import ImportConfig
from data.importing.item import ImportFolderError
from data.reading.dataset import load_clips
from data.shards import imported
from data.shards.entry import verify_shard
from data.shards.manifest import MANIFEST_NAME, read_manifest
from data.shards.sources import ImportSource
from flows.import_clips import import_clips
from tasks import importing
from tasks.importing import NothingImportedError, RejectedFilesError
from tests.data.importing.videos import encoded, moving_square
from tracking.store import open_store

CONFIG = ImportConfig(width=48, height=32, frames=4, validation_share=0.2, test_share=0.2)


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """Twelve videos with captions, a copy of one of them, a damaged one, and one without a caption."""
    folder = tmp_path / "holiday clips"
    folder.mkdir()
    rows = [(f"{number}.mp4", f"square number {number}") for number in range(12)]
    for number in range(12):
        (folder / f"{number}.mp4").write_bytes(encoded(moving_square(seed=number)))
    (folder / "copy.mp4").write_bytes((folder / "3.mp4").read_bytes())
    (folder / "damaged.mp4").write_bytes((folder / "4.mp4").read_bytes()[:200])
    (folder / "silent.mp4").write_bytes(encoded(moving_square(seed=99)))
    with (folder / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("file_name", "caption"), *rows, ("copy.mp4", "a | <b>copy</b>"), ("damaged.mp4", "damaged")]
        )
    return folder


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of the batches that are really decoded from now on, with four videos per batch."""
    numbers: list[int] = []
    write = importing.write_batch

    def counting(folder: Path, *, number: int, **more: object) -> imported.ImportedBatch:
        numbers.append(number)
        return write(folder, number=number, **more)

    monkeypatch.setattr(importing, "BATCH_ITEMS", 4)
    monkeypatch.setattr(importing, "write_batch", counting)
    return numbers


def test_a_folder_becomes_a_data_set_that_says_what_became_of_each_file(prefect_api, home, videos, batches, tmp_path):
    result = import_clips(videos, CONFIG, out=tmp_path / "mine")
    folder = tmp_path / "mine"
    assert sorted(batches) == [0, 1, 2, 3]
    assert (result.summary.accepted, result.summary.rejected, result.summary.duplicates) == (12, 2, 1)
    manifest = read_manifest(folder)
    assert isinstance(manifest.source, ImportSource)
    assert manifest.source.name == "holiday clips"
    assert (manifest.clip.frames, manifest.clip.height, manifest.clip.width) == (4, 32, 48)
    assert manifest.rows == sum(manifest.splits.values()) == 12
    for entry in manifest.shards:
        verify_shard(folder, entry)
    loaded = [load_clips(folder, split=split) for split in ("train", "validation", "test")]
    captions = [{caption for own in clips.captions.to_pylist() for caption in own} for clips in loaded]
    assert {*captions[0], *captions[1], *captions[2]} == {
        *(f"square number {number}" for number in range(12)),
        "a | <b>copy</b>",
    }
    assert not captions[0] & captions[1]
    assert not captions[0] & captions[2]
    with (folder / "rejected.csv").open(newline="") as file:
        reasons = {row["file"]: row["reason"] for row in csv.DictReader(file)}
    assert set(reasons) == {"copy.mp4", "damaged.mp4", "silent.mp4"}
    summary = json.loads((folder / "summary.json").read_text())
    assert [summary[name] for name in ("accepted", "rejected", "duplicates")] == [12, 2, 1]
    page = (folder / "report.html").read_text()
    assert "square number" in page
    assert "<b>copy" not in page


def test_mlflow_keeps_the_report_once(prefect_api, home, videos):
    import_clips(videos, CONFIG)
    import_clips(videos, CONFIG)
    client = open_store(home)
    (run,) = [run for run in client.search_runs(["1"]) if run.info.run_name == "import-holiday clips"]
    assert {file.path for file in client.list_artifacts(run.info.run_id)} == {
        "report.html",
        "rejected.csv",
        "summary.json",
    }
    assert run.data.metrics["accepted"] == 12


def test_what_was_imported_is_kept_and_what_is_damaged_is_made_again(prefect_api, home, videos, batches):
    made = import_clips(videos, CONFIG)
    batches.clear()
    assert import_clips(videos, CONFIG).cached
    assert batches == []
    (damaged, *_) = read_manifest(made.folder).shards
    (made.folder / damaged.name).write_bytes(b"short")
    with pytest.raises(DamagedShardError):
        load_clips(made.folder)
    again = import_clips(videos, CONFIG)
    assert (len(batches), again.cached, again.digest) == (1, False, made.digest)
    assert len(load_clips(made.folder)) == made.summary.clips - sum(
        count for split, count in read_manifest(made.folder).splits.items() if split != "train"
    )


def test_a_folder_that_moved_is_the_same_data_set_and_one_that_changed_is_another(prefect_api, home, videos, tmp_path):
    made = import_clips(videos, CONFIG)
    moved = tmp_path / "elsewhere" / videos.name
    shutil.copytree(videos, moved)
    assert import_clips(moved, CONFIG).digest == made.digest
    (moved / "5.mp4").write_bytes(encoded(moving_square(seed=55)))
    assert import_clips(moved, CONFIG).digest != made.digest
    assert import_clips(videos, CONFIG.model_copy(update={"frames": 5})).digest != made.digest


def test_strict_imports_refuse_files_that_cannot_be_imported_but_not_duplicates(prefect_api, home, videos, tmp_path):
    with pytest.raises(RejectedFilesError, match=r"2 files of holiday clips cannot be imported: damaged\.mp4"):
        import_clips(videos, CONFIG, out=tmp_path / "mine", strict=True)
    assert not (tmp_path / "mine").exists()
    (videos / "damaged.mp4").unlink()
    (videos / "silent.mp4").unlink()
    lines = (videos / "metadata.csv").read_text().splitlines()
    (videos / "metadata.csv").write_text("\n".join(line for line in lines if "damaged" not in line))
    assert import_clips(videos, CONFIG, strict=True).summary.duplicates == 1


def test_the_data_set_cannot_lie_in_the_folder_that_is_imported(prefect_api, home, videos):
    with pytest.raises(ImportFolderError, match="Choose another folder"):
        import_clips(videos, CONFIG, out=videos / "mine")


def test_a_smaller_data_set_leaves_no_shard_of_the_larger_one_in_the_folder(
    prefect_api, home, videos, batches, tmp_path
):
    import_clips(videos, CONFIG, out=tmp_path / "mine")
    for number in range(4, 12):
        (videos / f"{number}.mp4").unlink()
    import_clips(videos, CONFIG, out=tmp_path / "mine")
    manifest = read_manifest(tmp_path / "mine")
    assert manifest.rows == 4
    assert {path.name for path in (tmp_path / "mine").glob("*.parquet")} == {entry.name for entry in manifest.shards}


def test_captions_that_were_given_to_two_sides_are_counted_and_the_report_warns(prefect_api, home, videos, tmp_path):
    with (videos / "metadata.csv").open("w", newline="") as file:
        rows = [(f"{k}.mp4", f"Number {k % 3}.", "test" if k == 4 else "train") for k in range(12)]
        csv.writer(file).writerows([("file_name", "caption", "split"), *rows])
    result = import_clips(videos, CONFIG.model_copy(update={"split_column": "split"}), out=tmp_path / "mine")
    assert result.summary.on_two_sides == 1
    assert "also in validation or test: 1." in (tmp_path / "mine" / "report.html").read_text()


def test_videos_that_are_all_given_to_the_test_are_refused_before_they_are_decoded(prefect_api, home, videos, batches):
    with (videos / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("file_name", "caption", "split"), *((f"{k}.mp4", f"number {k}", "test") for k in range(12))]
        )
    with pytest.raises(NothingImportedError, match=r"None of the 12 videos .* is for training"):
        import_clips(videos, CONFIG.model_copy(update={"split_column": "split"}))
    assert batches == []


def test_a_source_without_a_usable_video_is_an_error_that_says_why(prefect_api, home, tmp_path):
    with pytest.raises(ImportFolderError, match="does not exist"):
        import_clips(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "a.mp4").write_bytes(b"")
    (tmp_path / "empty" / "a.txt").write_text("nothing")
    with pytest.raises(NothingImportedError, match=r"Nothing of empty can be trained on \(1 x damaged\)"):
        import_clips(tmp_path / "empty")
    assert not list(home.datasets.glob(f"*/{MANIFEST_NAME}"))
