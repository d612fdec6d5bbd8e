"""What is asked of a queue: runs that are handed in are carried on, the more urgent first.

A queue knows runs by name only. What carries a run on is handed to it as `advance`; that a run is
never carried on twice at once, and that no process's death loses anything, is the store's doing
(leases and facts), not the queue's: a run may be handed in twice, or again after a crash.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from callsheet.errors import CallsheetError

Advance = Callable[[str], Awaitable[None]]
"""Carries the run of this name on until it ends or a person must answer. It is idempotent."""

PERSON, BATCH = 1, 5
"""Priorities: what a person waits for goes before a batch. The smaller number goes first."""

PEOPLE_QUEUE, BATCH_QUEUE = "people", "batch"

QUEUES: Mapping[str, int] = {PEOPLE_QUEUE: PERSON, BATCH_QUEUE: BATCH}
"""Where workers look, with each queue's priority: no batch fills the places kept for people."""


class QueueStoppedError(CallsheetError):
    """The queue takes nothing more; runs that it had not begun are kept, and can be handed in again."""

    code = "queue_stopped"


@dataclass(frozen=True)
class Job:
    """A run that is to be carried on, and how urgent that is."""

    run: str
    priority: int = PERSON


class Queue(Protocol):
    """Carries runs on, in this process or in others, a bounded number of them at once."""

    async def put(self, job: Job) -> None:
        """Hands a run in; raises QueueStoppedError. One that is in hand already is not doubled."""
        ...

    async def wait(self, run: str) -> None:
        """Returns when a run that was handed in has been carried on as far as it goes.

        Returns at once where no such run is in hand. Raises what `advance` raised, and
        QueueStoppedError where the queue was stopped before it came to the run.
        """
        ...

    async def stop(self, seconds: float = 10.0) -> None:
        """Begins nothing more; what is under way has so many seconds to end, then it is cancelled."""
        ...
