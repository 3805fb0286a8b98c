"""A checkpoint as a model that MLflow can load, serve and compare: code as text, weights as safetensors, no pickle."""

from __future__ import annotations

import logging
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import data
import models
from models.checkpoint import INFO_FILE, WEIGHTS_FILE, CheckpointInfo, read_info

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run

MODEL_NAME_IN_RUN = "model"  # runs:/<run id>/model
DIGEST_TAG = "checkpoint_digest"
LIBRARIES = ("mlflow", "torch", "numpy", "pydantic", "safetensors", "pyarrow", "pillow", "opencv-python-headless")
"""The packages that `data` and `models` import, by their names for pip. A frozen text encoder needs more."""


def ensure_logged_model(client: MlflowClient, *, run_id: str, checkpoint: Path, digest: str) -> str:
    """Log the checkpoint as the model of a run, unless the run has it already. A model that was begun is completed.

    The model holds the checkpoint's weights and description, this project's packages ``data`` and ``models``, and an
    example. MLflow loads it and tries it on the example before it is READY.

    Args:
        client: client of the store that holds the run.
        run_id: the training's run.
        checkpoint: checkpoint folder.
        digest: digest of the checkpoint, by which the model is found.

    Returns:
        The id of the logged model, ``m-...``.

    Raises:
        models.checkpoint.CheckpointError: `checkpoint` is damaged, or holds no checkpoint.
    """
    from mlflow.entities import LoggedModelOutput

    info = read_info(checkpoint)
    run = client.get_run(run_id)
    model = _model_of_run(client, run, digest=digest)
    if model is None:
        model = client.create_logged_model(
            run.info.experiment_id,
            name=MODEL_NAME_IN_RUN,
            source_run_id=run_id,
            tags={DIGEST_TAG: digest},
            params=run.data.params,
            model_type="text-to-video",
        )
    if str(model.status) != "READY":
        with tempfile.TemporaryDirectory() as temporary:
            folder, plain = Path(temporary) / "model", Path(temporary) / "checkpoint"
            plain.mkdir()
            for name in (WEIGHTS_FILE, INFO_FILE):
                shutil.copyfile(checkpoint / name, plain / name)  # MLflow refuses symbolic links
            _save(folder, plain, info, model_id=model.model_id, run_id=run_id)
            client.log_model_artifacts(model.model_id, str(folder))
        client.finalize_logged_model(model.model_id, "READY")
    outputs = run.outputs.model_outputs if run.outputs else []
    if model.model_id not in [output.model_id for output in outputs]:
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=info.step)])
    return str(model.model_id)


def find_logged_model(client: MlflowClient, model_id: str) -> LoggedModel | None:
    """The logged model with this id; None if there is none, or if it was deleted."""
    from mlflow.exceptions import MlflowException

    if not model_id:
        return None
    try:
        return client.get_logged_model(model_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def _model_of_run(client: MlflowClient, run: Run, *, digest: str) -> LoggedModel | None:
    """The run's model of this checkpoint: a ready one if there is one, otherwise the oldest."""
    found = client.search_logged_models(
        [run.info.experiment_id], f"source_run_id = '{run.info.run_id}' AND tags.{DIGEST_TAG} = '{digest}'"
    )
    return min(found, key=lambda model: (str(model.status) != "READY", model.creation_timestamp), default=None)


def _save(folder: Path, checkpoint: Path, info: CheckpointInfo, *, model_id: str, run_id: str) -> None:
    import mlflow.pyfunc
    from mlflow.models import Model

    for name in ("mlflow.models.signature", "mlflow.pyfunc"):  # they log each of their guesses
        logging.getLogger(name).setLevel(logging.WARNING)
    prompts, clip = info.subject.seen_prompts, info.subject.format
    libraries = LIBRARIES if info.frozen_text is None else (*LIBRARIES, info.frozen_text.package, "tokenizers")
    mlflow.pyfunc.save_model(
        path=str(folder),
        python_model=str(Path(__file__).with_name("pyfunc_model.py")),
        artifacts={
            "weights": str(checkpoint / WEIGHTS_FILE),
            "info": str(checkpoint / INFO_FILE),
        },
        code_paths=[str(Path(package.__file__).parent) for package in (data, models) if package.__file__],
        # without "+cpu", which pip does not find
        pip_requirements=[f"{name}=={version(name).split('+')[0]}" for name in libraries],
        input_example=([prompts[0]], {"seed": 0}),
        metadata={
            "output": f"uint8 (N, {', '.join(map(str, clip.shape))}), RGB, {clip.fps:g} fps",
            "prompts": list(prompts),
        },
        mlflow_model=Model(run_id=run_id, model_id=model_id, model_uuid=model_id),
    )
    _forget_origin(folder)


def _forget_origin(folder: Path) -> None:
    """Remove the paths that the checkpoint's files had on this machine, which MLflow writes into its description."""
    from mlflow.models import Model
    from mlflow.models.model import MLMODEL_FILE_NAME

    model = Model.load(str(folder))
    for artifact in model.flavors["python_function"]["artifacts"].values():
        artifact["uri"] = artifact["path"]
    model.save(str(folder / MLMODEL_FILE_NAME))
