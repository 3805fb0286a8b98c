"""Where the networks run, and with how many threads and how much memory of their own."""

from __future__ import annotations

import ctypes
import re
import sys

import torch

from data.cores import usable_cores
from models.config import DEVICES

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3  # Parameters of mallopt(3).


class DeviceError(ValueError):
    """There is no such device. The message says which devices there are."""


def pick_device(name: str) -> torch.device:
    """The device called `name`: `auto`, `cpu`, `cuda` or `cuda:N`. `auto` is CUDA if torch finds it, else the CPU.

    Raises:
        DeviceError: there is no such name, or torch finds no such GPU.
    """
    if not re.fullmatch(DEVICES, name):
        raise DeviceError(
            f"There is no device {name!r}. Use auto, cpu, cuda or cuda:N, where N is the number of a GPU."
        )
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return torch.device("cuda" if gpus else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and not gpus:
        raise DeviceError(f"The device {name!r} was asked for, but torch finds no CUDA GPU here. Use auto or cpu.")
    if device.type == "cuda" and (device.index or 0) >= gpus:
        raise DeviceError(f"The device {name!r} was asked for, but the last GPU here is cuda:{gpus - 1}.")
    return device


def use_threads(count: int) -> None:
    """Let torch compute with `count` threads. With 0 torch chooses, but takes no more than one per usable core."""
    torch.set_num_threads(count or min(torch.get_num_threads(), usable_cores()))


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, if the C library is glibc.

    A training step frees and takes hundreds of megabytes. By default glibc hands large blocks back to the system at
    once, and each step pays for the page faults again.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # Other C libraries do not have it.
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)
        mallopt(_M_TOP_PAD, 1 << 26)
