"""Lists stored runs: by page, by status, by the words of the idea."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from callsheet.events import QuestionAnswered
from callsheet.runs.names import batch_of
from callsheet.store.owners import has_live_owner

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from callsheet.store.port import RunRow, Store

IDEA = "idea"
"""The field of the brief that serves as a run's title."""

CHUNK = 200
"""Rows that a search reads at once."""

STATUS_ORDER = ("running", "interrupted", "failed", "waiting", "stopped", "succeeded")
"""A batch has the status of that run of it which stands first here."""


class RunListing:
    """Pages of runs. Titles are cached, for the idea of a run never changes.

    `unsaved` holds the names of runs of which a part could not be stored: they are interrupted.
    """

    def __init__(self, store: Store, unsaved: Container[str] = ()) -> None:
        self._store = store
        self._unsaved = unsaved
        self._titles: dict[str, str] = {}

    async def page(
        self, *, search: str = "", status: str | None = None, after: str | None = None, limit: int
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return matching runs after the run `after`, newest first, and where the next page starts."""
        before = await self._store.run(after) if after else None
        wanted = search.casefold().split()
        found: list[dict[str, Any]] = []
        chunk = CHUNK if wanted or status else limit + 1
        while rows := await self._store.runs(before=before, limit=chunk):
            for row in rows:
                # Rows of a batch are found by a search only: they would hide all other runs.
                if batch_of(row.run) and not wanted:
                    continue
                entry = await self.entry(row)
                text = f"{row.run} {entry['title']}".casefold()
                if all(word in text for word in wanted) and status in (None, entry["status"]):
                    if len(found) == limit:
                        return found, found[-1]["run"]
                    found.append(entry)
            before, chunk = rows[-1], CHUNK
        return found, None

    async def entry(self, row: RunRow) -> dict[str, Any]:
        """Return a run as one entry of the list."""
        return {
            "run": row.run,
            "workflow": row.workflow,
            "status": "interrupted" if row.run in self._unsaved else row_status(row),
            "started": row.started,
            "title": await self._title(row),
            "seq": row.seq,
        }

    async def _title(self, row: RunRow) -> str:
        if row.run not in self._titles:
            title = _idea(row.first_event) or await self._answered_idea(row.run)
            if not title:
                return row.run
            self._titles[row.run] = title
        return self._titles[row.run]

    async def _answered_idea(self, run: str) -> str:
        """Return the idea of a run that had to ask for it."""
        for recorded in await self._store.events(run):
            if isinstance(event := recorded.event, QuestionAnswered) and event.key == IDEA:
                return str(event.value)
        return ""


def _idea(first: str) -> str:
    try:
        return str(json.loads(first)["answers"].get(IDEA) or "")
    except (ValueError, LookupError, AttributeError):
        # A damaged event must not hide the other runs.
        return ""


def row_status(row: RunRow) -> str:
    """Return the status of a stored run, from its last event and its lease."""
    match row.last_event:
        case "run_finished":
            return row.result
        case "run_failed":
            return "failed"
        case "question_asked" | "run_parked":
            return "waiting"
        case _:
            return "running" if has_live_owner(row) else "interrupted"


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
