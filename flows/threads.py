"""Where the fanned-out tasks of a flow run."""

import os
from typing import Any

from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner


def thread_per_core() -> TaskRunner[Any]:
    """Threads of this process, one a core: a shard's work is numpy and compression, which leave Python's lock free."""
    return ThreadPoolTaskRunner(max_workers=os.cpu_count() or 1)
