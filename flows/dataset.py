"""The flow that makes a data set: one task per shard, then the manifest.

python -m flows.dataset
"""

from prefect import flow
from prefect.futures import as_completed

from data.home import Home
from data.shards.config import DataConfig
from data.worlds.world import WorldConfig
from flows.outcome import Outcome, run_step, was_cached
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
    progress = current_progress()
    progress.start(STEP, data.shards)
    futures = [make_shard.submit(home, world, data, shard) for shard in range(data.shards)]
    made = 0
    for done, future in enumerate(as_completed(futures), start=1):
        future.wait()  # it is done; after this it knows its final state without asking the server
        made += not was_cached(future.state)
        progress.update(STEP, done, f"{made} of them made, {done - made} kept")
    shards = [future.result() for future in futures]
    outcome = run_step(complete_dataset, home, world, data, shards)
    progress.finish(STEP, f"{data.clips} clips in {outcome.value.folder}")
    return Outcome(outcome.value, cached=made == 0 and outcome.cached)


if __name__ == "__main__":
    dataset(WorldConfig(), DataConfig())
