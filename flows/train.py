"""The flow that trains a model: data set, training, registration.

python -m flows.train                                          the full size
python -m flows.train '{"train": {"steps": 100}}'              other values, as JSON
"""

import json
import sys

from prefect import flow

from data.home import Home
from data.shards.config import DataConfig
from data.worlds.world import WorldConfig
from flows.dataset import make_dataset
from flows.handover import check_home, hand_over
from flows.outcome import Outcome, run_step
from flows.threads import thread_per_core
from models.config import ModelConfig, TrainConfig
from tasks.cache.policy import at_home
from tasks.cache.references import CheckpointReference, DatasetReference
from tasks.progress.in_prefect import shown_in_prefect
from tasks.progress.progress import current_progress
from tasks.register import register_checkpoint, run_is_known
from tasks.train import is_trained, train_model, training_digest
from tracking.versions import ModelVersion


@flow(name="train", task_runner=thread_per_core())
def train(
    world: WorldConfig, data: DataConfig, model: ModelConfig, train: TrainConfig, registered: bool = True
) -> ModelVersion | None:
    """Trains a model on the clips of `world` and registers it; goes on where a killed training stopped.

    Args:
        world: what the clips show.
        data: how many clips.
        model: sizes of the networks.
        train: how to train.
        registered: whether the model becomes a version of `flipbook`. A pipeline that has handed the training over
            registers the version itself.
    """
    home = Home.from_environment().create()
    check_home(home)
    with shown_in_prefect():
        dataset = make_dataset(home, world, data).value
        checkpoint = make_checkpoint(home, world, model, train, dataset).value
        return register(home, checkpoint) if registered else None


def make_checkpoint(
    home: Home,
    world: WorldConfig,
    model: ModelConfig,
    train: TrainConfig,
    dataset: DatasetReference,
    *,
    on: str | None = None,
) -> Outcome[CheckpointReference]:
    """The trained model; cached where this very training has ended before and MLflow still knows it.

    A training that is still to be done runs in the deployment `on`, where one is named, and is taken from there.
    """
    task = at_home(train_model, home)
    handed_over = on is not None and not is_trained(home, world, model, train, dataset)
    if on is not None and handed_over:
        configs = {"world": world, "data": dataset.manifest().data, "model": model, "train": train}
        parameters = {name: config.model_dump(mode="json") for name, config in configs.items()}
        key = training_digest(world, model, train, dataset)[:16]
        hand_over(home, on, parameters | {"registered": False}, key=key)
    checkpoint = run_step(task, home, world, model, train, dataset)
    if checkpoint.cached and not run_is_known(home, checkpoint.value):
        # MLflow's store was emptied since: the task finds its finished weights, and records them in a new run.
        checkpoint = run_step(task.with_options(refresh_cache=True), home, world, model, train, dataset)
    if checkpoint.cached:
        current_progress().finish("train", f"kept {checkpoint.value.folder}")
    return Outcome(checkpoint.value, cached=checkpoint.cached and not handed_over)


def register(home: Home, checkpoint: CheckpointReference, *, awaits_evaluation: bool = True) -> ModelVersion:
    """The registered version of `checkpoint`; `awaits_evaluation` where the caller does not evaluate it itself."""
    version = at_home(register_checkpoint, home)(home, checkpoint, awaits_evaluation=awaits_evaluation)
    current_progress().finish("register", version.ref)
    return version


if __name__ == "__main__":
    given = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
    train(**{"world": {}, "data": {}, "model": {}, "train": {}} | given)
