"""References that notice when what they point at is not there any more."""

import pytest
from prefect.serializers import JSONSerializer
from pydantic import ValidationError

from tasks.cache.references import CheckpointReference, FileReference


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "shard.parquet"
    path.write_bytes(b"clips")
    return path


def read_back(reference):
    serializer = JSONSerializer()
    return serializer.loads(serializer.dumps(reference))


def test_a_reference_to_an_untouched_file_reads_back_equal(file):
    reference = FileReference.of(file)
    assert read_back(reference) == reference
    assert reference.bytes == 5


def test_a_reference_to_a_deleted_file_does_not_read_back(file):
    written = JSONSerializer().dumps(FileReference.of(file))
    file.unlink()
    with pytest.raises(ValidationError, match="is gone"):
        JSONSerializer().loads(written)


def test_a_reference_to_a_file_of_another_size_does_not_read_back(file):
    written = JSONSerializer().dumps(FileReference.of(file))
    file.write_bytes(b"clips!")
    with pytest.raises(ValidationError, match="6 bytes, not 5"):
        JSONSerializer().loads(written)


def test_a_reference_to_a_file_with_a_flipped_byte_does_not_read_back(file):
    written = JSONSerializer().dumps(FileReference.of(file))
    file.write_bytes(b"cliqs")
    with pytest.raises(ValidationError, match="another sha256"):
        JSONSerializer().loads(written)


def test_a_reference_to_a_folder_fails_with_any_of_its_files(file):
    checkpoint = CheckpointReference(folder=file.parent, digest="d", files=(FileReference.of(file),))
    written = JSONSerializer().dumps(checkpoint)
    assert JSONSerializer().loads(written) == checkpoint
    file.unlink()
    with pytest.raises(ValidationError, match="is gone"):
        JSONSerializer().loads(written)


def test_equal_content_at_another_place_has_the_same_key(file, tmp_path):
    copy = tmp_path / "copy"
    copy.write_bytes(file.read_bytes())
    assert FileReference.of(copy).content_key() == FileReference.of(file).content_key()
