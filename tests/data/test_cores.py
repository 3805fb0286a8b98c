"""A process starts no more threads than it may run at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from data.cores import usable_cores

COUNT_CORES = "from data.cores import usable_cores; print(usable_cores())"


@pytest.fixture
def cores_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Usable cores of a machine with 16 cores, whose control groups hold the given files."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)

    def cores(membership: str, **files: str) -> int:
        (tmp_path / "membership").write_text(membership)
        for name, content in files.items():
            path = tmp_path / "cgroup" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return usable_cores(cgroups=tmp_path / "cgroup", membership=tmp_path / "membership")

    return cores


@pytest.mark.parametrize(("content", "cores"), [("50000 100000", 1), ("350000 100000", 3), ("max 100000", 16)])
def test_a_quota_of_a_container_limits_the_cores(cores_of: Callable[..., int], content: str, cores: int) -> None:
    assert cores_of("0::/\n", **{"cpu.max": content}) == cores


def test_the_smallest_quota_of_all_groups_around_the_process_counts(cores_of: Callable[..., int]) -> None:
    files = {"user.slice/cpu.max": "200000 100000", "user.slice/job.scope/cpu.max": "400000 100000"}
    assert cores_of("0::/user.slice/job.scope\n", **files) == 2


@pytest.mark.parametrize("mount", ["cpu", "cpu,cpuacct"])
@pytest.mark.parametrize(("quota", "cores"), [("50000", 1), ("250000", 2), ("-1", 16)])
def test_version_1_of_control_groups_is_read(cores_of: Callable[..., int], mount: str, quota: str, cores: int) -> None:
    files = {f"{mount}/box/cpu.cfs_quota_us": quota, f"{mount}/box/cpu.cfs_period_us": "100000"}
    assert cores_of(f"4:memory:/other\n3:{mount}:/box\n0::/\n", **files) == cores


def test_a_group_that_is_not_mounted_here_falls_back_to_the_mount_itself(cores_of: Callable[..., int]) -> None:
    files = {"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}
    assert cores_of("1:cpu:/docker/0123\n", **files) == 3


def test_without_control_groups_the_affinity_counts(tmp_path: Path) -> None:
    assert usable_cores(cgroups=tmp_path, membership=tmp_path / "none") == len(os.sched_getaffinity(0))


def test_a_process_that_is_tied_to_one_core_uses_one() -> None:
    core = min(os.sched_getaffinity(0))
    command = ["taskset", "-c", str(core), sys.executable, "-c", COUNT_CORES]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "1\n"
