"""Limits how often a run is retried after the worker that executed it has died."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from callsheet.errors import CrashedError
from callsheet.events import Noted, RunFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callsheet.engine.run_view import RunView
    from callsheet.events import RecordedEvent

MAX_CRASHES = 3
"""How many workers may die at the same position of a run before it fails."""

CRASH_NOTE = "the worker that carried this run on died in the middle of it; another took it up"


def count_crashes(events: Sequence[RecordedEvent]) -> int:
    """How many crashes are recorded since the last progress of the run."""
    return sum(1 for _ in takewhile(_is_crash_note, reversed(events)))


def record_crash(view: RunView, before: int) -> Noted | RunFailed:
    """The event for one more crash: a note, or the failure of the run after too many."""
    if before + 1 < MAX_CRASHES:
        return Noted(step=view.step or "", text=CRASH_NOTE)
    error = CrashedError(
        f"{MAX_CRASHES} workers died one after another while executing this run",
        hint=f"check the logs of the workers; `callsheet resume {view.run}` tries again",
    )
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
