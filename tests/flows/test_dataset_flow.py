"""The flow `dataset` on a real Prefect server: what is made, what is kept, and what is made again."""

import pytest
from prefect import flow
from tiny import tiny_config

from data.home import Home
from data.shards.config import DataConfig
from data.shards.entry import verify_shard
from data.shards.manifest import MANIFEST_NAME, read_manifest
from flows.dataset import dataset, make_dataset
from flows.threads import thread_per_core
from tasks import dataset as tasks

CONFIG = tiny_config()


@pytest.fixture
def written(monkeypatch):
    """Numbers of the shards that are really written from now on."""
    numbers = []
    write = tasks.write_shard

    def counting(folder, *, world, data, shard):
        numbers.append(shard)
        return write(folder, world=world, data=data, shard=shard)

    monkeypatch.setattr(tasks, "write_shard", counting)
    return numbers


@flow(task_runner=thread_per_core())
def is_cached(data: DataConfig) -> bool:
    return make_dataset(Home.from_environment(), CONFIG.world, data).cached


@pytest.fixture
def made(prefect_api, home):
    return dataset(CONFIG.world, CONFIG.data)


def shards_of(made):
    return [made.folder / entry.name for entry in made.manifest().shards]


def test_a_data_set_is_complete_and_whole(made):
    manifest = read_manifest(made.folder)
    assert manifest.rows == CONFIG.data.clips
    for entry in manifest.shards:
        verify_shard(made.folder, entry)


def test_a_second_run_writes_nothing(made, written):
    assert dataset(CONFIG.world, CONFIG.data) == made
    assert written == []


def test_a_data_set_counts_as_cached_only_where_nothing_was_made(made, home):
    assert is_cached(CONFIG.data)
    shards_of(made)[0].unlink()
    assert not is_cached(CONFIG.data)
    assert is_cached(CONFIG.data)


def test_only_a_shard_with_a_flipped_byte_is_written_again(made, written):
    damaged = shards_of(made)[1]
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    assert dataset(CONFIG.world, CONFIG.data) == made
    assert written == [1]


def test_only_a_deleted_shard_is_written_again(made, written):
    shards_of(made)[2].unlink()
    assert dataset(CONFIG.world, CONFIG.data) == made
    assert written == [2]


def test_without_its_manifest_a_data_set_does_not_exist_and_is_made_again_to_the_same_bytes(made):
    expected = (made.folder / MANIFEST_NAME).read_bytes()
    (made.folder / MANIFEST_NAME).unlink()
    assert dataset(CONFIG.world, CONFIG.data) == made
    assert (made.folder / MANIFEST_NAME).read_bytes() == expected


def test_an_interrupted_data_set_keeps_the_shards_that_are_whole(prefect_api, home, written, monkeypatch):
    write = tasks.write_shard

    def failing(folder, *, world, data, shard):
        if shard == 2:
            raise PermissionError(13, "no writing here", str(folder))
        return write(folder, world=world, data=data, shard=shard)

    with monkeypatch.context() as patch:
        patch.setattr(tasks, "write_shard", failing)
        with pytest.raises(PermissionError):
            dataset(CONFIG.world, CONFIG.data)
    assert sorted(written) == [0, 1]
    dataset(CONFIG.world, CONFIG.data)
    assert sorted(written) == [0, 1, 2]


def test_another_seed_makes_another_data_set_beside_the_first(made, written):
    other = dataset(CONFIG.world, CONFIG.data.model_copy(update={"seed": 1}))
    assert other.folder != made.folder
    assert (made.folder / MANIFEST_NAME).is_file()
    assert sorted(written) == [0, 1, 2]


def test_a_passing_fault_of_the_disk_is_tried_again(prefect_api, home, monkeypatch):
    attempts = []
    write = tasks.write_shard

    def failing_once(folder, *, world, data, shard):
        attempts.append(shard)
        if attempts.count(0) == 1 and shard == 0:
            raise ConnectionResetError("the disk's server went away")
        return write(folder, world=world, data=data, shard=shard)

    monkeypatch.setattr(tasks, "write_shard", failing_once)
    dataset(CONFIG.world, CONFIG.data)
    assert sorted(attempts) == [0, 0, 1, 2]


def test_a_lasting_fault_is_raised_at_once(prefect_api, home, monkeypatch):
    attempts = []

    def failing(folder, *, world, data, shard):
        attempts.append(shard)
        raise PermissionError(13, "no writing here", str(folder))

    monkeypatch.setattr(tasks, "write_shard", failing)
    with pytest.raises(PermissionError, match="no writing here"):
        dataset(CONFIG.world, CONFIG.data)
    assert sorted(attempts) == [0, 1, 2]
