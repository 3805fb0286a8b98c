"""The cache's records: what has changed, or belongs to another task, is no result."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect._internal.result_records import ResultRecord, ResultRecordMetadata
from prefect.serializers import JSONSerializer, PickleSerializer, Serializer

from tasks.cache.records import DamagedRecordError, ProvenJSON, discard_foreign

KEY = "shard-0123"


def record(path: Path, *, key: str = KEY, serializer: Serializer | None = None) -> Path:
    """A record as Prefect writes it."""
    metadata = ResultRecordMetadata(storage_key=f"/a/home/results/{key}", serializer=serializer or ProvenJSON())
    path.write_bytes(ResultRecord(metadata=metadata, result={"digest": "abc"}).serialize())
    return path


def test_a_record_is_read_back_as_it_was(tmp_path):
    path = record(tmp_path / KEY)
    assert ResultRecord.deserialize(path.read_bytes()).result == {"digest": "abc"}


@given(value=st.dictionaries(st.text(), st.integers()), place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_single_bit_that_has_changed_is_noticed(value, place, bit):
    content = bytearray(ProvenJSON().dumps(value))
    content[place % len(content)] ^= 1 << bit
    with pytest.raises(DamagedRecordError):
        ProvenJSON().loads(bytes(content))


def test_the_record_of_its_key_stays(tmp_path):
    path = record(tmp_path / KEY)
    discard_foreign(path)
    assert path.exists()


@pytest.mark.parametrize("serializer", [JSONSerializer(), PickleSerializer()])
def test_a_record_of_another_serializer_goes_before_it_can_be_unpickled(tmp_path, serializer):
    path = record(tmp_path / KEY, serializer=serializer)
    discard_foreign(path)
    assert not path.exists()


def test_a_record_under_the_name_of_another_one_goes(tmp_path):
    path = record(tmp_path / KEY, key="shard-4567")
    discard_foreign(path)
    assert not path.exists()


def test_what_is_just_being_written_stays(tmp_path):
    path = record(tmp_path / KEY, key="shard-4567")
    path.write_bytes(path.read_bytes()[:-10])
    discard_foreign(path)
    assert path.exists()
    discard_foreign(tmp_path / "nothing")
