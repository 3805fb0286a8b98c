"""The whole pipeline on a tiny world, on a real Prefect server and MLflow store: what is done, and done again."""

from pathlib import Path

import pytest
from artifacts import newest_artifact
from tiny import tiny_config

from data.home import Home
from evaluation.config import EvaluationConfig
from flows.evaluate import evaluate
from flows.pipeline import PipelineResult, pipeline
from models.checkpoint import checkpoint_digest
from tracking.promotion import promote
from tracking.versions import list_versions

ALL = {"dataset": True, "train": True, "evaluate": True}


@pytest.fixture(scope="module")
def first(shared_home: Home) -> PipelineResult:
    return pipeline(tiny_config())


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_the_first_run_does_everything_but_a_model_that_draws_nothing_right_is_no_champion(first, shared_home):
    assert first.cached == {"dataset": False, "train": False, "evaluate": False}
    assert first.report.tier("T1").joint.value == 0.0
    assert not first.promoted
    assert "0.0 %" in first.why
    assert first.model_version == "models:/flipbook/1"
    assert [row.aliases for row in list_versions(shared_home)] == [()]
    assert {tier.name for tier in first.report.tiers} == {"T0", "T1"}
    names = {path.suffix for path in first.evaluation_folder.rglob("*") if path.is_file()}
    assert {".json", ".md", ".mp4", ".gif", ".avi", ".png", ".npz"} <= names


def test_scores_and_videos_are_artifacts_of_the_run(first):
    videos, scores = newest_artifact("videos"), newest_artifact("scores")
    for prompt in ("circle moving left", "circle moving up-right"):
        assert f"![{prompt}](data:image/gif;base64," in videos
        assert prompt in scores
    assert "/#/experiments/" in videos


def test_a_second_run_does_nothing_again(first, shared_home):
    again = pipeline(tiny_config())
    assert again.cached == ALL
    assert again.report == first.report
    assert len(list_versions(shared_home)) == 1


def test_another_evaluation_seed_only_evaluates(first):
    other = pipeline(tiny_config(evaluation={"seed": 99}))
    assert other.cached == ALL | {"evaluate": False}
    assert other.evaluation_folder != first.evaluation_folder


def test_another_learning_rate_trains_and_evaluates(first, shared_home):
    other = pipeline(tiny_config(train={"learning_rate": 5e-4}))
    assert other.cached == {"dataset": True, "train": False, "evaluate": False}
    assert other.checkpoint_folder != first.checkpoint_folder
    assert other.model_version != first.model_version


@pytest.mark.parametrize("damage", [flip_a_byte, Path.unlink], ids=["flipped byte", "deleted"])
def test_a_lost_shard_is_made_again_and_nothing_else(first, damage):
    damage(next(first.dataset_folder.glob("*.parquet")))
    assert pipeline(tiny_config()).cached == ALL | {"dataset": False}
    assert pipeline(tiny_config()).cached == ALL


def test_damaged_weights_are_trained_again_to_the_same_model(first, shared_home):
    digest = checkpoint_digest(first.checkpoint_folder)
    flip_a_byte(first.checkpoint_folder / "generator.safetensors")
    again = pipeline(tiny_config())
    assert again.cached == ALL | {"train": False}
    assert checkpoint_digest(again.checkpoint_folder) == digest
    assert again.model_version == first.model_version


def test_a_lost_video_is_made_again(first):
    next(first.evaluation_folder.rglob("*.mp4")).unlink()
    assert pipeline(tiny_config()).cached == ALL | {"evaluate": False}


def test_evaluating_a_version_by_name_trains_nothing_and_shares_the_cache(first, shared_home):
    config = tiny_config().evaluation
    named = evaluate(first.model_version, config)
    assert named.cached
    assert named.report == first.report
    promote(shared_home, 1, even_if_not_better=True)
    other = evaluate("models:/flipbook@champion", EvaluationConfig(**config.model_dump() | {"seed": 5}))
    assert not other.cached
    assert other.model_ref == first.model_version


def test_evaluating_a_checkpoint_by_its_path_needs_no_registry(first):
    result = evaluate(str(first.checkpoint_folder), tiny_config().evaluation)
    assert result.cached
    assert result.evaluation_folder == first.evaluation_folder


def test_a_model_that_another_mlflow_store_does_not_know_is_registered_there_without_training(
    first, shared_home, monkeypatch
):
    weights = first.checkpoint_folder / "generator.safetensors"
    written = weights.stat().st_mtime_ns
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{shared_home.root / 'other.db'}")
    again = pipeline(tiny_config())
    assert again.model_version == "models:/flipbook/1"
    assert weights.stat().st_mtime_ns == written
