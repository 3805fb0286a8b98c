"""A folder of people's own videos becomes a data set, a model, its version and its scores, and only once."""

import importlib
import json
import shlex
import shutil
from typing import Any

import pytest
from artifacts import newest_artifact
from prefect import flow
from tiny import tiny_config

from data.captions import prompt_slug
from data.home import HOME_VARIABLE, Home
from data.importing.config import ImportConfig
from evaluation.captioned.config import CaptionedConfig
from evaluation.captioned.report import CaptionedReport
from evaluation.comparison.two_models import ComparisonError
from flows.cli.main import execute
from flows.compare import compare
from flows.config.pipeline import PipelineConfig
from flows.dataset import TooFewClipsError, dataset
from flows.evaluate import evaluate
from flows.import_clips import ImportResult, import_clips
from flows.own import own
from flows.pipeline import PipelineResult, pipeline
from flows.train import train
from models.config import TrainConfig
from tasks.dataset import Dataset, DatasetNameError
from tasks.evaluation.yardstick import NoClipsError
from tests.data.importing.videos import folder_of_videos
from tracking.store import open_store
from tracking.versions import MODEL_NAME, list_versions, unscored_versions

train_module = importlib.import_module("flows.train")
COMPARED = CaptionedConfig(clips_per_split=8, captions_per_split=4, real_clips=8, matcher_steps=2, candidates=4)


def own_config(dataset: str) -> PipelineConfig:
    tiny = tiny_config(model={"decoder": "conv"}, evaluation={"captioned": COMPARED})
    return PipelineConfig.model_validate(tiny.model_dump() | {"dataset": dataset})


@pytest.fixture(scope="module")
def imported(shared_home: Home, tmp_path_factory: pytest.TempPathFactory) -> ImportResult:
    work = tmp_path_factory.mktemp("work")
    config = ImportConfig(width=48, height=32, frames=4, validation_share=0.2, test_share=0.2, seed=1)
    return import_clips(folder_of_videos(work / "clips", count=24), config, out=work / "mine")


@pytest.fixture(scope="module")
def first(imported: ImportResult) -> PipelineResult:
    return pipeline(own_config(str(imported.folder)))


def test_a_model_is_trained_registered_and_scored_beside_real_clips(first, imported, shared_home):
    assert first.cached == {"dataset": True, "train": False, "evaluate": False}
    report = first.report
    assert isinstance(report, CaptionedReport)
    assert report.dataset == imported.digest
    assert [split.name for split in report.splits] == ["seen", "validation", "test"]
    videos = first.evaluation_folder / "videos"
    for split in report.splits:
        assert split.shown
        for caption in split.shown:
            assert (videos / f"{prompt_slug(caption)}-000.mp4").is_file()
    assert (videos / "contact-sheet.png").is_file()
    assert "## Retrieval" in (first.evaluation_folder / "report.md").read_text()
    (version,) = list_versions(shared_home)
    assert set(version.retrieval) == {"seen", "validation", "test"}
    assert version.joint == {}
    assert "validation retrieval" in version.promotion
    assert unscored_versions(shared_home) == []


def test_mlflow_holds_the_scores_and_a_page_that_shows_captions_as_they_are(first, shared_home):
    client = open_store(shared_home)
    found = client.get_model_version(MODEL_NAME, "1")
    run = client.get_run(found.tags["evaluation_run"])
    metrics = run.data.metrics
    assert metrics["validation/retrieval"] == first.report.split("validation").retrieval.generated.top1.value
    assert {"test/roughness", "seen/diversity_pixels", "test/retrieval_real"} <= metrics.keys()
    assert {item.dataset.name for item in run.inputs.dataset_inputs} == {
        "flipbook-captions-seen", "flipbook-captions-validation", "flipbook-captions-test",
    }  # fmt: skip
    assert "found by a matcher" in found.description
    assert "4 frames of 48x32 px" in found.description
    assert "validation, kept from training, for example: " in found.description
    assert "test/retrieval" in client.get_run(found.run_id).data.metrics


def test_prefect_shows_the_scores_and_moving_videos(first):
    assert "validation, all captions" in newest_artifact("scores")
    videos = newest_artifact("videos")
    assert videos.index("### Validation") < videos.index("### Seen")
    assert "](data:image/gif;base64," in videos


def test_nothing_is_done_twice_however_the_data_set_is_named(first, imported):
    config = own_config(imported.digest[:8])
    again = own(config.dataset, config.model, config.train, config.evaluation)
    assert again.cached == {"dataset": True, "train": True, "evaluate": True}
    assert again.model_version == first.model_version


def test_an_evaluation_alone_compares_with_the_clips_that_the_model_has_learned(first):
    result = evaluate("models:/flipbook/1", own_config("").evaluation)
    assert result.cached
    assert result.report == first.report
    fewer = own_config("").evaluation.model_copy(update={"captioned": COMPARED.model_copy(update={"seed": 7})})
    assert not evaluate("models:/flipbook/1", fewer).cached


def test_training_alone_takes_the_data_set_by_its_name(first, imported):
    config = own_config(imported.digest)
    version = train(config.world, config.data, config.model, config.train, dataset=config.dataset)
    assert version is not None
    assert version.ref == first.model_version


def test_without_its_clips_a_model_is_not_scored_and_the_error_says_what_to_do(first, shared_home):
    datasets, away = shared_home.datasets, shared_home.root / "away"
    datasets.rename(away)
    try:
        with pytest.raises(NoClipsError, match="import the same clips again"):
            evaluate("models:/flipbook/1", own_config("").evaluation)
    finally:
        shutil.rmtree(datasets, ignore_errors=True)
        away.rename(datasets)


def test_a_data_set_from_elsewhere_is_kept_in_the_home(first, imported, prepared, tmp_path, monkeypatch):
    other = prepared(tmp_path / "other")
    monkeypatch.setenv(HOME_VARIABLE, str(other.root))
    copied = shutil.copytree(imported.folder, tmp_path / "copied")
    result = pipeline(own_config(str(copied)))
    shutil.rmtree(copied)
    assert result.cached["dataset"] is False
    assert (result.dataset_folder / "report.html").is_file()
    assert result.dataset_folder.is_relative_to(other.root)
    assert evaluate("models:/flipbook/1", own_config("").evaluation).cached


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: next(folder.glob("*.parquet")).write_bytes(b"PAR1"), "has 4 bytes instead of"),
        (lambda folder: next(folder.glob("*.parquet")).unlink(), "cannot be read"),
        (lambda folder: (folder / "manifest.json").write_text("{}"), "cannot be used"),
        (lambda folder: (folder / "manifest.json").unlink(), "neither a folder with a data set nor"),
    ],
)
def test_a_damaged_data_set_is_refused(imported, shared_home, tmp_path, prepared, monkeypatch, damage, message):
    monkeypatch.setenv(HOME_VARIABLE, str(prepared(tmp_path / "other").root))
    copied = shutil.copytree(imported.folder, tmp_path / "copied")
    damage(copied)
    with pytest.raises(DatasetNameError, match=message):
        pipeline(own_config(str(copied)))


@pytest.mark.parametrize("name", ["x" * 300, "0" * 64, "no/such/folder", "../.."])
def test_a_name_that_leads_nowhere_is_refused(shared_home, name):
    with pytest.raises(DatasetNameError, match=r"cannot be read|neither a folder"):
        pipeline(own_config(name))


def test_the_commands_find_and_score_a_model_and_draw_with_words_that_it_does_not_know(first, tmp_path, capsys):
    evaluation = own_config("").evaluation.model_dump()
    values = [f"--set=evaluation.{key}={json.dumps(value)}" for key, value in evaluation.items()]
    assert execute(["evaluate", "--model", "models:/flipbook/1", *values]) == 0
    printed = capsys.readouterr().out
    assert "From the cache: evaluate" in printed
    assert "validation (" in printed
    shown = shlex.split(next(line for line in printed.splitlines() if line.startswith("Generate videos:")))
    command = shown[shown.index("generate") :]
    out = ["--count", "1", "--format", "gif", "--out", str(tmp_path / "out")]
    assert execute([*command, *out]) == 0
    assert execute(["generate", "a zeppelin", "--model", "models:/flipbook/1", *out]) == 0
    assert "left out: zeppelin" in capsys.readouterr().out
    assert execute(["models"]) == 0
    assert "validation" in capsys.readouterr().out


def test_a_version_becomes_the_champion_by_hand(first, shared_home, capsys):
    assert execute(["promote", "models:/flipbook/1"]) == 1
    assert "not promoted" in capsys.readouterr().err
    assert execute(["promote", "models:/flipbook/1", "--even-if-not-better"]) == 0
    assert "models:/flipbook/1 is the champion: promoted by hand" in capsys.readouterr().out
    assert [row.aliases for row in list_versions(shared_home)] == [("champion",)]


def test_other_settings_of_retrieval_do_not_replace_the_scores_of_a_version(first, shared_home):
    (before,) = list_versions(shared_home)
    easier = COMPARED.model_copy(update={"candidates": 2})
    result = evaluate("models:/flipbook/1", own_config("").evaluation.model_copy(update={"captioned": easier}))
    assert "other settings of evaluation.captioned" in result.left_out
    (after,) = list_versions(shared_home)
    assert after.retrieval == before.retrieval


def test_a_training_of_imported_clips_is_handed_over_by_the_digest(imported, shared_home, monkeypatch):
    given: dict[str, Any] = {}
    monkeypatch.setattr(train_module, "hand_over", lambda home, on, parameters, *, key: given.update(parameters))
    config = own_config(imported.digest)
    other = config.train.model_copy(update={"seed": 5})
    clips = Dataset(imported.folder, imported.digest)

    @flow
    def handing() -> None:
        train_module.make_model(shared_home, config.model, other, clips, on="train/train")

    handing()
    assert given["dataset"] == imported.digest
    assert given["registered"] is False
    assert TrainConfig.model_validate(given["train"]) == other


def test_clips_of_a_world_by_name_are_scored_by_its_exact_metric(shared_home):
    config = tiny_config(model={"decoder": "conv"})
    made = dataset(config.world, config.data)
    named = PipelineConfig.model_validate(config.model_dump() | {"dataset": made.digest})
    assert {tier.name for tier in pipeline(named).report.tiers} == {"T0", "T1"}


def test_too_few_clips_are_refused_before_the_training(shared_home, tmp_path):
    small = import_clips(folder_of_videos(tmp_path / "few", count=3), ImportConfig(test_share=0, validation_share=0))
    with pytest.raises(TooFewClipsError, match="has 3 training clips"):
        pipeline(own_config(small.digest))


@pytest.mark.parametrize("change", [{"decoder": "keypoint"}, {"network": "tutorial"}])
def test_a_generator_of_synthetic_objects_is_refused_for_imported_clips(change: dict[str, Any]):
    config = own_config("").model_dump() | {"dataset": "mine"}
    config["model"] |= change
    with pytest.raises(ValueError, match="use the preset own"):
        PipelineConfig.model_validate(config)


def test_models_of_imported_clips_cannot_be_compared_on_one_page(first, imported):
    config = own_config(imported.digest)
    other = config.train.model_copy(update={"seed": 1})
    version = train(config.world, config.data, config.model, other, dataset=config.dataset)
    with pytest.raises(ComparisonError, match="`flipbook models` lists the retrieval"):
        compare("models:/flipbook/1", version.ref)
