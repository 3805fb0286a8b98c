"""The text of a version's page: complete, in order, and never longer than MLflow keeps."""

from __future__ import annotations

import pytest

from data.worlds.world import HeldOut, WorldConfig
from evaluation.scoring.rates import Rate
from models.config import ModelConfig
from tracking.lineage import git_commit
from tracking.promotion import promote
from tracking.release_note import LIMIT, ORDER, with_sections
from tracking.results.evaluation import attach_evaluation
from tracking.store import open_store


def note_of(home, version: int) -> str:
    return open_store(home).get_model_version("flipbook", str(version)).description


def headings(note: str) -> list[str]:
    return [line.removeprefix("## ") for line in note.splitlines() if line.startswith("## ")]


@pytest.fixture
def judged(home, scored):
    """Two versions, evaluated and judged one after the other."""
    for seed, held_out in ((0, 0.5), (1, 0.75)):
        promote(home, scored(seed=seed, held_out=held_out))
    return home


def test_a_new_version_says_what_it_was_trained_on_with_what_and_that_it_has_no_scores(home, registered, manifest):
    registered(seed=3)
    note = note_of(home, 1)
    assert headings(note) == [heading for heading in ORDER if heading != "Scores"]
    assert "Not evaluated yet: `flipbook evaluate --model models:/flipbook/1`" in note
    assert "circle moving up-right" in note
    assert "* T1, test, kept from training" in note
    assert (git_commit() or "outside a git checkout").removesuffix("-dirty") in note
    assert 'mlflow.pyfunc.load_model("models:/flipbook/1")' in note


def test_the_champion_and_its_predecessor_say_why_and_by_how_much(judged):
    new, old = note_of(judged, 2), note_of(judged, 1)
    assert headings(new) == list(ORDER)
    assert "**Champion**, promoted: held-out joint exact 75.0 % is higher than the 50.0 % of version 1" in new
    assert "+25.0 points [" in new
    assert "Was the champion until [version 2](#/models/flipbook/versions/2" in old
    assert f"**{Rate.of_counts(48, 64)}**" in new
    for page in ("Run of the training", "Run of the evaluation", "Videos of every prompt"):
        assert page in new


def test_scores_stand_where_mlflow_compares_versions(judged):
    client = open_store(judged)
    runs = [client.get_model_version("flipbook", version).run_id for version in ("1", "2")]
    assert [client.get_run(run_id).data.metrics["T1/joint_exact"] for run_id in runs] == [0.5, 0.75]


def test_a_logged_model_names_its_version(judged):
    client = open_store(judged)
    for version in ("1", "2"):
        model = client.get_logged_model(client.get_model_version("flipbook", version).tags["model_id"])
        assert model.tags["mlflow.modelVersions"] == f'[{{"name": "flipbook", "version": {version}}}]'


def test_what_a_person_has_written_on_the_page_stays(home, registered, make_report, report_folder, world):
    registered(seed=0)
    client = open_store(home)
    link = "* [Our evaluation by eye](https://wiki.example.org/7)"
    mine = "Ask Ada before you use it.\n\n" + note_of(home, 1) + f"{link}\n\n## Notes\n\n* shown to the board\n"
    client.update_model_version("flipbook", "1", description=mine)
    report = make_report(seen=0.9, held_out=0.5)
    attach_evaluation(
        home, version=1, report=report, trained_on=world.fingerprint, folder=report_folder, evaluation_digest="e1" * 32
    )
    promote(home, 1)
    note = note_of(home, 1)
    assert note.startswith("Ask Ada before you use it.")
    assert headings(note) == [*ORDER, "Notes"]
    assert "* shown to the board" in note
    assert note.count(link) == 1
    attach_evaluation(
        home, version=1, report=report, trained_on=world.fingerprint, folder=report_folder, evaluation_digest="e2" * 32
    )
    note = note_of(home, 1)
    assert [note.count(words) for words in (link, "Run of the evaluation", "Videos of every prompt")] == [1, 1, 1]


def test_a_heading_within_code_is_no_section():
    note = with_sections("```sh\n## not a heading\n```", {"Scores": "none"})
    assert headings(with_sections(note, {"Scores": "some"})) == ["not a heading", "Scores"]


def test_a_world_with_hundreds_of_prompts_fits_into_what_mlflow_keeps(home, make_run, tmp_path):
    """Its database cuts nothing off: PostgreSQL refuses a longer text."""
    from models.checkpoint import checkpoint_digest, save_checkpoint
    from models.networks.generator import build_generator
    from tracking.versions import register_version

    world = WorldConfig(
        frame_size=32,
        frames=4,
        shapes=("circle", "square", "triangle"),
        colours=("blue", "red", "green"),
        held_out=tuple(HeldOut(tier=f"T{n}", phrase=f"moving {d}") for n, d in ((1, "up-right"), (2, "up"))),
    )
    model = ModelConfig(text_width=8, noise=4, modes=2, motion=8, content=4, motion_width=16, channels=8)
    weights = build_generator(model, world).state_dict()
    checkpoint = save_checkpoint(
        tmp_path / "final", weights=weights, state={}, subject=world, model=model, step=4, dataset_digest="f" * 64
    )
    register_version(home, run_id=make_run(), checkpoint=checkpoint, digest=checkpoint_digest(checkpoint))
    note = note_of(home, 1)
    assert len(note) <= LIMIT
    assert "and 158 more" in note
    too_long = with_sections(note, {"Scores": "x" * 2500})
    assert len(too_long) <= LIMIT
    assert {"Standing", "Scores", "Trained on", "Links"} <= set(headings(too_long))
