"""The model registry: each trained checkpoint is a version of `flipbook`, with the words and tags that explain it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from data.home import Home
from models.checkpoint import CheckpointInfo, read_info
from tracking.lineage import package_version
from tracking.logged_model import DIGEST_TAG, ensure_logged_model, find_logged_model
from tracking.release_note import first_note
from tracking.store import as_default_store, ensure_experiment, mlflow_lock, open_store
from tracking.training_run import TRAINING_DIGEST_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as MlflowVersion

MODEL_NAME = "flipbook"
CHAMPION = "champion"
MODEL_ID_TAG = "model_id"
STEP_TAG = "training_step"
DATA_TAG = "dataset_digest"
PROMOTION_TAG = "promotion"  # why the version is, or is not, the champion
FORMER_CHAMPION = "was the champion until version"  # begins that tag of one that was, and names its successor
STANDING_TAG = "standing"  # JSON of evaluation.promotion_rule.HeadlineScores
JOINT_TAG = "joint_exact_"  # + tier: share of clips, 0 to 1
MODEL_VERSIONS_TAG = "mlflow.modelVersions"  # of a logged model
ANNOUNCED_TAG = "announced"  # when an event has told of the version last, or NOT_YET
NOT_YET = "not yet"
MODEL_TAGS = {"task": "text-to-video", "framework": "pytorch"}
MODEL_DESCRIPTION = """\
Text-to-video from scratch: a conditional GAN that draws a short clip of a moving shape from a prompt such as
`circle moving up-right`.

* The alias **`champion`** is the version that does what prompts say which no training clip showed, more often than any
  other, without being worse on those that it has seen. The tag `promotion` of each version says why it is, or is not.
* **Joint exact** is the share of videos with the right motion, shape and colour, and one object throughout:
  `joint_exact_T0` for seen prompts, `T1` and up for held-out ones.

```sh
flipbook models                                   # the versions and their scores
flipbook generate "circle moving up-right"        # videos by the champion
flipbook evaluate --model models:/flipbook/3      # scores of any version
```
"""
_MODEL_SOURCE = re.compile(r"m-[0-9a-f]{32}")


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
    client = open_store(home)
    with mlflow_lock(home):
        _ensure_registered_model(client)
        info = read_info(checkpoint)
        found = _version_with(client, digest)
        if found is None:
            model_id = ensure_logged_model(client, run_id=run_id, checkpoint=checkpoint, digest=digest)
            tags = _identity_tags(client, run_id=run_id, model_id=model_id, info=info, digest=digest)
            with as_default_store(home):
                found = client.create_model_version(
                    MODEL_NAME,
                    source=f"models:/{model_id}",
                    run_id=run_id,
                    model_id=model_id,
                    tags=tags | {ANNOUNCED_TAG: NOT_YET},
                )
        _tell_model(client, found)
        return version_record(client, complete_version(client, found, info=info, digest=digest))


def complete_version(client: MlflowClient, found: MlflowVersion, *, info: CheckpointInfo, digest: str) -> MlflowVersion:
    """Give a version the tags and the description that it lacks: one that MLflow's own means have registered has none.

    Args:
        client: client of the store, within :func:`tracking.store.mlflow_lock`.
        found: MLflow's record of the version.
        info: what its checkpoint says of itself.
        digest: digest of its checkpoint.

    Returns:
        The record as it is now.
    """
    if is_complete(found):
        return found
    model_id = model_id_of(found)
    run_id = found.run_id or client.get_logged_model(model_id).source_run_id or ""
    tags = _identity_tags(client, run_id=run_id, model_id=model_id, info=info, digest=digest)
    for key, value in tags.items():
        if key not in found.tags:
            client.set_model_version_tag(MODEL_NAME, found.version, key, value)
    if not found.description:
        note = first_note(info, client.get_run(run_id), ref=f"models:/{MODEL_NAME}/{found.version}")
        client.update_model_version(MODEL_NAME, found.version, description=note)
    return client.get_model_version(MODEL_NAME, found.version)


def is_complete(found: MlflowVersion) -> bool:
    """Whether a version has the tags that tell its checkpoint, and a description."""
    return bool(found.description) and {DIGEST_TAG, MODEL_ID_TAG, STEP_TAG, DATA_TAG} <= found.tags.keys()


def model_id_of(found: MlflowVersion) -> str:
    """Id of the logged model that a version is made of, by our tag or by its source; "" where it is made of another."""
    if MODEL_ID_TAG in found.tags:
        return str(found.tags[MODEL_ID_TAG])
    source = _MODEL_SOURCE.search(found.source or "")
    return str(found.model_id or "") or (source[0] if source else "")


def find_version(home: Home, digest: str) -> ModelVersion | None:
    """The version that holds the checkpoint of this digest; None where there is none."""
    client = open_store(home)
    with mlflow_lock(home):
        found = _version_with(client, digest)
        return None if found is None else version_record(client, found)


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


def version_record(client: MlflowClient, found: MlflowVersion) -> ModelVersion:
    """A version in our terms; its digest is "" where it holds no checkpoint of ours."""
    return ModelVersion(
        name=found.name,
        version=int(found.version),
        run_id=found.run_id or "",
        digest=_digest_of(client, found) or "",
    )


def _ensure_registered_model(client: MlflowClient) -> None:
    """The registered model with its words and tags, made where it is missing."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(MODEL_NAME, tags=MODEL_TAGS, description=MODEL_DESCRIPTION)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        model = client.get_registered_model(MODEL_NAME)
        if not model.description:  # made by MLflow's own means
            client.update_registered_model(MODEL_NAME, description=MODEL_DESCRIPTION)
        for key, value in MODEL_TAGS.items():
            if key not in model.tags:
                client.set_registered_model_tag(MODEL_NAME, key, value)


def _version_with(client: MlflowClient, digest: str) -> MlflowVersion | None:
    """The oldest version that holds the checkpoint of this digest."""
    return next((found for found in reversed(registered_versions(client)) if _digest_of(client, found) == digest), None)


def _digest_of(client: MlflowClient, found: MlflowVersion) -> str | None:
    """The digest of a version's checkpoint, by its own tag or its logged model's; None where neither says it."""
    if DIGEST_TAG in found.tags:
        return str(found.tags[DIGEST_TAG])
    model = find_logged_model(client, model_id_of(found))
    return model.tags.get(DIGEST_TAG) if model else None


def _tell_model(client: MlflowClient, found: MlflowVersion) -> None:
    """Name the version on the page of its logged model, as MLflow's `register_model` does and its client does not."""
    model = find_logged_model(client, model_id_of(found))
    if model is None:
        return
    told = json.loads(model.tags.get(MODEL_VERSIONS_TAG, "[]"))
    if str(found.version) not in [str(item["version"]) for item in told if item["name"] == MODEL_NAME]:
        told.append({"name": MODEL_NAME, "version": int(found.version)})
        client.set_logged_model_tags(model.model_id, {MODEL_VERSIONS_TAG: json.dumps(told)})


def _identity_tags(
    client: MlflowClient, *, run_id: str, model_id: str, info: CheckpointInfo, digest: str
) -> dict[str, str]:
    """What tells a version's checkpoint, training and data from others."""
    return {
        DIGEST_TAG: digest,
        MODEL_ID_TAG: model_id,
        STEP_TAG: str(info.step),
        DATA_TAG: info.dataset_digest,
        "training_digest": client.get_run(run_id).data.tags.get(TRAINING_DIGEST_TAG, ""),
        "flipbook_version": package_version(),
    }


def digests_in_use(home: Home) -> set[str]:
    """Names of all that the registered versions come from: data sets, trainings, models, and their evaluations."""
    client = open_store(home)
    versions = registered_versions(client)
    experiment = ensure_experiment(client, home).experiment_id
    runs = client.search_runs([experiment], "tags.`flipbook.evaluation_digest` != ''", max_results=50_000)
    return {
        *(version.tags.get(tag, "") for version in versions for tag in (DATA_TAG, "training_digest")),
        *(model_id_of(version) for version in versions),
        *(run.data.tags["flipbook.evaluation_digest"] for run in runs),
    } - {""}


def unscored_versions(home: Home) -> list[ModelVersion]:
    """The versions that hold a model of this project and have no scores yet, oldest first."""
    client = open_store(home)
    waiting = [found for found in reversed(registered_versions(client)) if STANDING_TAG not in found.tags]
    return [version for version in (version_record(client, found) for found in waiting) if version.digest]
