"""Devices are chosen by name, and a device that does not exist is refused in one sentence."""

from __future__ import annotations

import pytest
import torch

from models.device import pick_device


@pytest.mark.parametrize("name", ["tpu", "", "cuda:x", "CPU", "gpu"])
def test_an_unknown_device_is_refused_with_the_allowed_names(name: str) -> None:
    with pytest.raises(ValueError, match=r"^There is no device .*Use auto, cpu, cuda or cuda:N"):
        pick_device(name)


def test_an_absent_gpu_is_refused_with_what_to_do() -> None:
    if torch.cuda.is_available():
        with pytest.raises(ValueError, match="the last GPU here is cuda:"):
            pick_device("cuda:99")
        return
    assert pick_device("auto").type == pick_device("cpu").type == "cpu"
    with pytest.raises(ValueError, match="Use auto or cpu"):
        pick_device("cuda")
