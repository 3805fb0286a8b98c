"""What makes a task's result the same again, where results are kept, and what is worth another try."""

from __future__ import annotations

import errno
import functools
import hashlib
import inspect
import json
import sys
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeGuard, TypeVar

from prefect import Task
from prefect.cache_policies import CachePolicy
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.transactions import IsolationLevel
from pydantic import BaseModel

from tasks.code_digest import code_digest, text_digest
from tasks.home import Home
from tasks.locks import FlockLockManager
from tasks.records import ProvenJSON, discard_foreign

if TYPE_CHECKING:
    from mlflow.exceptions import MlflowException

P = ParamSpec("P")
R = TypeVar("R")

_LASTING_KINDS = (FileNotFoundError, FileExistsError, PermissionError, IsADirectoryError, NotADirectoryError)
_LASTING = {
    *(errno.ENOENT, errno.EEXIST, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR),
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENAMETOOLONG),
}
_LASTING_DATABASE_TROUBLE = ("disk is full", "readonly database", "unable to open database file")

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


def is_transient(error: BaseException) -> bool:
    """Whether `error`, or what caused it, may pass by itself."""
    import httpx
    import requests
    import sqlalchemy.exc

    if isinstance(error, requests.HTTPError):  # an OSError as all of requests' errors are, but with an answer
        return error.response is None or _may_pass(error.response.status_code)
    if isinstance(error, OSError):
        lasting_kinds = (*_LASTING_KINDS, ValueError)  # requests: an address that is none is both kinds of error
        return error.errno not in _LASTING and not isinstance(error, lasting_kinds)
    if isinstance(error, sqlalchemy.exc.OperationalError):
        return not any(words in str(error.orig) for words in _LASTING_DATABASE_TROUBLE)
    if isinstance(error, httpx.TransportError):
        return True
    cause = error.__cause__
    if _is_mlflows(error):
        # It gives no cause when it could not connect, and no status: the error that it handled is all that there is.
        cause = cause or error.__context__
        if cause is None:  # MLflow calls any error of its own an internal one
            return error.error_code != "INTERNAL_ERROR" and _may_pass(error.get_http_status_code())
    return cause is not None and is_transient(cause)


def _may_pass(status: int) -> bool:
    """Whether an answer of HTTP `status` may be another one later."""
    return status >= 500 or status in (408, 429)


def _is_mlflows(error: BaseException) -> TypeGuard[MlflowException]:
    """Whether `error` is MLflow's, without importing it: where it is not loaded, it has raised nothing."""
    module = sys.modules.get("mlflow.exceptions")
    return module is not None and isinstance(error, module.MlflowException)


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
