"""Lists kept runs for a person who looks for one: by page, by status, by the words of the idea."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from callsheet.events import QuestionAnswered
from callsheet.runs.names import batch_of
from callsheet.store.owners import is_held

if TYPE_CHECKING:
    from collections.abc import Iterable

    from callsheet.store.port import RunRow, Store

IDEA = "idea"
"""The field of the brief that a run is known by."""

CHUNK = 200

STATUS_ORDER = ("running", "interrupted", "failed", "waiting", "stopped", "succeeded")
"""A batch has the status of that run of it which stands first here."""


class RunListing:
    """Runs as a list shows them. Titles are remembered: what a run began with never changes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._titles: dict[str, str] = {}

    async def page(
        self, *, search: str = "", status: str | None = None, after: str | None = None, limit: int
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Runs that fit, newest first, behind the run `after`; and where the next page begins."""
        before = await self._store.run(after) if after else None
        wanted = search.casefold().split()
        found: list[dict[str, Any]] = []
        chunk = CHUNK if wanted or status else limit + 1
        while rows := await self._store.runs(before=before, limit=chunk):
            for row in rows:
                # The rows of a batch are found by a search; a list of them hides all others.
                if batch_of(row.run) and not wanted:
                    continue
                glance = await self.glance(row)
                words = f"{row.run} {glance['title']}".casefold()
                if all(word in words for word in wanted) and status in (None, glance["status"]):
                    if len(found) == limit:
                        return found, found[-1]["run"]
                    found.append(glance)
            before, chunk = rows[-1], CHUNK
        return found, None

    async def glance(self, row: RunRow) -> dict[str, Any]:
        """A run as one line of the list."""
        return {
            "run": row.run,
            "workflow": row.workflow,
            "status": row_status(row),
            "started": row.started,
            "title": await self._title(row),
            "seq": row.seq,
        }

    async def _title(self, row: RunRow) -> str:
        if row.run not in self._titles:
            told = _idea(row.first)
            asked = "" if told else await self._asked(row.run)
            if not (told or asked):
                return row.run
            self._titles[row.run] = told or asked
        return self._titles[row.run]

    async def _asked(self, run: str) -> str:
        """The idea of a run that had to ask for it."""
        for fact in await self._store.events(run):
            if isinstance(fact.event, QuestionAnswered) and fact.event.key == IDEA:
                return str(fact.event.value)
        return ""


def _idea(first: str) -> str:
    try:
        return str(json.loads(first)["answers"].get(IDEA) or "")
    except (ValueError, LookupError, AttributeError):
        # A damaged fact must not hide the other runs.
        return ""


def row_status(row: RunRow) -> str:
    """Return the status of a stored run, from its last event and its lease."""
    match row.last:
        case "run_finished":
            return row.result
        case "run_failed":
            return "failed"
        case "question_asked" | "run_parked":
            return "waiting"
        case _:
            return "running" if is_held(row) else "interrupted"


def group_batches(runs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Summarize the runs of each batch as one entry; `runs` is how many it has."""
    entries: dict[str, dict[str, Any]] = {}
    for run in runs:
        batch = batch_of(run["run"])
        if not batch:
            entries[run["run"]] = run
        elif batch not in entries:
            entries[batch] = {**run, "run": batch, "runs": 1}
        else:
            entry = entries[batch]
            entry["runs"] += 1
            entry["started"] = min(entry["started"], run["started"])
            entry["status"] = min(entry["status"], run["status"], key=STATUS_ORDER.index)
    return list(entries.values())
