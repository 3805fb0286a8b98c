"""Cache keys and retries."""

import errno
from enum import Enum
from pathlib import Path

import httpx
import pytest
from prefect.states import Failed
from pydantic import BaseModel

from data.prompts import PromptError
from data.world import WorldConfig
from tasks.caching import content_hash, identity, worth_retrying


class Colour(Enum):
    BLUE = "blue"


class One(BaseModel):
    value: int


class Two(BaseModel):
    value: int


def test_models_of_different_types_with_equal_fields_differ():
    assert content_hash(One(value=1)) != content_hash(Two(value=1))


def test_equal_configs_have_equal_hashes_however_they_were_made():
    assert content_hash(WorldConfig()) == content_hash(WorldConfig.model_validate(WorldConfig().model_dump()))


def test_every_input_counts():
    assert content_hash({"seed": 1}) != content_hash({"seed": 2})
    assert content_hash([Path("a")]) != content_hash([Path("b")])
    assert content_hash(1) != content_hash(1.5) != content_hash("1")
    assert content_hash(Colour.BLUE) != content_hash("blue")


@pytest.mark.parametrize("value", [{1, 2}, object(), b"bytes"])
def test_what_may_hash_differently_in_another_process_is_refused(value):
    with pytest.raises(TypeError, match="cannot be part of a cache key"):
        identity([value])


@pytest.mark.parametrize(
    "error", [ConnectionResetError("reset"), OSError(errno.EIO, "input/output error"), httpx.ConnectTimeout("slow")]
)
def test_trouble_that_may_pass_is_retried(error):
    assert worth_retrying(None, None, Failed(data=error))


@pytest.mark.parametrize(
    "error",
    [
        PromptError("unknown word"),
        ValueError("bad config"),
        FileNotFoundError("gone"),
        PermissionError("not yours"),
        OSError(errno.ENOSPC, "disk full"),
        RuntimeError("a bug"),
    ],
)
def test_what_would_fail_again_is_not_retried(error):
    assert not worth_retrying(None, None, Failed(data=error))


def test_what_a_transient_error_caused_is_retried():
    error = RuntimeError("could not log")
    error.__cause__ = ConnectionResetError("reset")
    assert worth_retrying(None, None, Failed(data=error))


def test_a_bad_config_is_not_retried():
    with pytest.raises(ValueError, match="frames") as caught:
        WorldConfig(frames=0)
    assert not worth_retrying(None, None, Failed(data=caught.value))
