"""A run whose worker died in the middle of it: that is told in the run, and not tried for ever."""

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
"""So many workers may die of one run, at one place in it."""

CRASH_NOTE = "the worker that carried this run on died in the middle of it; another took it up"


def count_crashes(facts: Sequence[RecordedEvent]) -> int:
    """How many deaths are told of since the run last went on."""
    return sum(1 for _ in takewhile(_is_crash_note, reversed(facts)))


def record_crash(view: RunView, before: int) -> Noted | RunFailed:
    """What is to be told of one more death after so many: after too many the run has failed."""
    if before + 1 < MAX_CRASHES:
        return Noted(step=view.step or "", text=CRASH_NOTE)
    error = CrashedError(
        f"{MAX_CRASHES} workers died in the middle of this run, one after another",
        hint=f"look into their logs; `callsheet resume {view.run}` tries it once more",
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
