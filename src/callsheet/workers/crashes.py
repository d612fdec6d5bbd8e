"""Limits how often a run is tried again after the process that executed it has died."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from callsheet.errors import CrashedError
from callsheet.events import Noted, RunFailed, RunResumed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callsheet.engine.run_view import RunView
    from callsheet.events import RecordedEvent

MAX_CRASHES = 3
"""How many processes may die of a run before it fails."""

CRASH_NOTE = "the worker that carried this run on died in the middle of it; another took it up"

BATCH_NOTE = "the process of the batch died while this row was under way, alone or beside others"


def count_crashes(events: Sequence[RecordedEvent]) -> int:
    """How many crashes are recorded since the last progress of the run."""
    return sum(1 for _ in takewhile(_is_crash_note, reversed(events)))


def count_batch_crashes(events: Sequence[RecordedEvent]) -> int:
    """How many crashes of a batch's process are recorded since a person resumed the run."""
    since = takewhile(lambda each: not isinstance(each.event, RunResumed), reversed(events))
    return sum(isinstance(e := each.event, Noted) and e.text == BATCH_NOTE for each in since)


def record_crash(view: RunView, before: int) -> Noted | RunFailed:
    """The event for one more crash of a worker: a note, or the failure of the run after too many."""
    error = CrashedError(
        f"{MAX_CRASHES} workers died one after another while executing this run",
        hint=f"check the logs of the workers; `callsheet resume {view.run}` tries again",
    )
    return _recorded(view, before, CRASH_NOTE, error)


def record_batch_crash(view: RunView, before: int) -> Noted | RunFailed:
    """The same where the process of a batch died, which executed the row itself."""
    error = CrashedError(
        f"the process of the batch died {MAX_CRASHES} times during this row, at last with nothing"
        " beside it",
        hint="look for what ends the process, such as too little memory; `--retry-failed` tries again",
    )
    return _recorded(view, before, BATCH_NOTE, error)


def _recorded(view: RunView, before: int, note: str, error: CrashedError) -> Noted | RunFailed:
    if before + 1 < MAX_CRASHES:
        return Noted(step=view.step or "", text=note)
    return RunFailed(
        step=view.step or "",
        attempt=view.attempt,
        code=error.code,
        message=error.message,
        hint=error.hint,
        exit_code=error.exit_code,
    )


def _is_crash_note(recorded: RecordedEvent) -> bool:
    return isinstance(recorded.event, Noted) and recorded.event.text == CRASH_NOTE
