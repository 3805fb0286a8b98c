"""Versions of the model in a real registry: registered, evaluated, promoted."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data.home import Home
from data.worlds.world import WorldConfig
from evaluation.report import EvaluationReport
from models.checkpoint import checkpoint_digest
from models.sampling import TextToVideo
from tracking.promotion import promote
from tracking.results.evaluation import AttachedEvaluation, attach_evaluation
from tracking.store import open_store, tracking_uri
from tracking.versions import ModelVersion, list_versions, register_version

PROMPTS = ["circle moving down", "circle shrinking"]
RENDER = f"""
import sys, mlflow, numpy as np
mlflow.set_tracking_uri(sys.argv[1])
for number, ref in enumerate(sys.argv[2:]):
    frames = mlflow.pyfunc.load_model(ref).predict({PROMPTS}, params={{"seed": 7}})
    np.save(f"{{number}}.npy", frames)
import models.sampling
assert "/code/" in models.sampling.__file__, models.sampling.__file__
"""


def champion(home: Home) -> list[int]:
    return [row.version for row in list_versions(home) if "champion" in row.aliases]


def version_tags(home: Home, version: ModelVersion) -> dict[str, str]:
    return open_store(home).get_model_version("flipbook", str(version.version)).tags


def test_a_home_without_versions_lists_none(home):
    assert list_versions(home) == []


def test_a_checkpoint_is_registered_once(home, registered, make_run, checkpoint_of):
    first = registered(seed=0)
    again = register_version(
        home, run_id=make_run(), checkpoint=checkpoint_of(first), digest=checkpoint_digest(checkpoint_of(first))
    )
    other = registered(seed=1)
    assert again == first
    assert (first.version, other.version) == (1, 2)
    assert [row.version for row in list_versions(home)] == [2, 1]


def test_a_version_explains_itself(home, registered):
    version = registered(seed=0)
    found = open_store(home).get_model_version("flipbook", "1")
    assert "models:/flipbook/1" in found.description
    assert found.tags["checkpoint_digest"] == version.digest
    assert found.tags["model_id"].startswith("m-")
    assert found.run_id == version.run_id
    (row,) = list_versions(home)
    assert row.step == int(found.tags["training_step"])
    assert row.joint == {}
    assert row.promotion == ""


def test_nothing_in_the_logged_model_is_pickled(home, registered):
    registered(seed=0)
    (model,) = (home.root / "mlartifacts" / "flipbook" / "models").iterdir()
    names = {path.relative_to(model / "artifacts").as_posix() for path in model.rglob("*") if path.is_file()}
    assert {"MLmodel", "artifacts/generator.safetensors", "artifacts/checkpoint.json", "pyfunc_model.py"} <= names
    assert {Path(name).suffix for name in names} <= {"", ".py", ".json", ".yaml", ".txt", ".gz", ".safetensors"}


def test_a_fresh_process_renders_the_same_video_with_pickle_forbidden(home, registered, checkpoint_of, tmp_path):
    version = registered(seed=0)
    environment = os.environ | {"MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    refs = ["models:/flipbook/1", f"runs:/{version.run_id}/model"]
    arguments = [sys.executable, "-c", RENDER, tracking_uri(home), *refs]
    subprocess.run(arguments, cwd=tmp_path, env=environment, check=True, timeout=120)
    expected = TextToVideo.load(checkpoint_of(version)).generate(PROMPTS, seed=7)
    for number in range(len(refs)):
        assert np.array_equal(np.load(tmp_path / f"{number}.npy"), expected)


def test_an_evaluation_is_attached_once(home, registered, make_report, report_folder, world):
    version = registered(seed=0)
    report = make_report(seen=0.98, held_out=0.9)
    attached = {
        attach_evaluation(
            home,
            version=version.version,
            report=report,
            trained_on=world.fingerprint,
            folder=report_folder,
            evaluation_digest="e1" * 32,
        )
        for _ in range(2)
    }
    (only,) = attached
    assert only.left_out == ""
    run_id = only.run_id
    client = open_store(home)
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.parentRunId"] == version.run_id
    assert run.data.metrics["T0/joint_exact"] == pytest.approx(report.tier("T0").joint.value)
    assert [metric.step for metric in client.get_metric_history(run_id, "T1/joint_exact")] == [0]
    assert len(client.get_metric_history(version.run_id, "T1/joint_exact")) == 1
    files = {file.path for file in client.list_artifacts(run_id, "evaluation/videos")}
    assert files == {"evaluation/videos/a.gif"}
    model = client.get_logged_model(version_tags(home, version)["model_id"])
    on_model = {(metric.key, metric.dataset_name): metric.value for metric in model.metrics}
    assert on_model["T1/joint_exact", "flipbook-prompts-T1"] == pytest.approx(report.tier("T1").joint.value)
    (row,) = list_versions(home)
    assert row.joint["T0"] == pytest.approx(report.tier("T0").joint.value, abs=1e-4)
    description = client.get_model_version("flipbook", "1").description
    assert description.count("## Scores") == 1
    assert run_id in description


def test_another_evaluation_takes_the_place_of_the_scores(home, registered, make_report, report_folder, world):
    version = registered(seed=0)
    for digest, held_out in (("e1", 0.5), ("e2", 0.75)):
        report = make_report(seen=0.98, held_out=held_out)
        attach_evaluation(
            home,
            version=version.version,
            report=report,
            trained_on=world.fingerprint,
            folder=report_folder,
            evaluation_digest=digest * 32,
        )
    (row,) = list_versions(home)
    assert row.joint["T1"] == pytest.approx(0.75, abs=0.01)
    training = open_store(home).get_run(version.run_id)  # whose metrics MLflow's comparison of versions shows
    assert training.data.metrics["T1/joint_exact"] == pytest.approx(report.tier("T1").joint.value)
    assert open_store(home).get_model_version("flipbook", "1").description.count("## Scores") == 1


@pytest.fixture
def attached(home, world, report_folder):
    """Attach a report to a version of the world; every call is an evaluation of its own."""
    numbers = itertools.count()

    def attach(version: ModelVersion, report: EvaluationReport) -> AttachedEvaluation:
        digest = f"{next(numbers):064}"
        return attach_evaluation(
            home,
            version=version.version,
            report=report,
            trained_on=world.fingerprint,
            folder=report_folder,
            evaluation_digest=digest,
        )

    return attach


def page_of(home: Home, version: ModelVersion) -> tuple[object, ...]:
    """What stands on a version, and the scores on its training's run."""
    client = open_store(home)
    found = client.get_model_version("flipbook", str(version.version))
    metrics = client.get_run(version.run_id).data.metrics
    return dict(found.tags), found.description, {name: value for name, value in metrics.items() if "/joint" in name}


def test_an_evaluation_of_fewer_clips_is_recorded_and_changes_no_scores(home, registered, make_report, attached):
    version = registered(seed=0)
    assert attached(version, make_report(seen=0.9, held_out=0.8)).left_out == ""
    before = page_of(home, version)
    tried = attached(version, make_report(seen=1.0, held_out=1.0, clips=4))
    assert page_of(home, version) == before
    assert tried.left_out == (
        "The scores of version 1 stay as they are: they come from 1,152 clips of seen and 128 of held-out prompts, "
        "this evaluation from 72 clips of seen and 8 of held-out prompts."
    )
    run = open_store(home).get_run(tried.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics["T1/joint_exact"] == 1.0
    assert attached(version, make_report(seen=0.5, held_out=0.5, clips=128)).left_out == ""  # of more: they count
    assert list_versions(home)[0].joint["T1"] == 0.5


def test_an_evaluation_on_other_prompts_gives_a_version_no_scores(home, registered, make_report, attached, world):
    version = registered(seed=0)
    before = page_of(home, version)
    other = world.model_copy(update={"fps": 5})
    asked = attached(version, make_report(seen=1.0, held_out=1.0, clips=512, world=other))
    assert "another world or data set than the version's own" in asked.left_out
    assert page_of(home, version) == before
    attached(version, make_report(seen=0.5, held_out=0.5, clips=2))  # the first of its own, however small
    assert list_versions(home)[0].joint["T1"] == 0.5


def test_a_world_without_held_out_prompts_is_recorded_and_never_champion(
    home, make_run, make_checkpoint, make_report, report_folder, tmp_path
):
    world = WorldConfig(frame_size=32, frames=4, held_out=())
    folder = make_checkpoint(tmp_path / "final", world=world)
    register_version(home, run_id=make_run(), checkpoint=folder, digest=checkpoint_digest(folder))
    report = make_report(seen=0.5, held_out=0.0, world=world)
    for _ in range(2):
        attached = attach_evaluation(
            home,
            version=1,
            report=report,
            trained_on=world.fingerprint,
            folder=report_folder,
            evaluation_digest="e1" * 32,
        )
    assert attached.left_out == ""
    assert list_versions(home)[0].joint == {"T0": 0.5}
    judged = promote(home, 1)
    assert (judged.promoted, champion(home)) == (False, [])
    assert "no prompts were held out of its training" in judged.why
    assert promote(home, 1, even_if_not_better=True).promoted


@pytest.fixture
def judged(home, registered, make_report, report_folder, world):
    """Register, evaluate and try to promote a version with these scores."""

    def judge(seed: int, *, seen: float, held_out: float):
        version, report = registered(seed=seed), make_report(seen=seen, held_out=held_out)
        attach_evaluation(
            home,
            version=version.version,
            report=report,
            trained_on=world.fingerprint,
            folder=report_folder,
            evaluation_digest=f"e{seed}" * 32,
        )
        return version, promote(home, version.version)

    return judge


def test_the_first_version_becomes_champion_and_stays_it_when_asked_again(home, judged, make_report):
    version, promotion = judged(0, seen=0.5, held_out=0.3)
    assert promotion.promoted
    assert champion(home) == [1]
    again = promote(home, 1)
    assert again == promotion
    assert version_tags(home, version)["promotion"] == promotion.why


def test_a_model_that_draws_no_held_out_prompt_right_is_not_the_first_champion(home, judged):
    version, promotion = judged(0, seen=0.5, held_out=0.0)
    assert not promotion.promoted
    assert champion(home) == []
    assert version_tags(home, version)["promotion"] == promotion.why


def test_new_scores_of_a_version_change_its_standing_on_all_pages(home, judged, attached, make_report):
    judged(0, seen=0.9, held_out=0.9)
    loser, _ = judged(1, seen=0.9, held_out=0.5)
    attached(loser, make_report(seen=0.9, held_out=1.0))
    tags, page, _ = page_of(home, loser)
    words = "not compared with the champion since it was scored again"
    assert tags["promotion"] == list_versions(home)[0].promotion == words
    assert "Not compared with the champion since it was scored again." in page
    assert "not higher" not in page
    assert promote(home, loser.version).promoted


def test_a_better_version_takes_the_alias_and_the_old_one_says_so(home, judged):
    old, _ = judged(0, seen=0.97, held_out=0.9)
    new, promotion = judged(1, seen=0.97, held_out=0.97)
    assert promotion.promoted
    assert champion(home) == [2]
    assert "until version 2" in version_tags(home, old)["promotion"]
    assert "version 1" in version_tags(home, new)["promotion"]
    before = page_of(home, old)
    again = promote(home, old.version)  # as a pipeline does whose steps are all done already
    assert (again.promoted, again.why) == (False, before[0]["promotion"])
    assert page_of(home, old) == before


def test_a_worse_version_stays_registered_and_says_why_it_lost(home, judged):
    judged(0, seen=0.97, held_out=0.95)
    loser, promotion = judged(1, seen=0.99, held_out=0.9)
    assert not promotion.promoted
    assert champion(home) == [1]
    assert "not higher" in version_tags(home, loser)["promotion"]
    assert list_versions(home)[0].promotion == promotion.why


def test_a_version_that_forgets_seen_prompts_is_not_promoted(home, judged):
    judged(0, seen=0.98, held_out=0.9)
    _, promotion = judged(1, seen=0.9, held_out=1.0)
    assert not promotion.promoted
    assert "more than noise" in promotion.why


def test_a_champion_set_by_hand_without_scores_is_not_overruled(home, registered, judged):
    registered(seed=5)
    open_store(home).set_registered_model_alias("flipbook", "champion", "1")
    _, promotion = judged(0, seen=1.0, held_out=1.0)
    assert not promotion.promoted
    assert "flipbook evaluate --model models:/flipbook/1" in promotion.why


def test_the_standing_on_a_version_pools_all_held_out_prompts(home, judged):
    version, _ = judged(0, seen=0.75, held_out=0.5)
    standing = json.loads(version_tags(home, version)["standing"])
    assert (standing["seen"]["value"], standing["seen"]["n"]) == (0.75, 18 * 64)
    assert (standing["held_out"]["value"], standing["held_out"]["n"]) == (0.5, 2 * 64)
