"""Comparisons in a real MLflow store: what is known of the models, and what is recorded, once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from data.home import Home
from evaluation.comparison.page import comparison_page
from evaluation.comparison.two_models import Comparison, ComparisonError
from evaluation.report import EvaluationReport
from evaluation.scoring.rates import difference_interval
from models.checkpoint import read_info, save_checkpoint
from tracking.model_reference import ResolvedModel, resolve_model
from tracking.promotion import promote
from tracking.results.comparison import PAGE, compared_model, opponent_of, record_comparison, resolve_pair
from tracking.results.evaluation import attach_evaluation
from tracking.store import EXPERIMENT, open_store
from tracking.versions import MODEL_ID_TAG, ModelVersion

Reports = tuple[EvaluationReport, EvaluationReport]


@pytest.fixture
def versions(registered: Callable[..., ModelVersion]) -> tuple[ModelVersion, ModelVersion]:
    return registered(seed=0), registered(seed=1)


@pytest.fixture
def models(home: Home, versions: tuple[ModelVersion, ModelVersion]) -> tuple[ResolvedModel, ResolvedModel]:
    return resolve_pair(home, versions[0].ref, versions[1].ref)


@pytest.fixture
def reports(make_report: Callable[..., EvaluationReport]) -> Reports:
    return make_report(seen=0.90, held_out=0.50), make_report(seen=0.95, held_out=0.75)


@pytest.fixture
def put_down(home: Home, reports: Reports):
    """Record the comparison of two models, and give the id of its run."""

    def put(models: tuple[ResolvedModel, ResolvedModel], reports: Reports = reports) -> str:
        sides = (
            compared_model(home, model, report=report, videos=home.evaluations / "none")
            for model, report in zip(models, reports, strict=True)
        )
        comparison = Comparison(*sides)
        return record_comparison(home, comparison, models=models, page=comparison_page(comparison))

    return put


def comparisons_in(home: Home) -> list[str]:
    client = open_store(home)
    experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
    runs = client.search_runs([experiment], "tags.`flipbook.comparison_digest` != ''")
    return [run.info.run_id for run in runs]


def test_the_run_names_both_versions_and_is_tied_to_their_models(home, put_down, models):
    client = open_store(home)
    run = client.get_run(put_down(models))
    assert run.info.run_name == "compare-v1-v2"
    assert run.info.status == "FINISHED"
    assert run.data.tags["flipbook.model_a"] == "models:/flipbook/1"
    assert run.data.tags["flipbook.model_b"] == "models:/flipbook/2"
    assert run.data.tags["mlflow.source.name"] == "flipbook compare"
    assert run.data.tags["mlflow.note.content"].startswith("B (version 2) is better")
    logged = {client.get_model_version("flipbook", str(version)).tags[MODEL_ID_TAG] for version in (1, 2)}
    assert {item.model_id for item in run.inputs.model_inputs} == logged


def test_its_metrics_are_the_differences_of_each_tier(home, put_down, models, reports):
    metrics = open_store(home).get_run(put_down(models)).data.metrics
    a, b = (report.tier("T1") for report in reports)
    assert metrics["T1/joint_exact_difference"] == pytest.approx(b.joint.value - a.joint.value)
    low, high = difference_interval(b.joint, a.joint)
    assert metrics["T1/joint_exact_difference_low"] == pytest.approx(low)
    assert metrics["T1/joint_exact_difference_high"] == pytest.approx(high)
    assert metrics["T0/rmse_px_difference"] == 0
    assert "T0/cosine_difference" not in metrics  # neither model has one


def test_its_artifact_is_the_page(home, put_down, models, tmp_path):
    run_id = put_down(models)
    client = open_store(home)
    assert [file.path for file in client.list_artifacts(run_id)] == [PAGE]
    page = Path(client.download_artifacts(run_id, PAGE, str(tmp_path))).read_text(encoding="utf-8")
    assert page.lstrip().startswith("<!doctype html>")
    assert "models:/flipbook/2" in page


def test_the_same_comparison_is_recorded_once_and_another_beside_it(home, put_down, models, reports, make_report):
    first = put_down(models)
    assert put_down(models) == first
    assert comparisons_in(home) == [first]
    turned = put_down(models[::-1], reports[::-1])
    rescored = put_down(models, (reports[0], make_report(seen=0.95, held_out=0.80)))
    assert len({first, turned, rescored}) == 3
    assert len(comparisons_in(home)) == 3


def test_a_record_that_was_begun_is_completed_without_a_double(home, put_down, models, monkeypatch):
    from mlflow import MlflowClient

    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(MlflowClient, "log_text", full)
        with pytest.raises(OSError, match="No space left"):
            put_down(models)
    (begun,) = comparisons_in(home)
    assert put_down(models) == begun
    client = open_store(home)
    assert client.get_run(begun).info.status == "FINISHED"
    assert len(client.get_metric_history(begun, "T1/joint_exact_difference")) == 1
    assert len(client.get_run(begun).inputs.model_inputs) == 2
    assert [file.path for file in client.list_artifacts(begun)] == [PAGE]


def test_a_checkpoint_that_nobody_logged_is_compared_and_tied_to_nothing(home, put_down, versions, make_checkpoint):
    elsewhere = make_checkpoint(home.root / "elsewhere", seed=9)
    models = resolve_pair(home, versions[0].ref, str(elsewhere))
    run = open_store(home).get_run(put_down(models))
    assert run.info.run_name == f"compare-v1-{models[1].digest[:8]}"
    assert len(run.inputs.model_inputs) == 1


def test_a_registered_checkpoint_named_by_its_path_is_tied_to_its_model(home, put_down, versions, checkpoint_of):
    models = resolve_pair(home, versions[0].ref, str(checkpoint_of(versions[1])))
    assert models[1].version is None
    assert len(open_store(home).get_run(put_down(models)).inputs.model_inputs) == 2


def test_what_is_known_of_a_version_says_its_training_and_its_standing(home, models, reports, world):
    folder = home.evaluations / "some"
    folder.mkdir()
    for version, report in zip((1, 2), reports, strict=True):
        attach_evaluation(
            home,
            version=version,
            report=report,
            trained_on=world.fingerprint,
            folder=folder,
            evaluation_digest=f"{version}" * 64,
        )
        promote(home, version)
    first, second = (
        compared_model(home, model, report=report, videos=home.evaluations)
        for model, report in zip(models, reports, strict=True)
    )
    assert (first.name, second.name) == ("version 1", "version 2")
    assert second.facts["Alias"] == "champion"
    assert second.facts["Standing"].startswith("promoted: held-out joint exact 75.0 %")
    assert first.facts["Alias"] == "none"
    assert first.facts["Standing"].startswith("was the champion until version 2")
    assert (first.facts["Seed"], second.facts["Seed"]) == ("0", "1")
    assert first.facts["Training steps"] == "40"
    assert first.facts["Data set"] == "f" * 16
    assert Comparison(first, second).settings == [("train.seed", "0", "1")]


def test_of_a_path_only_what_the_checkpoint_says_is_known(home, make_checkpoint, reports):
    model = resolve_model(home, str(make_checkpoint(home.root / "elsewhere", seed=9)))
    found = compared_model(home, model, report=reports[0], videos=home.evaluations)
    assert found.name == f"checkpoint {model.digest[:8]}" == f"checkpoint {model.short_name}"
    assert found.facts["Alias"] == "not registered"
    assert found.facts["Seed"] == "unknown"
    assert {key.split(".")[0] for key in found.params} == {"world", "model"}


def test_a_model_is_not_compared_with_itself(home, versions, checkpoint_of):
    with pytest.raises(ComparisonError, match=r"same checkpoint.*Name two different models"):
        resolve_pair(home, versions[0].ref, str(checkpoint_of(versions[0])))


def test_models_of_different_worlds_are_refused_before_anything_is_evaluated(home, versions, make_checkpoint):
    from models.checkpoint import load_checkpoint

    source = make_checkpoint(home.root / "source", seed=9)
    loaded = load_checkpoint(source)
    world = read_info(source).subject.model_copy(update={"fps": 25})
    other = save_checkpoint(
        home.root / "other",
        weights=loaded.weights,
        state={},
        subject=world,
        model=loaded.info.model,
        step=1,
        dataset_digest="f",
    )
    with pytest.raises(ComparisonError, match="a world with fps = 10, B for one with 25"):
        resolve_pair(home, versions[0].ref, str(other))


def test_the_opponent_is_the_champion_or_its_predecessor_or_the_newest_other_version(home, registered):
    client = open_store(home)
    registered(seed=0)
    assert opponent_of(home, resolve_model(home, "models:/flipbook/latest")) is None
    registered(seed=1)
    latest = registered(seed=2).ref
    assert opponent_of(home, resolve_model(home, latest)) == "models:/flipbook/2"
    client.set_registered_model_alias("flipbook", "champion", "1")
    assert opponent_of(home, resolve_model(home, latest)) == "models:/flipbook/1"
    client.set_registered_model_alias("flipbook", "champion", "3")
    assert opponent_of(home, resolve_model(home, latest)) == "models:/flipbook/2"
    client.set_model_version_tag("flipbook", "1", "promotion", "was the champion until version 3: it is better")
    assert opponent_of(home, resolve_model(home, "models:/flipbook@champion")) == "models:/flipbook/1"
