"""Where the fanned-out tasks of a flow run."""

from typing import Any

from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from data.cores import usable_cores


def thread_per_core() -> TaskRunner[Any]:
    """Threads of this process, one a core: a shard's work is numpy and compression, which leave Python's lock free."""
    return ThreadPoolTaskRunner(max_workers=usable_cores())
