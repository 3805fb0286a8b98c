"""How tasks are tried again, and how a task says that it had nothing to do."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from prefect import Task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.states import Completed

from tracking.transient import is_transient

T = TypeVar("T")

MLFLOW_ATTEMPTS = 16
"""Attempts of a task that needs MLflow. Their delays add up to ten minutes, enough to restart a server."""

CACHED = "Cached"


def retried(attempts: int = 3) -> dict[str, Any]:
    """Options of a task that is tried `attempts` times, after 1, 2, 4 ... seconds, at most a minute, with jitter.

    Prefect keeps no results of these tasks: the manifests of artifacts say what exists (see `tasks.cache.artifact`).
    """
    return {
        "cache_policy": NO_CACHE,
        "persist_result": False,
        "retries": attempts - 1,
        "retry_delay_seconds": [min(2.0**attempt, 60.0) for attempt in range(attempts - 1)],
        "retry_jitter_factor": 0.5,
        "retry_condition_fn": worth_retrying,
    }


def worth_retrying(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Whether a failure may pass by itself: trouble with disk, network or a busy database.

    A bad prompt, configuration, shard or checkpoint fails at once, because it would fail again.
    """
    return is_transient(state.data) if isinstance(state.data, BaseException) else False


def kept(value: T) -> T:
    """`value` as the result of a task that found it made already. The task run's state is then named Cached.

    Call such a task with `return_state=True` (see `flows.outcome.run_step`): the state holds the value.
    """
    return cast(T, Completed(name=CACHED, message="It was made before, and it is whole.", data=value))
