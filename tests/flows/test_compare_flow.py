"""Two versions of a tiny world compared, on a real Prefect server and MLflow store."""

import json
from pathlib import Path

import pytest
from artifacts import newest_artifact
from tiny import tiny_config

from data.home import HOME_VARIABLE, Home
from evaluation.comparison.two_models import ComparisonError
from flows.cli.main import execute
from flows.compare import ComparisonResult, compare
from flows.pipeline import pipeline
from flows.train import train
from tasks.evaluation.publish import link_to_mlflow
from tracking.model_reference import resolve_model
from tracking.promotion import promote
from tracking.store import open_store

A, B = "models:/flipbook/1", "models:/flipbook/2"
EVALUATION = tiny_config().evaluation
SETTINGS = [f"--set=evaluation.{key}={json.dumps(value)}" for key, value in EVALUATION.model_dump().items()]


@pytest.fixture(scope="module")
def home(shared_home: Home) -> Home:
    """It holds two versions of one world, the first of them evaluated."""
    pipeline(tiny_config())
    pipeline(tiny_config(train={"seed": 1, "learning_rate": 5e-4}, evaluation={"seed": 7}))
    promote(shared_home, 1, even_if_not_better=True)  # by the rule no version of this world is champion
    return shared_home


@pytest.fixture(scope="module")
def first(home: Home, tmp_path_factory: pytest.TempPathFactory) -> ComparisonResult:
    return compare(A, B, EVALUATION, tmp_path_factory.mktemp("pages") / "comparison.html")


def comparisons_in(home: Home) -> list[str]:
    client = open_store(home)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    runs = client.search_runs(experiments, "tags.`flipbook.comparison_digest` != ''")
    return [run.info.run_id for run in runs]


def test_only_what_was_not_measured_in_this_way_is_evaluated(first):
    assert first.a.cached
    assert not first.b.cached
    assert first.a.report.config == first.b.report.config == EVALUATION
    assert (first.a.model_ref, first.b.model_ref) == (A, B)


def test_the_page_shows_the_videos_of_both_evaluations(first):
    html = first.page.read_text(encoding="utf-8")
    prompts = first.a.report.prompts
    assert html.count("data:image/gif;base64,") == 2 * len(prompts)
    for side in "AB":
        assert all(f'alt="Clip 1 of {side}: {scores.name}"' in html for scores in prompts)
    assert "train.learning_rate" in html
    assert "train.steps" not in html  # equal in both trainings
    assert "champion" in html
    assert not list(first.page.parent.glob("*.tmp"))


def test_mlflow_keeps_the_same_page_in_a_run_of_its_own(first, home, tmp_path):
    client = open_store(home)
    run = client.get_run(first.run_id)
    assert run.info.run_name == "compare-v1-v2"
    assert len(run.inputs.model_inputs) == 2
    assert "T0/joint_exact_difference" in run.data.metrics
    kept = Path(client.download_artifacts(first.run_id, "comparison.html", str(tmp_path)))
    assert kept.read_bytes() == first.page.read_bytes()


def test_prefect_shows_the_summary(first):
    text = newest_artifact("comparison")
    assert first.verdict in text
    assert "| T0 |" in text
    assert "| T1 |" in text
    assert "(http://127.0.0.1:5000/#/experiments/" in text
    assert f"/runs/{first.run_id}/artifacts?workflowType=machine_learning) (`flipbook ui` opens it)" in text


def test_the_same_comparison_again_evaluates_and_records_nothing(first, home):
    again = compare(A, B, EVALUATION)
    assert again.a.cached
    assert again.b.cached
    assert again.page is None
    assert again.run_id == first.run_id
    assert comparisons_in(home) == [first.run_id]


def test_comparing_on_a_few_clips_changes_no_scores_of_the_versions(first, home):
    client = open_store(home)
    before = [client.get_model_version("flipbook", number) for number in ("1", "2")]
    quick = compare(A, B, EVALUATION.model_copy(update={"samples_seen": 2, "samples_held_out": 2}))
    after = [client.get_model_version("flipbook", number) for number in ("1", "2")]
    assert [(found.tags, found.description) for found in after] == [(found.tags, found.description) for found in before]
    assert quick.run_id != first.run_id


def test_as_it_stands_the_newest_version_is_compared_with_the_other_also_where_it_is_the_champion(first, home):
    promote(home, 2, even_if_not_better=True)
    quick = compare(evaluation=EVALUATION)
    assert (quick.a.model_ref, quick.b.model_ref) == (A, B)


def test_a_single_version_is_compared_with_nothing_and_the_run_completes(prefect_api, tmp_path, monkeypatch):
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    config = tiny_config()
    train(config.world, config.data, config.model, config.train)
    assert compare(return_state=True).is_completed()


def test_the_command_writes_its_page_under_a_safe_name(first, home, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert execute(["compare", A, B, *SETTINGS]) == 0
    (page,) = tmp_path.iterdir()
    assert page.name == "comparison-v1-v2.html"
    printed = capsys.readouterr().out
    assert str(page) in printed
    assert first.verdict in printed
    assert "B - A" in printed


def test_a_checkpoint_can_be_compared_by_its_path(first, home, tmp_path):
    out = tmp_path / "deep" / "page.html"
    assert execute(["compare", str(resolve_model(home, A).checkpoint), B, "--out", str(out), *SETTINGS]) == 0
    html = out.read_text(encoding="utf-8")
    assert "not registered" in html
    assert "The settings <code>train</code> of A are unknown" in html


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([A, A], "Name two different models"),
        ([A, "models:/flipbook/99"], "models:/flipbook/99 does not exist"),
    ],
)
def test_what_cannot_be_compared_is_one_clear_line(home, arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert execute(["compare", *arguments]) == 1
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("Error:"))
    assert words in line
    assert not list(tmp_path.iterdir())


def test_models_of_different_worlds_are_refused(first, home, tmp_path):
    world = tiny_config().world.model_copy(update={"fps": 12})
    other = pipeline(tiny_config(world={"fps": 12}))
    assert other.report.world_fingerprint == world.fingerprint
    with pytest.raises(ComparisonError, match="fps = 10, B for one with 12"):
        compare(A, other.model_version, EVALUATION, tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_links_from_prefects_pages_lead_to_where_browsers_find_mlflow(first, home, monkeypatch):
    link = link_to_mlflow(home, first.run_id, "Page")
    assert link.startswith("[Page](http://127.0.0.1:5000/#/experiments/")
    monkeypatch.setenv("FLIPBOOK_MLFLOW_PAGES", "https://ada:secret@mlflow.example.org/team/")
    link = link_to_mlflow(home, first.run_id, "Page", page="/artifacts")
    assert link.startswith("[Page](https://mlflow.example.org/team/#/experiments/")
    assert link.endswith(f"/runs/{first.run_id}/artifacts?workflowType=machine_learning)")
