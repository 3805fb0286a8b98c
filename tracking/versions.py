"""The versions of the registered model `flipbook`: one per checkpoint, with the tags and the text that explain it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from data.home import Home
from models.checkpoint import CheckpointInfo, read_info
from tracking.lineage import package_version
from tracking.logged_model import DIGEST_TAG, ensure_logged_model, find_logged_model
from tracking.release_note import first_note
from tracking.store import as_default_store, ensure_experiment, mlflow_lock, mlflow_pages, open_store
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
FORMER_CHAMPION = "was the champion until version"  # begins the promotion tag of a former champion
STANDING_TAG = "standing"  # JSON of evaluation.promotion_rule.HeadlineScores
JOINT_TAG = "joint_exact_"  # + tier: share of clips, 0 to 1
RETRIEVAL_TAG = "retrieval_"  # + split: share of clips, 0 to 1
EVALUATION_DIGEST_TAG = "flipbook.evaluation_digest"  # of an evaluation's run
MODEL_VERSIONS_TAG = "mlflow.modelVersions"  # of a logged model
MODEL_TAGS = {"task": "text-to-video", "framework": "pytorch"}
MODEL_DESCRIPTION = """\
Text-to-video from scratch: a conditional GAN that draws a short clip from a prompt such as `circle moving up-right`.

* The alias **`champion`** is the version with the highest score on validation prompts that is not worse on seen
  prompts. Where there are no validation prompts, all held-out prompts count. The tag `promotion` of each version says
  why it is the champion, or why not.
* **Joint exact** is the share of videos with the right motion, shape and colour, and with one object in all frames:
  `joint_exact_T0` for seen prompts, `joint_exact_V3` and up for validation prompts, `joint_exact_T1` and up for
  test prompts.
* **Retrieval** is the share of videos whose caption a matcher finds among a hundred: `retrieval_seen`,
  `retrieval_validation`, `retrieval_test`. Models of imported clips have it in place of joint exact.

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

    version: int = Field(description="Number of the version, from 1.")
    aliases: tuple[str, ...] = Field(description="Aliases that point to it, for example `champion`.")
    created: datetime
    run_id: str = Field(description="MLflow run of its training.")
    digest: str = Field(description="Digest of its checkpoint; empty if it holds no checkpoint of this project.")
    step: int | None = Field(description="Training steps of the checkpoint.")
    joint: dict[str, float] = Field(description="Joint exact score by tier, 0 to 1. Empty if it has none.")
    retrieval: dict[str, float] = Field(
        default_factory=dict, description="Retrieval by split, 0 to 1, of a model of imported clips. Else empty."
    )
    promotion: str = Field(description="Why it is, or is not, the champion; empty before an evaluation.")

    @property
    def ref(self) -> str:
        """``models:/flipbook/3``. Unlike an alias, it always means this version."""
        return f"models:/{MODEL_NAME}/{self.version}"


def register_version(home: Home, *, run_id: str, checkpoint: Path, digest: str) -> ModelVersion:
    """Log the checkpoint as its run's model, and register that as the next version of `flipbook`.

    A checkpoint that is registered already (known by its digest) keeps its version.

    Args:
        home: the home directory.
        run_id: MLflow run of the training.
        checkpoint: checkpoint folder.
        digest: digest of the checkpoint.

    Raises:
        models.checkpoint.CheckpointError: `checkpoint` is damaged, or holds no checkpoint.
    """
    client = open_store(home)
    with mlflow_lock(home):
        _ensure_registered_model(client)
        info = read_info(checkpoint)
        found = _version_with(client, digest)
        if found is None:
            model_id = ensure_logged_model(client, run_id=run_id, checkpoint=checkpoint, digest=digest)
            with as_default_store(home):
                found = client.create_model_version(
                    MODEL_NAME,
                    source=f"models:/{model_id}",
                    run_id=run_id,
                    model_id=model_id,
                    tags=_identity_tags(client, run_id=run_id, model_id=model_id, info=info, digest=digest),
                )
        _name_version_on_model(client, found)
        return _as_ours(client, complete_version(home, found, info=info, digest=digest))


def complete_version(home: Home, found: MlflowVersion, *, info: CheckpointInfo, digest: str) -> MlflowVersion:
    """Add the tags and the description that a version lacks. A version that MLflow's own means registered has none.

    Call it inside `mlflow_lock`.

    Args:
        home: the home directory.
        found: MLflow's record of the version.
        info: the description in its checkpoint.
        digest: digest of its checkpoint.

    Returns:
        The completed record.
    """
    if is_complete(found):
        return found
    client = open_store(home)
    model_id = model_id_of(found)
    run_id = found.run_id or client.get_logged_model(model_id).source_run_id or ""
    tags = _identity_tags(client, run_id=run_id, model_id=model_id, info=info, digest=digest)
    for key, value in tags.items():
        if key not in found.tags:
            client.set_model_version_tag(MODEL_NAME, found.version, key, value)
    if not found.description:
        ref = f"models:/{MODEL_NAME}/{found.version}"
        note = first_note(info, client.get_run(run_id), ref=ref, server=mlflow_pages(home))
        client.update_model_version(MODEL_NAME, found.version, description=note)
    return client.get_model_version(MODEL_NAME, found.version)


def is_complete(found: MlflowVersion) -> bool:
    """Whether a version has a description and the tags that identify its checkpoint."""
    return bool(found.description) and {DIGEST_TAG, MODEL_ID_TAG, STEP_TAG, DATA_TAG} <= found.tags.keys()


def model_id_of(found: MlflowVersion) -> str:
    """Id of the logged model behind a version, from our tag or from its source; "" if there is none."""
    if MODEL_ID_TAG in found.tags:
        return str(found.tags[MODEL_ID_TAG])
    source = _MODEL_SOURCE.search(found.source or "")
    return str(found.model_id or "") or (source[0] if source else "")


def find_version(home: Home, digest: str) -> ModelVersion | None:
    """The oldest version that holds the checkpoint with this digest, or None."""
    client = open_store(home)
    found = _version_with(client, digest)
    return None if found is None else _as_ours(client, found)


def list_versions(home: Home) -> list[ModelVersion]:
    """All registered versions, newest first; empty if there are none."""
    client = open_store(home)
    return [_as_ours(client, found) for found in registered_versions(client)]


def unscored_versions(home: Home) -> list[ModelVersion]:
    """The versions that hold a checkpoint of this project and have no scores yet, oldest first."""
    return [
        version
        for version in reversed(list_versions(home))
        if version.digest and not (version.joint or version.retrieval)
    ]


def digests_in_use(home: Home) -> set[str]:
    """Digests of all that the registered versions need: data sets, trainings, models, and recorded evaluations."""
    client = open_store(home)
    versions = registered_versions(client)
    experiment = ensure_experiment(client, home).experiment_id
    runs = client.search_runs([experiment], f"tags.`{EVALUATION_DIGEST_TAG}` != ''", max_results=50_000)
    return {
        *(version.tags.get(tag, "") for version in versions for tag in (DATA_TAG, "training_digest")),
        *(model_id_of(version) for version in versions),
        *(run.data.tags[EVALUATION_DIGEST_TAG] for run in runs),
    } - {""}


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
            aliases = version_aliases(client)
            for found in versions:  # a search leaves them out
                found.aliases = sorted(name for name, version in aliases.items() if version == int(found.version))
            return versions


def version_aliases(client: MlflowClient) -> dict[str, int]:
    """The number of the version that each alias points to."""
    found = client.search_registered_models(f"name = '{MODEL_NAME}'")
    return {alias: int(version) for model in found for alias, version in model.aliases.items()}


def _as_ours(client: MlflowClient, found: MlflowVersion) -> ModelVersion:
    return ModelVersion(
        version=int(found.version),
        aliases=tuple(sorted(found.aliases or ())),
        created=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
        run_id=found.run_id or "",
        digest=_digest_of(client, found) or "",
        step=int(found.tags[STEP_TAG]) if STEP_TAG in found.tags else None,
        joint=_scores(found, JOINT_TAG),
        retrieval=_scores(found, RETRIEVAL_TAG),
        promotion=found.tags.get(PROMOTION_TAG, ""),
    )


def _scores(found: MlflowVersion, prefix: str) -> dict[str, float]:
    """The values of the tags that begin with `prefix`, by the rest of their names."""
    tags = sorted(found.tags.items())
    return {name.removeprefix(prefix): float(value) for name, value in tags if name.startswith(prefix)}


def _ensure_registered_model(client: MlflowClient) -> None:
    """Create the registered model, or add the description and the tags that it lacks."""
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
    return next((found for found in reversed(registered_versions(client)) if _digest_of(client, found) == digest), None)


def _digest_of(client: MlflowClient, found: MlflowVersion) -> str | None:
    """The digest of a version's checkpoint, from its own tag or from the tag of its logged model."""
    if DIGEST_TAG in found.tags:
        return str(found.tags[DIGEST_TAG])
    model = find_logged_model(client, model_id_of(found))
    return model.tags.get(DIGEST_TAG) if model else None


def _name_version_on_model(client: MlflowClient, found: MlflowVersion) -> None:
    """Show the version on the page of its logged model. MLflow's `register_model` does so, but not its client."""
    model = find_logged_model(client, model_id_of(found))
    if model is None:
        return
    named = json.loads(model.tags.get(MODEL_VERSIONS_TAG, "[]"))
    if str(found.version) not in [str(item["version"]) for item in named if item["name"] == MODEL_NAME]:
        named.append({"name": MODEL_NAME, "version": int(found.version)})
        client.set_logged_model_tags(model.model_id, {MODEL_VERSIONS_TAG: json.dumps(named)})


def _identity_tags(
    client: MlflowClient, *, run_id: str, model_id: str, info: CheckpointInfo, digest: str
) -> dict[str, str]:
    """The tags that identify a version's checkpoint, training and data."""
    return {
        DIGEST_TAG: digest,
        MODEL_ID_TAG: model_id,
        STEP_TAG: str(info.step),
        DATA_TAG: info.dataset_digest,
        "training_digest": client.get_run(run_id).data.tags.get(TRAINING_DIGEST_TAG, ""),
        "flipbook_version": package_version(),
    }
