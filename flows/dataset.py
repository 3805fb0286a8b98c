"""The flow that makes a data set: its shards fanned out, then the manifest.

python -m flows.dataset
"""

from prefect import flow
from prefect.futures import as_completed

from data.home import Home
from data.shards.config import DataConfig
from data.worlds.world import WorldConfig
from flows.outcome import Outcome, run_step, was_cached
from flows.threads import thread_per_core
from tasks.cache.policy import at_home
from tasks.cache.references import DatasetReference
from tasks.dataset import finish_dataset, generate_shard
from tasks.progress.in_prefect import shown_in_prefect
from tasks.progress.progress import current_progress

STEP = "generate"


@flow(name=STEP, task_runner=thread_per_core())
def generate(world: WorldConfig, data: DataConfig) -> DatasetReference:
    """Makes the clips of `world`: one task a shard, each done again only where its shard is missing or damaged."""
    with shown_in_prefect():
        return make_dataset(Home.from_environment().create(), world, data).value


def make_dataset(home: Home, world: WorldConfig, data: DataConfig) -> Outcome[DatasetReference]:
    """The data set of `world` and `data` in `home`; cached where every shard and the manifest are as they were."""
    progress = current_progress()
    progress.start(STEP, data.shards)
    shard_task = at_home(generate_shard, home)
    futures = [shard_task.submit(home, world, data, shard) for shard in range(data.shards)]
    made = 0
    for done, future in enumerate(as_completed(futures), start=1):
        future.wait()  # it is done; now it knows its final state without asking the server
        made += not was_cached(future.state)
        progress.update(STEP, done, f"{made} of them made, {done - made} kept")
    shards = [future.result() for future in futures]
    manifest = run_step(at_home(finish_dataset, home), home, world, data, shards)
    progress.finish(STEP, f"{data.clips} clips in {manifest.value.folder}")
    return Outcome(manifest.value, cached=made == 0 and manifest.cached)


if __name__ == "__main__":
    generate(WorldConfig(), DataConfig())
