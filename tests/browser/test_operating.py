"""Does in a browser what docs/operate.md describes: schedule, run, watch, compare, evaluate again.

The tests build on each other, and follow the order in which a person would work.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from data.reading.dataset import load_clips
from data.shards.manifest import write_manifest
from data.shards.shard import write_shard
from data.shards.sources import WorldSource
from data.worlds.world import HeldOut
from evaluation.captioned.config import CaptionedConfig
from evaluation.config import EvaluationConfig
from flows.config.pipeline import PipelineConfig
from flows.config.presets import PRESETS
from models.training.trainer import train
from tests.browser.camera import Camera
from tests.browser.mlflow_pages import MlflowPages
from tests.browser.prefect_pages import FlowRun, PrefectPages
from tests.browser.servers import Servers
from tests.data.importing.videos import folder_of_videos
from tests.flows.shell import flipbook
from tests.flows.tiny import tiny_config

# A world in which a model learns something within seconds, so that scores differ and pictures show balls that move.
TINY = tiny_config(
    world={"held_out": (HeldOut(tier="T1", phrase="moving up-right"), HeldOut(tier="T2", phrase="moving up"))},
    data={"clips": 300},
    model={"motion_width": 64, "discriminator_width": 64, "frame_discriminator_channels": 0},
    train={
        "steps": 800,
        "prompts_per_batch": 3,
        "clips_per_prompt": 4,
        "learning_rate": 3e-3,
        "ema_decay": 0.99,
        "log_every": 20,
        "sample_every": 200,
    },
    evaluation={"samples_seen": 16, "samples_held_out": 32, "samples_real": 16},
)
OWN_EVALUATION = EvaluationConfig(
    videos_per_prompt=1,
    frechet=False,
    captioned=CaptionedConfig(captions_per_split=4, clips_per_split=8, real_clips=8, matcher_steps=2, candidates=4),
)
HELD_OUT = ("circle moving up-right", "circle moving up")
PROMPTS = ("circle moving left", "circle moving right", "circle moving up-left", *HELD_OUT)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A less good model that was trained elsewhere, without Prefect and MLflow."""
    folder = tmp_path_factory.mktemp("elsewhere")
    world, data = TINY.world, TINY.data
    shards = [write_shard(folder / "data", world=world, data=data, shard=number) for number in range(data.shards)]
    write_manifest(folder / "data", source=WorldSource(world=world, data=data), shards=shards, digest="0" * 64)
    return train(
        clips=load_clips(folder / "data"),
        subject=world,
        model=TINY.model,
        train=TINY.train.model_copy(update={"steps": 100, "seed": 1}),
        folder=folder / "training",
        report=lambda _: None,
    )


@pytest.fixture(scope="module")
def run(prefect: PrefectPages, camera: Camera) -> FlowRun:
    """A completed run of the pipeline that was started in the form."""
    prefect.open_deployment("pipeline")
    prefect.open_tab("Description")
    camera.take("deployment")
    prefect.open_run_form("pipeline")
    prefect.name_run("a tiny world")
    camera.take("run-form", for_docs=True)
    prefect.fill_in_run(TINY)
    camera.take("run-form-filled-in")
    started = prefect.submit()
    assert prefect.follow_to_the_end() == "Completed"
    return started


@pytest.fixture(scope="module")
def scheduled(run: FlowRun, prefect: PrefectPages, camera: Camera) -> FlowRun:
    """The first run of a schedule that was added in the form. It runs the same pipeline again, soon."""
    dialog = prefect.open_schedule_form("pipeline")
    dialog.get_by_role("tab", name="Cron").click()
    value = dialog.get_by_role("textbox", name="Value")
    value.fill("0 6 * * 1-5")
    expect(dialog).to_contain_text("At 06:00 AM, Monday through Friday")
    camera.take("schedule-form", for_docs=True)
    soon = [datetime.now(UTC) + timedelta(seconds=seconds) for seconds in (80, 260)]  # a slow machine gets the second
    value.fill(f"{','.join(str(at.minute) for at in soon)} * * * *")
    prefect.fill_in_schedule(TINY)
    camera.take("schedule-form-filled-in")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    found = prefect.next_scheduled_run()
    camera.take("upcoming", for_docs=True)
    return found


@pytest.fixture(scope="module")
def registered(run: FlowRun, checkpoint: Path, servers: Servers) -> set[str]:
    """Register the checkpoint as version 2. Gives the ids of all earlier flow runs."""
    before = {found["id"] for found in servers.flow_runs()}
    done = flipbook("register", checkpoint, "--home", servers.home, "--note", "Trained on another machine.")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "models:/flipbook/2" in done.stdout
    return before


@pytest.fixture(scope="module")
def evaluated(registered: set[str], prefect: PrefectPages) -> FlowRun:
    """The completed run of `evaluate` that the registration has started."""
    started = prefect.open_newest_run("evaluate")
    assert prefect.follow_to_the_end() == "Completed"
    return started


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 60 videos with captions."""
    return folder_of_videos(tmp_path_factory.mktemp("own") / "clips", count=60)


@pytest.fixture(scope="module")
def imported(clips: Path, prefect: PrefectPages, camera: Camera) -> FlowRun:
    """A completed import that was started in the form."""
    prefect.open_run_form("import")
    prefect.name_run("own videos")
    prefect.fill_in("source", str(clips))
    camera.take("import-form")
    started = prefect.submit()
    assert prefect.follow_to_the_end() == "Completed"
    return started


@pytest.fixture(scope="module")
def own(evaluated: FlowRun, imported: FlowRun, prefect: PrefectPages, camera: Camera) -> FlowRun:
    """A completed run of `own` that was started in the form, with the data set that the page of the import names."""
    prefect.open_run(imported.id)
    prefect.open_artifact("dataset", run=imported.name)
    expect(prefect.page.get_by_role("main")).to_contain_text("with the data set")
    named = re.search(r"with the data set (\w+)", prefect.page.get_by_role("main").inner_text())
    assert named
    prefect.open_run_form("own")
    prefect.name_run("own model")
    prefect.fill_in("dataset", named[1])
    camera.take("own-form", for_docs=True)
    training = PRESETS["own"]().train.model_copy(update={"steps": 10, "prompts_per_batch": 4, "threads": 1})
    prefect.give_json("train", training.model_dump(mode="json"))
    prefect.give_json("evaluation", OWN_EVALUATION.model_dump(mode="json"))
    started = prefect.submit()
    assert prefect.follow_to_the_end() == "Completed"
    return started


def test_a_run_that_is_started_in_the_form_gets_what_was_filled_in_and_trains_on_a_gpu_worker(
    run: FlowRun, prefect: PrefectPages, servers: Servers, camera: Camera
) -> None:
    prefect.open_run(run.id)
    prefect.see_the_graph()
    camera.take("run", for_docs=True)
    runs = {found["id"]: found for found in servers.flow_runs()}
    assert PipelineConfig.model_validate(runs[run.id]["parameters"]["config"]) == TINY
    (training,) = servers.runs_of("train")
    assert training["parent_task_run_id"]
    prefect.open_subflow_run(training["name"])
    assert prefect.follow_to_the_end() == "Completed"
    expect(prefect.page.get_by_role("log")).to_contain_text(f"train: 0 of {TINY.train.steps}")
    camera.take("training")


def test_the_artifacts_of_a_run_show_every_prompt_moving_and_the_held_out_one_first(
    run: FlowRun, prefect: PrefectPages, camera: Camera
) -> None:
    prefect.open_run(run.id)
    prefect.open_artifact("videos", run=run.name)
    frames = prefect.moving_pictures()
    camera.take("videos", for_docs=True)
    assert tuple(frames)[: len(HELD_OUT)] == HELD_OUT
    assert set(frames) == set(PROMPTS)
    assert min(frames.values()) > 1


def test_the_artifacts_of_a_run_show_the_scores_of_every_tier_and_prompt(
    run: FlowRun, prefect: PrefectPages, camera: Camera
) -> None:
    prefect.open_run(run.id)
    prefect.open_artifact("scores", run=run.name)
    for name in ("T0, all prompts", "T1, all prompts", "T2, all prompts", *PROMPTS):
        row = prefect.page.get_by_role("row").filter(has=prefect.page.get_by_role("cell", name=name, exact=True))
        expect(row).to_contain_text("%")
    camera.take("scores")


def test_a_schedule_that_is_added_in_the_form_makes_runs_with_its_parameters_and_leaves_the_nightly_one_off(
    scheduled: FlowRun, prefect: PrefectPages, servers: Servers, camera: Camera
) -> None:
    expect(prefect.page.get_by_role("switch", name="toggle", checked=True)).to_have_count(1)
    expect(prefect.page.get_by_role("switch", name="toggle At 02:00 AM", checked=False)).to_be_visible()
    prefect.open_run(scheduled.id)
    (found,) = [item for item in servers.flow_runs() if item["id"] == scheduled.id]
    assert PipelineConfig.model_validate(found["parameters"]["config"]) == TINY
    assert found["parameters"]["train_on"] == "train/train"
    expect(prefect.page.get_by_text("auto-scheduled").first).to_be_visible()
    prefect.open_tab("Parameters")
    expect(prefect.page.get_by_role("tabpanel", name="Parameters")).to_contain_text("frame_size")
    camera.take("scheduled-run")


def test_registering_a_checkpoint_starts_its_evaluation_and_nothing_else(
    evaluated: FlowRun,
    registered: set[str],
    prefect: PrefectPages,
    servers: Servers,
    camera: Camera,
) -> None:
    prefect.open_run(evaluated.id)
    prefect.see_the_graph()
    assert prefect.task_runs() == {"evaluate", "find-model", "attach-evaluation", "publish"}
    camera.take("evaluation", for_docs=True)
    since = [item for item in servers.flow_runs() if item["id"] not in registered and not item["auto_scheduled"]]
    assert [item["id"] for item in since] == [evaluated.id]
    assert servers.task_names(evaluated.id) == {
        "resolve_model",
        "evaluate_model",
        "attach_evaluation",
        "publish_evaluation",
    }


def test_the_scores_of_an_evaluation_by_event_stand_on_its_versions_page(
    evaluated: FlowRun, mlflow: MlflowPages, camera: Camera
) -> None:
    mlflow.open_model()
    mlflow.open_version(2)
    scores = mlflow.scores()
    camera.take("evaluated-version")
    assert set(scores) == {"T0", "T1", "T2"}
    assert all(re.match(r"\d+\.\d %", score) for score in scores.values())


def test_the_champion_is_the_version_of_the_pipeline_and_no_other(
    evaluated: FlowRun, mlflow: MlflowPages, camera: Camera
) -> None:
    mlflow.open_model()
    mlflow.version(1).hover()
    camera.take("versions", for_docs=True)
    expect(mlflow.version(1).get_by_role("status", name="champion")).to_be_visible()
    expect(mlflow.version(2).get_by_role("status", name="champion")).to_have_count(0)
    mlflow.open_version(1)
    expect(mlflow.page.get_by_role("heading", name="Standing")).to_be_visible()
    camera.take("version", for_docs=True)


def test_two_versions_side_by_side_show_the_scores_of_both(
    evaluated: FlowRun, mlflow: MlflowPages, camera: Camera
) -> None:
    mlflow.open_model()
    mlflow.compare(1, 2)
    first, second = mlflow.compared("T0/joint_exact", versions=2)
    camera.take("comparison", for_docs=True)
    assert 0 <= second < first <= 1


def test_a_video_of_a_held_out_prompt_plays_in_mlflow(evaluated: FlowRun, mlflow: MlflowPages, camera: Camera) -> None:
    mlflow.open_model()
    mlflow.open_version(1)
    tab = mlflow.open_videos()
    tab.get_by_role("main").get_by_text(f"{HELD_OUT[0].replace(' ', '-')}-000.mp4", exact=True).click()
    # Asked for by time: by default at each frame that is drawn, and a hidden tab draws none.
    tab.wait_for_function("() => document.querySelector('video')?.duration > 0", polling=250)
    video = tab.locator("video")
    assert video.evaluate("video => video.error") is None
    assert video.evaluate("video => video.play().then(() => video.videoWidth)") > 0
    camera.take("video", page=tab)
    tab.close()


def test_the_scheduled_run_completes_on_the_workers_and_does_nothing_twice(
    scheduled: FlowRun, prefect: PrefectPages, servers: Servers, camera: Camera
) -> None:
    prefect.open_run(scheduled.id)
    assert prefect.follow_to_the_end() == "Completed"
    camera.take("scheduled-run-completed")
    assert [item["state_type"] for item in servers.runs_of("train")] == ["COMPLETED"]


def test_a_schedule_that_is_switched_off_makes_no_more_runs(
    scheduled: FlowRun, prefect: PrefectPages, camera: Camera
) -> None:
    prefect.open_deployment("pipeline")
    prefect.switch_schedule_off()
    prefect.open_tab("Upcoming")
    expect(prefect.page.get_by_text("No runs found")).to_be_visible()
    camera.take("schedule-off")


def test_a_folder_of_videos_becomes_a_data_set_by_the_form_of_import(
    imported: FlowRun, prefect: PrefectPages, camera: Camera
) -> None:
    prefect.open_run(imported.id)
    prefect.open_artifact("dataset", run=imported.name)
    expect(prefect.page.get_by_role("main")).to_contain_text("60 clips of 60 videos")
    camera.take("imported", for_docs=True)


def test_a_model_of_own_clips_is_scored_beside_real_clips_on_the_pages_of_its_run(
    own: FlowRun, prefect: PrefectPages, camera: Camera
) -> None:
    prefect.open_run(own.id)
    prefect.open_artifact("scores", run=own.name)
    for split in ("seen", "validation", "test"):
        name = f"{split}, all captions"
        row = prefect.page.get_by_role("row").filter(has=prefect.page.get_by_role("cell", name=name, exact=True))
        expect(row).to_contain_text("%")
    camera.take("own-scores")
    prefect.open_run(own.id)
    prefect.open_artifact("videos", run=own.name)
    assert len(prefect.moving_pictures()) == 10  # 4 seen captions, 2 of validation, 4 of test
    camera.take("own-videos")


def test_the_version_of_own_clips_shows_its_retrieval(own: FlowRun, mlflow: MlflowPages, camera: Camera) -> None:
    mlflow.open_model()
    mlflow.open_version(3)
    expect(mlflow.page.get_by_role("table").filter(has_text="retrieval")).to_contain_text("validation")
    camera.take("own-version")
