"""A run whose worker died in the middle of it: that is told in the run, and not tried for ever."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from callsheet.errors import CrashedError
from callsheet.events import Noted, RunFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callsheet.engine.view import View
    from callsheet.events import Recorded

MOST_DEATHS = 3
"""So many workers may die of one run, at one place in it."""

TOLD = "the worker that carried this run on died in the middle of it; another took it up"


def deaths(facts: Sequence[Recorded]) -> int:
    """How many deaths are told of since the run last went on."""
    return sum(1 for _ in takewhile(_tells_of_one, reversed(facts)))


def after_death(view: View, before: int) -> Noted | RunFailed:
    """What is to be told of one more death after so many: after too many the run has failed."""
    if before + 1 < MOST_DEATHS:
        return Noted(step=view.step or "", text=TOLD)
    error = CrashedError(
        f"{MOST_DEATHS} workers died in the middle of this run, one after another",
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


def _tells_of_one(recorded: Recorded) -> bool:
    return isinstance(recorded.event, Noted) and recorded.event.text == TOLD
