"""What a step of a flow gave, and whether it had been made before."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar

from prefect import Task
from prefect.client.schemas.objects import State

from tasks.retrying import CACHED

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """The value of a step. `cached` says whether it had been made before."""

    value: T
    cached: bool


def run_step(task: Task[P, T], *args: P.args, **kwargs: P.kwargs) -> Outcome[T]:
    """Run `task` in this thread. Raises what the task raises."""
    call: Callable[..., State[T]] = task
    state = call(*args, return_state=True, **kwargs)
    value: Any = state.result()
    return Outcome(value, cached=was_cached(state))


def was_cached(state: State[Any]) -> bool:
    """Whether a task run found its result made before."""
    return state.name == CACHED
