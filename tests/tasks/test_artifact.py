"""The identity of artifacts, and the manifest that says whether one exists."""

import shutil
from pathlib import Path

import pytest

from data.home import Home
from data.shards.config import DataConfig
from tasks.cache.artifact import MANIFEST, Artifact

CODE = ["data.files"]


def artifact(**changes: object) -> Artifact:
    parts: dict[str, object] = {"config": {"data": DataConfig()}, "inputs": ["a"], "code": CODE}
    return Artifact.of("evaluation", **parts | changes)  # type: ignore[arg-type]


@pytest.fixture
def made(tmp_path: Path) -> tuple[Home, Artifact]:
    """An artifact of two files in a home."""
    home = Home.at(tmp_path / "home").create()
    (tmp_path / "made" / "videos").mkdir(parents=True)
    (tmp_path / "made" / "report.json").write_text("{}")
    (tmp_path / "made" / "videos" / "a.gif").write_bytes(b"GIF89a")
    found = artifact()
    found.install(home, tmp_path / "made")
    return home, found


def test_equal_parts_give_equal_digests_and_each_part_counts():
    assert artifact() == artifact()
    others = [
        artifact(config={"data": DataConfig(seed=1)}),
        artifact(inputs=["b"]),
        artifact(code=["data.selection"]),
        Artifact.of("curve", config={"data": DataConfig()}, inputs=["a"], code=CODE),
    ]
    assert len({artifact().digest, *(other.digest for other in others)}) == 5


def test_a_value_whose_identity_is_not_certain_is_refused():
    with pytest.raises(TypeError):
        artifact(config={"data": {1, 2}})


def test_an_artifact_exists_once_its_manifest_is_written(made):
    home, found = made
    assert found.is_whole(home)
    (found.folder(home) / MANIFEST).unlink()
    assert not found.is_whole(home)


@pytest.mark.parametrize("name", ["report.json", "videos/a.gif"])
@pytest.mark.parametrize("damage", ["deleted", "shorter", "same length"])
def test_a_missing_or_damaged_file_is_noticed_and_named(made, name, damage, caplog):
    home, found = made
    path = found.folder(home) / name
    content = path.read_bytes()
    path.unlink()
    if damage != "deleted":
        path.write_bytes(content[:-1] if damage == "shorter" else content[:-1] + b"?")
    assert not found.is_whole(home)
    assert name in caplog.text


def test_a_manifest_of_another_artifact_or_none_at_all_does_not_count(made):
    home, found = made
    other = artifact(inputs=["b"])
    shutil.copytree(found.folder(home), other.folder(home))
    assert not other.is_whole(home)
    (found.folder(home) / MANIFEST).write_text("not JSON")
    assert not found.is_whole(home)


def test_a_moved_or_copied_home_still_has_its_artifacts(made, tmp_path):
    home, found = made
    shutil.copytree(home.root, tmp_path / "copy")
    home.root.rename(tmp_path / "moved")
    assert found.is_whole(Home.at(tmp_path / "copy"))
    assert found.is_whole(Home.at(tmp_path / "moved"))
    written = [path.read_bytes() for path in (tmp_path / "moved").rglob("*") if path.is_file()]
    assert not any(str(home.root).encode() in content for content in written)


def test_a_home_is_a_folder_and_no_url():
    with pytest.raises(OSError, match="s3://bucket/home is a URL"):
        Home.at("s3://bucket/home")
