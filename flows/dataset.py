"""The flow that makes a data set: one task per shard, then the manifest.

python -m flows.dataset
"""

from prefect import flow

from data.home import Home
from data.shards.config import DataConfig
from data.worlds.world import WorldConfig
from evaluation.captioned.clips import FEWEST_CAPTIONS, FEWEST_CLIPS
from flows.config.pipeline import check_generic
from flows.outcome import Outcome, gather, run_step
from flows.threads import thread_per_core
from models.config import ModelConfig
from tasks.dataset import Dataset, complete_dataset, find_dataset, make_shard
from tasks.progress.in_prefect import shown_in_prefect
from tasks.progress.progress import current_progress

STEP = "dataset"


class TooFewClipsError(ValueError):
    """A data set has too few clips or captions. The message gives the numbers."""


@flow(name=STEP, task_runner=thread_per_core())
def dataset(world: WorldConfig, data: DataConfig) -> Dataset:
    """Make the clips of `world`. A shard that is there and whole is kept."""
    with shown_in_prefect():
        return make_dataset(Home.from_environment().create(), world, data).value


def make_dataset(home: Home, world: WorldConfig, data: DataConfig) -> Outcome[Dataset]:
    """The data set of `world` and `data` in `home`. It counts as cached if every shard and the manifest were there."""
    shards = gather(STEP, [make_shard.submit(home, world, data, shard) for shard in range(data.shards)])
    outcome = run_step(complete_dataset, home, world, data, shards.value)
    current_progress().finish(STEP, f"{data.clips} clips in {outcome.value.folder}")
    return Outcome(outcome.value, cached=shards.cached and outcome.cached)


def given_dataset(
    home: Home, name: str, world: WorldConfig, data: DataConfig, *, model: ModelConfig
) -> Outcome[Dataset]:
    """The data set that `name` names, see `tasks.dataset.find_dataset`, or the clips of `world` if it is empty.

    Raises:
        DatasetNameError: see `find_dataset`.
        TooFewClipsError: the data set has too few clips to train `model` on them and to score it.
        ValueError: `model` cannot draw imported clips.
    """
    if not name:
        return make_dataset(home, world, data)
    check_generic(model)
    outcome = run_step(find_dataset, home, name)
    manifest = outcome.value.manifest()
    if model.text_encoder != "sentence" and not manifest.subject.vocabulary.words:
        raise TooFewClipsError(
            f"No word occurs in two training captions of the data set {name}, so a model that learns words learns "
            'nothing of them. Set model.text_encoder to "sentence", or import more captions. Words are told apart by '
            "spaces."
        )
    clips, captions = manifest.splits.get("train", 0), len(manifest.subject.seen_prompts)
    if clips < FEWEST_CLIPS or captions < FEWEST_CAPTIONS:
        raise TooFewClipsError(
            f"The data set {name} has {clips} training clips with {captions} captions. A model needs at least "
            f"{FEWEST_CLIPS} clips and {FEWEST_CAPTIONS} captions: import more."
        )
    current_progress().finish(STEP, f"{manifest.rows} clips in {outcome.value.folder}")
    return outcome


if __name__ == "__main__":
    dataset(WorldConfig(), DataConfig())
