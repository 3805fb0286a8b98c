"""The flow that makes a data set: one task per shard, then the manifest.

python -m flows.dataset
"""

from prefect import flow

from data.home import Home
from data.shards.config import DataConfig
from data.worlds.world import WorldConfig
from flows.outcome import Outcome, gather, run_step
from flows.threads import thread_per_core
from tasks.dataset import Dataset, complete_dataset, make_shard
from tasks.progress.in_prefect import shown_in_prefect
from tasks.progress.progress import current_progress

STEP = "dataset"


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


if __name__ == "__main__":
    dataset(WorldConfig(), DataConfig())
