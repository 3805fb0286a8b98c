"""What a step of a flow gave, and whether it had to be done for that."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar

from prefect import Task
from prefect.client.schemas.objects import State

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """A step's value; `cached` where it was there already."""

    value: T
    cached: bool


def run_step(task: Task[P, T], *args: P.args, **kwargs: P.kwargs) -> Outcome[T]:
    """Runs `task` in this thread. Raises what the task raised."""
    call: Callable[..., State[T]] = task
    state = call(*args, return_state=True, **kwargs)
    value: Any = state.result()
    return Outcome(value, cached=was_cached(state))


def was_cached(state: State[Any]) -> bool:
    """Whether a task run took its result from the cache."""
    return state.name == "Cached"
