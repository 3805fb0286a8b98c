"""What makes a task's result the same again, where results are kept, and what is worth another try."""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from prefect import Task
from prefect.cache_policies import CachePolicy
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.transactions import IsolationLevel
from pydantic import BaseModel

from data.home import Home
from tasks.cache.code_digest import code_digest, text_digest
from tasks.cache.locks import FlockLockManager
from tasks.cache.records import ProvenJSON, discard_foreign
from tracking.transient import is_transient

P = ParamSpec("P")
R = TypeVar("R")

MLFLOW_ATTEMPTS = 16
"""Of a task that needs nothing but MLflow: ten minutes of waiting in between, for a server that is started again."""


@dataclass
class ContentPolicy(CachePolicy):
    """Key = task's name + inputs + digest of the code that determines the result.

    `modules` are where that code begins ("data.shards"); what they import of this project counts too, and so does the
    task function's own text. Inputs are JSON values, paths, frozen pydantic models, and sequences or mappings of
    them; a model with a `content_key` method stands for its content instead of its place. Anything else raises
    TypeError: its hash could differ between processes.
    """

    modules: tuple[str, ...] = ()
    results: Path | None = None
    """Where the records lie: one that is there under a wrong name is deleted before it can be taken for a result."""

    def compute_key(
        self,
        task_ctx: TaskRunContext,
        inputs: dict[str, Any],
        flow_parameters: dict[str, Any],
        **kwargs: Any,
    ) -> str:
        """The name of the result record: the task's name, for people, and the hash."""
        key = {
            "task": task_ctx.task.name,
            "inputs": {name: identity(value) for name, value in inputs.items()},
            "code": code_digest(*self.modules),
            "body": text_digest(inspect.getsource(task_ctx.task.fn)),
        }
        name = f"{task_ctx.task.name}-{content_hash(key)[:32]}"
        if self.results is not None:
            discard_foreign(self.results / name)
        return name


def content_hash(value: Any) -> str:
    """sha256 (hex) of `value`'s identity; equal in every process."""
    return hashlib.sha256(json.dumps(identity(value), sort_keys=True).encode()).hexdigest()


def identity(value: Any) -> Any:
    """`value` as JSON that tells it from other values. Raises TypeError where that is not certain."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Enum):
        return [type(value).__qualname__, identity(value.value)]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, BaseModel):
        content_key = getattr(value, "content_key", None)
        content = content_key() if content_key else value.model_dump(mode="json")
        return [type(value).__qualname__, content]
    if isinstance(value, list | tuple):
        return [identity(item) for item in value]
    if isinstance(value, dict):
        return {str(key): identity(item) for key, item in value.items()}
    raise TypeError(
        f"{type(value).__qualname__} cannot be part of a cache key; pass a frozen config, a path or a string"
    )


def at_home(task: Task[P, R], home: Home) -> Task[P, R]:
    """`task` with its results and locks in `home`, so that concurrent runs do each piece of work once."""
    policy = task.cache_policy
    if isinstance(policy, ContentPolicy):
        policy = replace(policy, results=home.results)
        policy = policy.configure(lock_manager=_locks(home.locks), isolation_level=IsolationLevel.SERIALIZABLE)
    return task.with_options(cache_policy=policy, result_storage=home.results)


@functools.cache
def _locks(folder: Path) -> FlockLockManager:
    return FlockLockManager(folder)  # one a process: it knows what the process holds


def worth_retrying(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:
    """Whether the failure may pass by itself: trouble with disk, network or a busy database, and nothing else.

    A plain function, as Prefect asks for. A bad prompt, config, shard or checkpoint fails at once: it would fail again.
    """
    return is_transient(state.data) if isinstance(state.data, BaseException) else False


def retried(attempts: int = 3) -> dict[str, Any]:
    """Options of a task that is tried again with growing, jittered delays: 1, 2, 4 ... seconds, at most a minute."""
    return {
        "retries": attempts - 1,
        "retry_delay_seconds": [min(2.0**attempt, 60.0) for attempt in range(attempts - 1)],
        "retry_jitter_factor": 0.5,
        "retry_condition_fn": worth_retrying,
    }


def cached_by(*modules: str) -> dict[str, Any]:
    """Options of a task whose result is kept by content; `modules` begin the code that determines it."""
    return {
        "cache_policy": ContentPolicy(modules=modules),
        "persist_result": True,
        "result_serializer": ProvenJSON(),  # references are validated as they are read, and nothing is unpickled
    }
