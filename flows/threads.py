"""The task runner of flows whose tasks run in parallel."""

from typing import Any

from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from data.cores import usable_cores


def thread_per_core() -> TaskRunner[Any]:
    """One thread of this process per core. Threads suffice, because numpy and compression release Python's lock."""
    return ThreadPoolTaskRunner(max_workers=usable_cores())
