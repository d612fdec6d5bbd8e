"""What a run is doing at the moment: told while it happens, and never recorded.

Whoever advances a run may listen; nobody has to. A listener is called in the task that runs the
module, and must return at once.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@dataclass(frozen=True)
class Writing:
    """The LLM is writing: `texts` so far, by model, or by `MODEL.field` where a prompt has several.

    Texts that were accepted meanwhile are left out: they are recorded as finished values.
    """

    texts: Mapping[str, str]


@dataclass(frozen=True)
class Retrying:
    """A call failed and is made again in so many `seconds`, as try `number` of `most`.

    `message` says what failed.
    """

    number: int
    most: int
    seconds: float
    message: str


@dataclass(frozen=True)
class Queued:
    """The run waits until its server has ended another run."""


Activity = Writing | Retrying | Queued

_listener: ContextVar[Callable[[Activity], None] | None] = ContextVar("activity", default=None)


@contextmanager
def listening(listener: Callable[[Activity], None] | None) -> Iterator[None]:
    """Report activities to this listener while the block runs, in this task and those it starts."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def is_heard() -> bool:
    """Whether this task has a listener: without one, nothing needs to be found out for it."""
    return _listener.get() is not None


def report(activity: Activity) -> None:
    """Report an activity to the listener of this task, if it has one."""
    if (listener := _listener.get()) is not None:
        listener(activity)
