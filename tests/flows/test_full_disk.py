"""A disk that fills up while a folder is copied to it, as MLflow does with a model in the temporary folder."""

import shutil
from pathlib import Path

import pytest

from flows.cli.main import explain
from tracking.transient import is_transient


def test_a_full_temporary_folder_is_one_sentence_and_no_reason_to_try_again(small_disk: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "generator.safetensors").write_bytes(bytes(1 << 20))
    with pytest.raises(shutil.Error) as caught:
        shutil.copytree(model, small_disk / "copy")
    assert not is_transient(caught.value)
    said = explain(caught.value)
    assert "No space left on device" in said
    assert f"Free some space on the disk of {small_disk}" in said
    assert "set TMPDIR" in said
