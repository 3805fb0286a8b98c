"""The flow that trains a model: data set, training, registration.

python -m flows.train                                          the full size
python -m flows.train '{"train": {"steps": 100}}'              other values, as JSON
"""

import json
import sys

from prefect import flow
from prefect.runtime import deployment
from pydantic import BaseModel

from data.home import Home
from data.shards.config import DataConfig
from data.shards.sources import WorldSource
from data.worlds.world import WorldConfig
from flows.dataset import given_dataset
from flows.evaluate_new import start_evaluation
from flows.handover import check_home, hand_over
from flows.outcome import Outcome, run_step
from flows.threads import thread_per_core
from models.config import ModelConfig, TrainConfig
from tasks.dataset import Dataset
from tasks.progress.in_prefect import shown_in_prefect
from tasks.progress.progress import current_progress
from tasks.train import train_model, training_artifact
from tasks.versions import register_version
from tracking.model_reference import ResolvedModel
from tracking.store import check_store
from tracking.versions import ModelVersion


@flow(name="train", task_runner=thread_per_core())
def train(
    world: WorldConfig,
    data: DataConfig,
    model: ModelConfig,
    train: TrainConfig,
    registered: bool = True,
    dataset: str = "",
) -> ModelVersion | None:
    """Train a model and register it. A killed training goes on where it stopped.

    Args:
        world: what the clips show, if `dataset` is empty.
        data: how many clips.
        model: sizes of the networks.
        train: how to train.
        registered: whether the model becomes a version of `flipbook`. On a server the version is then evaluated. A
            pipeline that has handed the training over registers and evaluates the version itself.
        dataset: a data set of your own clips: the folder that an import has made, or the beginning of its digest.
    """
    home = Home.from_environment().create()
    check_home(home)
    check_store(home)
    with shown_in_prefect():
        clips = given_dataset(home, dataset, world, data, model=model).value
        trained = make_model(home, model, train, clips).value
        if not registered:
            return None
        version = register(home, trained)
        if deployment.id is not None:
            start_evaluation(version)
        return version


def make_model(
    home: Home,
    model: ModelConfig,
    train: TrainConfig,
    dataset: Dataset,
    *,
    on: str | None = None,
) -> Outcome[ResolvedModel]:
    """The trained model. It counts as cached if this very training had ended before.

    If `on` names a deployment, a training that is still to be done runs there, and its result is taken from `home`.
    """
    artifact = training_artifact(model, train, dataset)
    handed_over = on is not None and not artifact.is_whole(home)
    if on is not None and handed_over:
        source = dataset.manifest().source
        configs: dict[str, BaseModel] = {"model": model, "train": train}
        if isinstance(source, WorldSource):
            configs |= {"world": source.world, "data": source.data}
            named = ""
        else:
            named = dataset.digest
        parameters = {section: config.model_dump(mode="json") for section, config in configs.items()}
        hand_over(home, on, parameters | {"dataset": named, "registered": False}, key=artifact.name)
    outcome = run_step(train_model, home, model, train, dataset)
    if outcome.cached:
        current_progress().finish("train", f"kept {outcome.value.checkpoint}")
    return Outcome(outcome.value, cached=outcome.cached and not handed_over)


def register(home: Home, trained: ResolvedModel) -> ModelVersion:
    """The registered version of the model; a new one if there is none yet."""
    assert trained.run_id is not None  # it has just been trained
    version = register_version(home, run_id=trained.run_id, checkpoint=trained.checkpoint, digest=trained.digest)
    current_progress().finish("register", version.ref)
    return version


if __name__ == "__main__":
    given = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    train(**{"world": {}, "data": {}, "model": {}, "train": {}} | given)
