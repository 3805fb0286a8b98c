"""From what a user calls a model to its checkpoint."""

from __future__ import annotations

import os
import shutil
import tempfile
import traceback
from pathlib import Path

import pytest

from data.home import Home
from models.checkpoint import CheckpointError, checkpoint_digest
from tracking.model_reference import ModelReferenceError, resolve_model
from tracking.store import open_store
from tracking.versions import list_versions


def test_every_name_of_a_version_leads_to_the_same_checkpoint(home, registered):
    version = registered(seed=0)
    client = open_store(home)
    client.set_registered_model_alias("flipbook", "champion", "1")
    model_id = client.get_model_version("flipbook", "1").tags["model_id"]
    refs = ("@champion", "/1", "/latest")
    found = [resolve_model(home, f"models:/flipbook{ref}") for ref in refs]
    found += [resolve_model(home, f"runs:/{version.run_id}{end}") for end in ("", "/model")]
    found.append(resolve_model(home, f"models:/{model_id}"))
    assert len(set(found)) == 1
    assert found[0].ref == "models:/flipbook/1"
    assert (found[0].version, found[0].run_id, found[0].digest) == (1, version.run_id, version.digest)
    assert checkpoint_digest(found[0].checkpoint) == version.digest


def test_a_path_to_a_checkpoint_or_its_weights_is_a_reference(home, make_checkpoint, tmp_path):
    checkpoint = make_checkpoint(tmp_path / "final")
    for path in (checkpoint, checkpoint / "generator.safetensors"):
        found = resolve_model(home, str(path))
        assert (found.version, found.run_id, found.checkpoint) == (None, None, checkpoint)
        assert found.digest == checkpoint_digest(checkpoint)


def test_a_model_that_does_not_exist_is_refused_with_those_that_do(home, registered):
    registered(seed=0)
    refs = ("/9", "@prod", "-new/1")
    for ref in (*(f"models:/flipbook{ref}" for ref in refs), "models:/m-0123", "runs:/0123", "out/model"):
        with pytest.raises(ModelReferenceError, match="models:/flipbook/1") as caught:
            resolve_model(home, ref)
        assert ref in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ref", ["models:flipbook", "models:/flipbook", "runs:/a/b/c", "models:/flipbook/-1"])
def test_what_is_no_reference_is_refused_with_the_forms_that_are(home, ref):
    with pytest.raises(ModelReferenceError, match="models:/flipbook@champion"):
        resolve_model(home, ref)


@pytest.mark.parametrize("ref", ["models:/flipbook@champion", "models:/flipbook/latest", "", "nowhere"])
def test_an_empty_registry_says_how_to_fill_it(home, ref):
    with pytest.raises(ModelReferenceError, match="flipbook run"):
        resolve_model(home, ref)


def test_a_run_without_a_model_is_refused(home, make_run):
    with pytest.raises(ModelReferenceError, match="logged no model"):
        resolve_model(home, f"runs:/{make_run()}")


def test_files_that_changed_after_registration_are_refused(home, registered, make_checkpoint, tmp_path):
    registered(seed=0)
    folder = resolve_model(home, "models:/flipbook/1").checkpoint
    other = make_checkpoint(tmp_path / "other", seed=1)
    for name in ("generator.safetensors", "checkpoint.json"):  # first damaged, then a whole other checkpoint
        (folder / name).write_bytes((other / name).read_bytes())
        with pytest.raises(ModelReferenceError, match="not those that were registered"):
            resolve_model(home, "models:/flipbook/1")


def test_files_that_are_gone_are_named(home, registered):
    registered(seed=0)
    folder = resolve_model(home, "models:/flipbook/1").checkpoint
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(ModelReferenceError, match="gone"):
        resolve_model(home, "models:/flipbook/1")


def test_a_folder_that_is_no_checkpoint_is_refused(home, tmp_path):
    with pytest.raises(CheckpointError):
        resolve_model(home, str(tmp_path))


def test_the_models_of_a_read_only_home_can_be_used(home, registered):
    """A child process without any rights on the files reads them."""
    version = registered(seed=0)
    resolve_model(home, version.ref)  # imports what the child could not read
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        read_only = Home.at(Path(folder) / "home")
        shutil.copytree(home.root, read_only.root)
        for path in (read_only.root, *read_only.root.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        child = os.fork()
        if child == 0:
            try:
                if os.getuid() == 0:
                    os.setgid(65534)
                    os.setuid(65534)
                assert not os.access(read_only.root, os.W_OK)
                assert resolve_model(read_only, version.ref).digest == version.digest
                assert [found.version for found in list_versions(read_only)] == [1]
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        for path in (read_only.root, *read_only.root.rglob("*")):
            path.chmod(0o755)
