"""How many CPU cores this process may use, which can be fewer than the machine has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")


def usable_cores(*, cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> int:
    """Return how many threads can compute at the same time, 1 or more.

    `os.cpu_count()` tells the cores of the machine. A process gets fewer when its affinity is restricted (`taskset`,
    Slurm) or when its control group has a CPU quota (Docker, Kubernetes, systemd). More threads than the quota allows
    only wait for one another, so a quota is rounded down.

    Args:
        cgroups: where the control groups are mounted.
        membership: file that lists the control groups of this process.
    """
    # macOS has no affinity.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cores, *(int(quota) for quota in _quotas(cgroups, membership))]))


def _quotas(cgroups: Path, membership: Path) -> Iterator[float]:
    """Yield the CPU quotas, in cores, of the process's control group and of every group around it."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return  # not Linux
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        root = cgroups / controllers  # version 2 names no controllers: all its groups lie below the mount itself
        inner = root / group.lstrip("/")
        for folder in (inner, *inner.parents):
            if not folder.is_relative_to(root):
                break
            with suppress(OSError, ValueError):  # ValueError: the quota is "max", which means none
                yield _version_1_quota(folder) if controllers else _version_2_quota(folder)


def _version_2_quota(folder: Path) -> float:
    quota, period = (folder / "cpu.max").read_text().split()
    return int(quota) / int(period)


def _version_1_quota(folder: Path) -> float:
    quota = int((folder / "cpu.cfs_quota_us").read_text())
    if quota < 0:
        raise ValueError("no quota")
    return quota / int((folder / "cpu.cfs_period_us").read_text())
