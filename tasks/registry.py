"""The model registry: each trained checkpoint is a version of `flipbook`, with the words and tags that explain it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from models.checkpoint import CheckpointInfo, read_info
from tasks.home import Home
from tasks.lineage import package_version
from tasks.logged_model import DIGEST_TAG, ensure_logged_model
from tasks.mlflow_store import as_default_store, mlflow_lock, open_store
from tasks.tracking import TRAINING_DIGEST_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as MlflowVersion

MODEL_NAME = "flipbook"
CHAMPION = "champion"
MODEL_ID_TAG = "model_id"
STEP_TAG = "training_step"
DATA_TAG = "dataset_fingerprint"
PROMOTION_TAG = "promotion"  # why the version is, or is not, the champion
STANDING_TAG = "standing"  # JSON of evaluation.comparison.Standing
JOINT_TAG = "joint_exact_"  # + tier: share of clips, 0 to 1
MODEL_DESCRIPTION = (
    "Text-to-video from scratch: a conditional GAN that renders a short clip of a moving shape from a prompt such as "
    "`circle moving up-right`. The alias `champion` is the version with the highest score on prompts that no training "
    "clip showed."
)


class ModelVersion(BaseModel):
    """A registered version of the model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="Name of the registered model.")
    version: int = Field(description="Number of the version, from 1.")
    run_id: str = Field(description="MLflow run of its training.")
    digest: str = Field(description="Digest of its checkpoint.")

    @property
    def ref(self) -> str:
        """``models:/flipbook/3``: always this very version, unlike an alias."""
        return f"models:/{self.name}/{self.version}"


class VersionRow(BaseModel):
    """A line of the table of versions."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    aliases: tuple[str, ...] = Field(description="Aliases that point to it, e.g. `champion`.")
    created: datetime
    run_id: str
    digest: str
    step: int | None = Field(description="Training steps of the checkpoint.")
    joint: dict[str, float] = Field(description="Joint exact score by tier, 0 to 1; empty before an evaluation.")
    promotion: str = Field(description="Why it is, or is not, the champion; empty before an evaluation.")


def register_version(home: Home, *, run_id: str, checkpoint: Path, digest: str) -> ModelVersion:
    """Log the checkpoint as its run's model and register that as the next version of `flipbook`.

    A checkpoint that is registered already (known by its digest) keeps its version.

    Args:
        home: the home directory.
        run_id: MLflow run of the training.
        checkpoint: checkpoint folder.
        digest: the checkpoint's digest.

    Raises:
        models.checkpoint.CheckpointError: `checkpoint` is damaged or no checkpoint.
    """
    from mlflow.exceptions import MlflowException

    client = open_store(home)
    with mlflow_lock(home):
        for known in registered_versions(client):
            if known.tags.get(DIGEST_TAG) == digest:
                return _version_of(known)
        try:
            client.create_registered_model(MODEL_NAME, description=MODEL_DESCRIPTION)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        info = read_info(checkpoint)
        model_id = ensure_logged_model(client, run_id=run_id, checkpoint=checkpoint, digest=digest)
        run_tags = client.get_run(run_id).data.tags
        tags = {
            DIGEST_TAG: digest,
            MODEL_ID_TAG: model_id,
            STEP_TAG: str(info.step),
            DATA_TAG: info.data_fingerprint,
            "training_digest": run_tags.get(TRAINING_DIGEST_TAG, ""),
            "flipbook_version": package_version(),
        }
        with as_default_store(home):
            created = client.create_model_version(
                MODEL_NAME, source=f"models:/{model_id}", run_id=run_id, model_id=model_id, tags=tags
            )
        client.update_model_version(
            MODEL_NAME, created.version, description=_first_description(info, version=int(created.version))
        )
        return _version_of(created)


def list_versions(home: Home) -> list[VersionRow]:
    """All registered versions, newest first; empty in a home without any."""
    client = open_store(home)
    aliases = version_aliases(client)
    return [
        VersionRow(
            version=int(found.version),
            aliases=tuple(sorted(name for name, version in aliases.items() if version == int(found.version))),
            created=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
            run_id=found.run_id or "",
            digest=found.tags.get(DIGEST_TAG, ""),
            step=int(found.tags[STEP_TAG]) if STEP_TAG in found.tags else None,
            joint=joint_scores(found.tags),
            promotion=found.tags.get(PROMOTION_TAG, ""),
        )
        for found in registered_versions(client)
    ]


def registered_versions(client: MlflowClient) -> list[MlflowVersion]:
    """MLflow's records of all versions of the model, newest first."""
    versions: list[MlflowVersion] = []
    token: str | None = None
    while True:
        page = client.search_model_versions(
            f"name = '{MODEL_NAME}'", order_by=["version_number DESC"], max_results=1000, page_token=token
        )
        versions += page
        token = page.token
        if not token:
            return versions


def version_aliases(client: MlflowClient) -> dict[str, int]:
    """Version number by alias."""
    found = client.search_registered_models(f"name = '{MODEL_NAME}'")
    return {alias: int(version) for model in found for alias, version in model.aliases.items()}


def joint_scores(tags: Mapping[str, str]) -> dict[str, float]:
    """Joint exact score by tier, 0 to 1, out of a version's tags."""
    return {
        name.removeprefix(JOINT_TAG): float(value) for name, value in sorted(tags.items()) if name.startswith(JOINT_TAG)
    }


def _version_of(found: MlflowVersion) -> ModelVersion:
    return ModelVersion(
        name=found.name,
        version=int(found.version),
        run_id=found.run_id or "",
        digest=found.tags.get(DIGEST_TAG, ""),
    )


def _first_description(info: CheckpointInfo, *, version: int) -> str:
    world, ref = info.world, f"models:/{MODEL_NAME}/{version}"
    return (
        f"Trained for {info.step:,} steps on the data set `{info.data_fingerprint[:12]}`: "
        f"{len(world.seen_prompts)} prompts, {world.frames} frames of {world.frame_size}x{world.frame_size} px.\n\n"
        f'Render a video with `flipbook generate "{world.seen_prompts[0]}" --model {ref}`, or in Python:\n\n'
        "```python\nimport mlflow\n"
        f'model = mlflow.pyfunc.load_model("{ref}")\n'
        f'frames = model.predict(["{world.seen_prompts[0]}"], params={{"seed": 7}})'
        "  # uint8 (N, T, H, W, 3)\n```\n"
    )
