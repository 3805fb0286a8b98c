"""A checkpoint as a model that MLflow can load, serve and compare: code as text, weights as safetensors, no pickle."""

from __future__ import annotations

import logging
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import data
import models
from models.checkpoint import INFO_FILE, WEIGHTS_FILE, CheckpointInfo, read_info

if TYPE_CHECKING:
    from mlflow import MlflowClient

MODEL_NAME_IN_RUN = "model"  # runs:/<run id>/model
DIGEST_TAG = "checkpoint_digest"
LIBRARIES = ("mlflow", "torch", "numpy", "pydantic", "safetensors", "pyarrow", "opencv-python-headless")
"""All that `data` and `models` import, as pip calls it."""


def ensure_logged_model(client: MlflowClient, *, run_id: str, checkpoint: Path, digest: str) -> str:
    """Log the checkpoint as the model of a run, unless the run has it already.

    The model holds the checkpoint's weights and description, this project's packages ``data`` and ``models`` and an
    example; it is loaded and tried on the example before it counts as READY.

    Args:
        client: client of the store that holds the run.
        run_id: the training's run.
        checkpoint: checkpoint folder.
        digest: the checkpoint's digest, by which the model is recognised.

    Returns:
        The id of the logged model, ``m-...``.

    Raises:
        models.checkpoint.CheckpointError: `checkpoint` is damaged or no checkpoint.
    """
    info = read_info(checkpoint)
    run = client.get_run(run_id)
    for output in run.outputs.model_outputs if run.outputs else []:
        known = client.get_logged_model(output.model_id)
        if known.tags.get(DIGEST_TAG) == digest and str(known.status) == "READY":
            return str(known.model_id)

    from mlflow.entities import LoggedModelOutput

    model = client.create_logged_model(
        run.info.experiment_id,
        name=MODEL_NAME_IN_RUN,
        source_run_id=run_id,
        tags={DIGEST_TAG: digest},
        params=run.data.params,
        model_type="text-to-video",
    )
    try:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "model"
            _save(folder, checkpoint, info, model_id=model.model_id, run_id=run_id)
            client.log_model_artifacts(model.model_id, str(folder))
    except BaseException:
        client.finalize_logged_model(model.model_id, "FAILED")
        raise
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=info.step)])
    return str(model.model_id)


def _save(folder: Path, checkpoint: Path, info: CheckpointInfo, *, model_id: str, run_id: str) -> None:
    import mlflow.pyfunc
    from mlflow.models import Model

    for name in ("mlflow.models.signature", "mlflow.pyfunc"):  # they report each guess that they make
        logging.getLogger(name).setLevel(logging.WARNING)
    world = info.world
    mlflow.pyfunc.save_model(
        path=str(folder),
        python_model=str(Path(__file__).with_name("pyfunc_model.py")),
        artifacts={
            "weights": str(checkpoint / WEIGHTS_FILE),
            "info": str(checkpoint / INFO_FILE),
        },
        code_paths=[str(Path(package.__file__).parent) for package in (data, models) if package.__file__],
        pip_requirements=[f"{name}=={version(name).split('+')[0]}" for name in LIBRARIES],  # no "+cpu": pip knows none,
        input_example=([world.seen_prompts[0]], {"seed": 0}),
        metadata={
            "output": f"uint8 (N, {world.frames}, {world.frame_size}, {world.frame_size}, 3), RGB, {world.fps} fps",
            "prompts": list(world.seen_prompts),
        },
        mlflow_model=Model(run_id=run_id, model_id=model_id, model_uuid=model_id),
    )
