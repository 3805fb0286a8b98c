"""Captions in tables, text files, tars and Parquet files are found, and nothing is read outside the folder."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pydantic import TypeAdapter

from data.importing.batch import ImportedVideo, import_batch
from data.importing.config import ImportConfig
from data.importing.item import ImportFolderError, Item, Rejected
from data.importing.sources import Scan, scan
from tests.data.importing.videos import encoded, moving_square

CONFIG = ImportConfig()
FRAMES = [moving_square(12, seed=seed) for seed in range(4)]
VIDEOS = [encoded(frames) for frames in FRAMES]


def folder_of(path: Path, *names: str) -> Path:
    for name, video in zip(names, VIDEOS, strict=False):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(video)
    return path


def captions(found: Scan) -> dict[str, tuple[str, ...]]:
    return {item.name: item.captions for item in found.items}


def shown(found: Scan, config: ImportConfig = CONFIG) -> list[np.ndarray]:
    results = list(import_batch(found.root, found.items, config))
    assert all(isinstance(result, ImportedVideo) for result in results), results
    return [result.clips.frames[0] for result in results if isinstance(result, ImportedVideo)]


def assert_shows(found: Scan, expected: list[np.ndarray], *, difference: float = 4) -> None:
    for frames, right in zip(shown(found), expected, strict=True):
        assert np.abs(frames.astype(int) - right[:10]).mean() < difference


@pytest.mark.parametrize(
    "table",
    [
        "file_name,caption\na.mp4,one\nb.mp4,two\n",
        "\ufefffile_name;text;note\r\na.mp4;one;x\r\nb.mp4;two;y\r\n",
        "prompt\tfile_name\nx\tc.mp4\none\ta.mp4\ntwo\t./x/../b.mp4\n",
        'file_name,description\n"a.mp4","one"\n"b.mp4","two"\n',
        ",file_name,caption\n0,a.mp4,one\n1,b.mp4,two",
    ],
    ids=["plain", "spreadsheet", "tabs", "another name", "index"],
)
def test_tables_of_spreadsheets_and_libraries_are_read(tmp_path: Path, table: str) -> None:
    folder_of(tmp_path, "a.mp4", "b.mp4")
    (tmp_path / "metadata.csv").write_bytes(table.encode())
    found = scan(tmp_path, CONFIG)
    assert captions(found) == {"a.mp4": ("one",), "b.mp4": ("two",)}
    assert_shows(found, FRAMES[:2])


def test_a_table_of_json_lines_may_give_several_captions(tmp_path: Path) -> None:
    folder_of(tmp_path, "train/a.mp4", "test/b.mp4")
    lines = [{"file_name": "a.mp4", "caption": ["one", " one ", "eins"]}, "broken", {"caption": "nothing"}]
    (tmp_path / "train/metadata.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n{\n\n")
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "test\\\\b.mp4", "caption": 2}')
    found = scan(tmp_path, CONFIG)
    assert captions(found) == {"train/a.mp4": ("one", "eins"), "test/b.mp4": ("2",)}
    assert [one.file for one in found.rejected] == [f"train/metadata.jsonl, row {row}" for row in (2, 3, 4)]


def test_datasets_of_hugging_face_reads_the_same_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    folder_of(tmp_path / "videos", "a.mp4", "b/c.mp4")
    (tmp_path / "videos/metadata.csv").write_text("file_name,caption\na.mp4,one\nb/c.mp4,two\n")
    loaded = datasets.load_dataset("videofolder", data_dir=str(tmp_path / "videos"), cache_dir=str(tmp_path / "cache"))
    theirs = loaded["train"].cast_column("video", datasets.Video(decode=False))
    assert sorted(theirs["caption"]) == sorted(text for (text,) in captions(scan(tmp_path / "videos", CONFIG)).values())


def test_each_line_of_a_text_file_is_a_caption(tmp_path: Path) -> None:
    folder_of(tmp_path, "a.mp4", "b.webm", "c.mp4")
    (tmp_path / "a.txt").write_bytes("\ufeffone\r\n\r\nzwölf\r\n".encode())
    (tmp_path / "b.txt").write_text("two")
    (tmp_path / "c.txt").write_bytes(b"\xff\xfe")
    found = scan(tmp_path, CONFIG)
    assert captions(found) == {"a.mp4": ("one", "zwölf"), "b.webm": ("two",)}
    assert found.rejected == (Rejected("c.mp4", "no caption", "has a text file that is not UTF-8. Save it as UTF-8."),)


def test_names_with_accents_are_found_however_they_are_stored(tmp_path: Path) -> None:
    folder_of(tmp_path, "cafe\u0301.mp4")
    (tmp_path / "metadata.csv").write_text("file_name,caption\ncaf\u00e9.mp4,one\n", encoding="utf-8")
    assert captions(scan(tmp_path, CONFIG)) == {"cafe\u0301.mp4": ("one",)}


def test_columns_can_be_named_and_splits_be_given(tmp_path: Path) -> None:
    folder_of(tmp_path, "a.mp4", "b.mp4", "c.mp4")
    (tmp_path / "metadata.csv").write_text(
        "file_name,caption,german,part\na.mp4,one,eins,TRAIN\nb.mp4,two,zwei,val\nc.mp4,three,drei,test\nc.mp4,x,y,train\n"
    )
    found = scan(tmp_path, ImportConfig(caption_column="german", split_column="part"))
    assert [(item.captions, item.split) for item in found.items] == [(("eins",), "train"), (("zwei",), "validation")]
    assert "stands in test and train" in found.rejected[0].reason


@pytest.mark.parametrize(
    ("table", "config", "message"),
    [
        (b"name,caption\na.mp4,one\n", {}, r"metadata\.csv has no column file_name; it has name, caption\. Add"),
        (
            b"file_name,a,b\na.mp4,1,2\n",
            {},
            r"no column caption or text or prompt; it has a, b\. Say with caption_column",
        ),
        (b"file_name\na.mp4\n", {}, "no column caption or text or prompt"),
        (b"file_name,caption\na.mp4,1\n", {"caption_column": "x"}, "no column x; it has caption"),
        (b"file_name,caption\na.mp4,1\n", {"split_column": "x"}, "no column x; it has file_name, caption"),
        (b"file_name,caption\n", {}, "holds no rows"),
        (b"", {}, "holds no rows"),
        ("file_name,caption\na.mp4,zwölf\n".encode("latin-1"), {}, r"is not UTF-8 \(byte 26\)\. Save it as UTF-8"),
        ("file_name,caption\na.mp4,one\n".encode("utf-16"), {}, "is not UTF-8"),
    ],
)
def test_a_table_that_cannot_be_used_is_a_clear_error(
    tmp_path: Path, table: bytes, config: dict[str, str], message: str
) -> None:
    folder_of(tmp_path, "a.mp4")
    (tmp_path / "metadata.csv").write_bytes(table)
    with pytest.raises(ImportFolderError, match=message):
        scan(tmp_path, ImportConfig(**config))  # type: ignore[arg-type]


def test_a_source_that_holds_nothing_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ImportFolderError, match="holds no videos"):
        scan(tmp_path, CONFIG)
    with pytest.raises(ImportFolderError, match="does not exist"):
        scan(tmp_path / "nowhere", CONFIG)
    (tmp_path / "broken.tar").write_bytes(b"no tar")
    with pytest.raises(ImportFolderError, match="cannot be read as a tar file"):
        scan(tmp_path / "broken.tar", CONFIG)


def test_a_caption_with_commas_needs_quotation_marks(tmp_path: Path) -> None:
    folder_of(tmp_path, "a.mp4", "b.mp4")
    (tmp_path / "metadata.csv").write_text('file_name,caption\na.mp4,red, moving\nb.mp4,"red, moving"\n')
    found = scan(tmp_path, CONFIG)
    assert captions(found) == {"b.mp4": ("red, moving",)}
    assert "quotation marks" in found.rejected[0].reason


def test_tars_are_read_where_they_are(tmp_path: Path) -> None:
    import webdataset

    pattern = str(tmp_path / "shards" / "%05d.tar")
    (tmp_path / "shards").mkdir()
    with webdataset.ShardWriter(pattern, maxcount=2) as writer:
        for number, video in enumerate(VIDEOS):
            sample = {"__key__": f"{number:09d}", "mp4": video, "json": {"caption": f"json {number}", "lang": "en"}}
            writer.write(sample | ({"txt": f"text {number}"} if number % 2 else {}))
    found = scan(tmp_path / "shards", CONFIG)
    assert captions(found) == {
        "00000.tar/000000000.mp4": ("json 0",),
        "00000.tar/000000001.mp4": ("text 1",),
        "00001.tar/000000002.mp4": ("json 2",),
        "00001.tar/000000003.mp4": ("text 3",),
    }
    assert_shows(found, FRAMES)
    one = scan(tmp_path / "shards" / "00001.tar", ImportConfig(caption_column="caption"))
    assert captions(one) == {"00001.tar/000000002.mp4": ("json 2",), "00001.tar/000000003.mp4": ("json 3",)}
    assert_shows(one, FRAMES[2:])


def test_what_a_tar_lacks_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "part.tar"
    with tarfile.open(path, "w") as tar:
        for name, content in (
            ("0.json", json.dumps({"caption": "x", "error_message": "HTTP 404"}).encode()),
            ("1.mp4", VIDEOS[0]),
            ("../2.mp4", VIDEOS[1]),
            ("../2.txt", b"two"),
            ("3.mp4", VIDEOS[2]),
            ("3.json", b"{broken"),
            ("4.mp4", b""),
            ("4.txt", b"four"),
            ("5.txt", b"five"),
            ("5.mp4", VIDEOS[3]),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rindex(VIDEOS[3][-20:]) - 500])
    found = scan(path, CONFIG)
    assert captions(found) == {"part.tar/../2.mp4": ("two",), "part.tar/4.mp4": ("four",), "part.tar/5.mp4": ("five",)}
    reasons = {one.file: one.reason for one in found.rejected}
    assert "no video beside its .json (HTTP 404)" in reasons["part.tar/0"]
    assert "has no caption" in reasons["part.tar/1.mp4"]
    assert "JSON file that cannot be read" in reasons["part.tar/3.mp4"]
    results = list(import_batch(found.root, found.items, CONFIG))
    assert isinstance(results[0], ImportedVideo)
    assert "is empty" in str(results[1])
    assert f"of its {len(VIDEOS[3])} bytes" in str(results[2])
    assert sorted(tmp_path.parent.glob("2.mp4")) == [], "nothing is extracted"


def png(frame: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "PNG")
    return file.getvalue()


RAW = {"shape": json.dumps((12, 3, 64, 64)), "axes": "frame, channel (R, G, B), row, column"}
STRUCT = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


@pytest.mark.parametrize(
    ("field", "values"),
    [
        (pa.field("video", pa.binary()), VIDEOS),
        (pa.field("mp4", STRUCT), [{"bytes": video, "path": None} for video in VIDEOS]),
        (pa.field("frames", pa.list_(pa.binary())), [[png(frame) for frame in frames] for frames in FRAMES]),
        (pa.field("images", pa.list_(STRUCT)), [[{"bytes": png(one), "path": ""} for one in all] for all in FRAMES]),
        (
            pa.field("frames", pa.list_(pa.list_(pa.list_(pa.list_(pa.uint8(), 3))))),
            [frames.tolist() for frames in FRAMES],
        ),
        (pa.field("frames", pa.binary(), metadata=RAW), [all.transpose(0, 3, 1, 2).tobytes() for all in FRAMES]),
    ],
    ids=["videos", "structs", "pictures", "picture structs", "lists", "raw"],
)
def test_parquet_holds_videos_pictures_or_frames(tmp_path: Path, field: pa.Field, values: list[object]) -> None:
    texts = pa.array(["one", "two", None, "four"])
    table = pa.Table.from_arrays(
        [pa.array(values, field.type), texts], schema=pa.schema([field, pa.field("text", pa.string())])
    )
    pq.write_table(table, tmp_path / "part.parquet", row_group_size=2)
    found = scan(tmp_path / "part.parquet", CONFIG)
    assert captions(found) == {"part.parquet/0": ("one",), "part.parquet/1": ("two",), "part.parquet/3": ("four",)}
    assert [one.file for one in found.rejected] == ["part.parquet/2"]
    assert_shows(found, [FRAMES[0], FRAMES[1], FRAMES[3]])
    last = Scan(found.root, found.items[2:], (), 0)
    assert_shows(last, [FRAMES[3]])


def test_a_link_that_is_named_itself_is_followed(tmp_path: Path) -> None:
    blob = tmp_path / "blobs" / "4f1a"
    blob.parent.mkdir()
    pq.write_table(pa.table({"video": [encoded(moving_square())], "caption": ["a square"]}), blob)
    link = tmp_path / "snapshots" / "main" / "train.parquet"
    link.parent.mkdir(parents=True)
    link.symlink_to(blob)
    found = scan(link, ImportConfig())
    assert [item.captions for item in found.items] == [("a square",)]
    assert [type(one) for one in import_batch(found.root, found.items, ImportConfig())] == [ImportedVideo]


def test_a_bad_row_or_file_of_parquet_stops_nothing(tmp_path: Path) -> None:
    rows = {
        "video": pa.array([b"", None, VIDEOS[0]], pa.binary()),
        "caption": [["a"], ["b"], ["c", "d"]],
        "split": ["train", "test", "somewhere"],
    }
    pq.write_table(pa.table(rows), tmp_path / "rows.parquet")
    pq.write_table(pa.table({"caption": ["x"]}), tmp_path / "texts.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and so on")
    found = scan(tmp_path, CONFIG)
    assert [(one.file, one.kind) for one in found.rejected] == [
        ("broken.parquet", "damaged"),
        ("texts.parquet", "no video"),
    ]
    empty, missing, good = import_batch(found.root, found.items, CONFIG)
    assert isinstance(empty, Rejected)
    assert "is empty" in empty.reason
    assert isinstance(missing, Rejected)
    assert "no video in its row" in missing.reason
    assert isinstance(good, ImportedVideo)
    assert good.item.captions == ("c", "d")
    refused = scan(tmp_path, ImportConfig(split_column="split")).rejected
    assert "has the split 'somewhere'" in next(one.reason for one in refused if one.file == "rows.parquet/2")


def test_items_survive_json_and_keep_their_order(tmp_path: Path) -> None:
    folder_of(tmp_path, "b.mp4", "a/c.mp4", "a.mp4")
    (tmp_path / "metadata.csv").write_text("file_name,caption\nb.mp4,2\na/c.mp4,3\na.mp4,1\n")
    items = scan(tmp_path, CONFIG).items
    assert [item.file for item in items] == ["a.mp4", "a/c.mp4", "b.mp4"]
    assert TypeAdapter(tuple[Item, ...]).validate_json(json.dumps([asdict(item) for item in items])) == items


def test_an_item_that_was_tampered_with_reads_nothing_outside(tmp_path: Path) -> None:
    folder_of(tmp_path, "outside.mp4", "videos/a.mp4")
    for file in ("../outside.mp4", str(tmp_path / "outside.mp4")):
        (result,) = import_batch(tmp_path / "videos", [Item(file, ("x",))], CONFIG)
        assert isinstance(result, Rejected)
        assert result.kind == "outside the folder"
