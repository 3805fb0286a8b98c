"""Files of a home that are damaged at random: their content is made again, and never used.

FLIPBOOK_TEST_EXAMPLES=200 python -m pytest tests/flows/test_damaged_home.py      tries more of them
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, example, given, note, settings
from hypothesis import strategies as st
from mlflow_server import MlflowServer
from tiny import tiny_config

from data.home import Home
from data.worlds.world import WorldConfig
from flows.evaluate import evaluate
from flows.pipeline import PipelineResult, pipeline
from flows.train import train
from models.checkpoint import INFO_FILE, WEIGHTS_FILE, checkpoint_digest
from tracking.model_reference import resolve_model

EXAMPLES = int(os.environ.get("FLIPBOOK_TEST_EXAMPLES", "8"))
CONFIG = tiny_config(train={"checkpoint_seconds": 0.0})
DAMAGED_FOLDERS = ("datasets", "checkpoints", "evaluations")


@dataclass(frozen=True)
class Truncated:
    """Only the first part of the file is left."""

    share: float

    def apply(self, content: bytes, _other: bytes) -> bytes | None:
        return content[: int(self.share * len(content))]


@dataclass(frozen=True)
class Flipped:
    """One bit of the file is changed."""

    share: float
    bit: int

    def apply(self, content: bytes, _other: bytes) -> bytes | None:
        if not content:
            return b"\0"
        place = min(int(self.share * len(content)), len(content) - 1)
        return content[:place] + bytes([content[place] ^ (1 << self.bit)]) + content[place + 1 :]


@dataclass(frozen=True)
class Deleted:
    """The file is gone."""

    def apply(self, _content: bytes, _other: bytes) -> bytes | None:
        return None


@dataclass(frozen=True)
class Replaced:
    """The file has the content of another file of the home."""

    def apply(self, _content: bytes, other: bytes) -> bytes | None:
        return other


SHARES = st.floats(min_value=0, max_value=1, exclude_max=True)
DAMAGES = st.one_of(
    st.builds(Truncated, SHARES), st.builds(Flipped, SHARES, st.integers(0, 7)), st.just(Deleted()), st.just(Replaced())
)
BLOWS = st.lists(  # folder, number of the file in it, damage, number of the file in the same folder that may replace it
    st.tuples(st.sampled_from(DAMAGED_FOLDERS), st.integers(0, 1000), DAMAGES, st.integers(0, 1000)),
    min_size=1,
    max_size=6,
)


@dataclass(frozen=True)
class Sound:
    """A home after an undisturbed run, and a copy of it."""

    home: Home
    copy: Path
    result: PipelineResult
    digest: str

    def restore(self) -> None:
        """Makes the home as it was, except for MLflow's database, which is in use."""
        for name in DAMAGED_FOLDERS:
            shutil.rmtree(self.home.root / name)
            shutil.copytree(self.copy / name, self.home.root / name)

    def files(self, folder: str) -> list[Path]:
        """What may be damaged there, relative to the home."""
        return sorted(path.relative_to(self.copy) for path in (self.copy / folder).rglob("*") if path.is_file())

    @property
    def products(self) -> dict[Path, bytes]:
        """All that a run uses: shards, manifest, the final weights, report and videos."""
        final = self.result.checkpoint_folder
        found = [final / "checkpoint.json", final / "generator.safetensors"]
        for folder in (self.result.dataset_folder, self.result.evaluation_folder):
            found += [path for path in folder.rglob("*") if path.is_file()]
        return {path: path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def sound(shared_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Sound:
    result = pipeline(CONFIG)
    copy = tmp_path_factory.mktemp("copy") / "home"
    shutil.copytree(shared_home.root, copy)
    return Sound(shared_home, copy, result, checkpoint_digest(result.checkpoint_folder))


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),  # each example is a run of a pipeline: to shrink one takes too long
)
@given(blows=BLOWS)
@example(blows=[("datasets", 0, Replaced(), 1)])  # one shard by another
@example(blows=[("evaluations", 0, Deleted(), 0)])  # the manifest of an evaluation
def test_whatever_is_damaged_is_made_again_to_the_same_result(sound: Sound, blows):
    sound.restore()
    expected = sound.products
    for folder, which, damage, other in blows:
        files = sound.files(folder)
        damaged, other_file = files[which % len(files)], files[other % len(files)]
        path = sound.home.root / damaged
        before = path.read_bytes() if path.exists() else b""
        content = damage.apply(before, (sound.copy / other_file).read_bytes())
        note(f"{damaged}: {damage} {other_file}")
        if content is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(content)
    again = pipeline(CONFIG)
    assert again.report == sound.result.report
    assert again.model_version == sound.result.model_version
    assert checkpoint_digest(again.checkpoint_folder) == sound.digest
    found = sound.products
    assert found.keys() == expected.keys()
    assert [path.name for path in expected if found[path] != expected[path]] == []


def test_a_model_beside_a_damaged_data_set_is_evaluated_without_it(sound: Sound):
    sound.restore()
    (shard, *_) = sorted(sound.result.dataset_folder.glob("*.parquet"))
    shard.write_bytes(b"?")
    report = evaluate(str(sound.result.checkpoint_folder), evaluation=CONFIG.evaluation).report
    assert report.tier("T0").generated == sound.result.report.tier("T0").generated
    assert report.tier("T0").memorisation is None


def test_a_damaged_file_beside_intact_weights_is_made_again(prefect_api, home):
    world = WorldConfig(laws="tutorial")
    own = tiny_config(model={"network": "tutorial"}, train={"checkpoint_seconds": 0.0})
    first = train(world, own.data, own.model, own.train)
    (export,) = home.checkpoints.glob("*/final/generator.pth")
    whole = export.read_bytes()
    export.write_bytes(whole[:-1] + b"?")
    assert train(world, own.data, own.model, own.train).digest == first.digest
    assert export.read_bytes() == whole


def test_a_damaged_copy_of_a_served_model_is_fetched_again(prefect_api, home, databases, tmp_path, monkeypatch):
    with MlflowServer(tmp_path / "server", database=databases / "mlflow.db") as server:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
        version = train(CONFIG.world, CONFIG.data, CONFIG.model, CONFIG.train)
        fetched = resolve_model(home, version.ref)
        assert fetched.checkpoint.parent == home.models
        weights, other = fetched.checkpoint / WEIGHTS_FILE, fetched.checkpoint / INFO_FILE
        whole = weights.read_bytes()
        for damage in (Flipped(0.5, 3), Truncated(0.2), Deleted()):
            damaged = damage.apply(whole, b"")
            weights.unlink()
            if damaged is not None:
                weights.write_bytes(damaged)
            assert resolve_model(home, version.ref) == fetched
            assert weights.read_bytes() == whole
        other.unlink()
        assert resolve_model(home, version.ref).digest == version.digest
        assert [path.name for path in home.models.iterdir()] == [fetched.checkpoint.name]
