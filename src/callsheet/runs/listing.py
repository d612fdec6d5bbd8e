"""Lists stored runs: by page, by status, by the words of brief, prompts and notes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callsheet.runs.names import batch_of
from callsheet.store.owners import has_live_owner
from callsheet.store.port import NO_LIMIT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Container, Iterable, Sequence

    from callsheet.runs.notes import Note
    from callsheet.store.port import RunRow, Store

IDEA = "idea"
"""The field of the brief that serves as a run's title until a person gives it one."""

CHUNK = 1_000
"""Rows that a search reads at once."""

STATUS_ORDER = ("running", "interrupted", "failed", "waiting", "stopped", "succeeded")
"""A batch has the status of that run of it which stands first here."""


@dataclass(frozen=True)
class KnownRun:
    """What was read of a run when its last event and its notes had these numbers."""

    seq: int
    idea: str
    note: Note
    text: str


@dataclass(frozen=True)
class RunFilter:
    """Which runs are listed: those with all words, of a status, or favourites only."""

    search: str = ""
    status: str | None = None
    favourite: bool = False


EVERY_RUN = RunFilter()


class RunListing:
    """Pages of runs. What was read of a run is kept until it changes.

    `unsaved` holds the names of runs of which a part could not be stored: they are interrupted.
    """

    def __init__(self, store: Store, unsaved: Container[str] = ()) -> None:
        self._store = store
        self._unsaved = unsaved
        self._known: dict[str, KnownRun] = {}

    async def page(
        self, wanted: RunFilter, *, after: str | None = None, limit: int
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return matching runs after the run `after`, newest first, and where the next page starts."""
        before = await self._store.run(after) if after else None
        found: list[dict[str, Any]] = []
        async for row in self._matching(wanted, before, limit):
            if len(found) == limit:
                return found, found[-1]["run"]
            found.append(await self.entry(row))
        return found, None

    async def every(self) -> list[dict[str, Any]]:
        """Return all runs, newest first; a batch is one entry."""
        rows = await self._store.runs()
        await self._read([row for row in rows if row.note_seq or not _idea(row)])
        return group_batches([await self.entry(row) for row in rows])

    async def entry(self, row: RunRow) -> dict[str, Any]:
        """Return a run as one entry of the list."""
        title, favourite = _idea(row), False
        if row.note_seq or not title:
            await self._read([row], whole=False)
            known = self._known[row.run]
            title, favourite = known.note.title or title or known.idea, known.note.favourite
        return {
            "run": row.run,
            "workflow": row.workflow,
            "status": self._status(row),
            "started": row.started,
            "title": title or row.run,
            "favourite": favourite,
            "seq": row.seq,
            "note_seq": row.note_seq,
        }

    async def _matching(
        self, wanted: RunFilter, before: RunRow | None, limit: int
    ) -> AsyncIterator[RunRow]:
        # What a person searches with is imported when a person searches.
        from callsheet.runs.search_text import wanted_words

        words = wanted_words(wanted.search)
        narrow = bool(words or wanted.favourite)
        chunk = CHUNK if narrow or wanted.status else min(limit + 1, NO_LIMIT)
        while rows := await self._store.runs(before=before, limit=chunk):
            before, chunk = rows[-1], CHUNK
            # Rows of a batch are found by a search only: they would hide all other runs.
            rows = [row for row in rows if narrow or not batch_of(row.run)]
            if wanted.favourite:
                rows = [row for row in rows if row.note_seq]
            if narrow:
                await self._read(rows)
            for row in rows:
                if wanted.status not in (None, self._status(row)):
                    continue
                if wanted.favourite and not self._known[row.run].note.favourite:
                    continue
                if all(word in self._known[row.run].text for word in words):
                    yield row

    def _status(self, row: RunRow) -> str:
        return "interrupted" if row.run in self._unsaved else row_status(row)

    async def _read(self, rows: Sequence[RunRow], *, whole: bool = True) -> None:
        """Read the runs that have changed since; without `whole`, only their notes may be new."""
        from callsheet.runs.notes import fold_stored
        from callsheet.runs.search_text import idea_of, normalized, searched_text

        new = [row for row in rows if not self._is_known(row, whole=whole)]
        for start in range(0, len(new), CHUNK):
            part = new[start : start + CHUNK]
            events = await self._store.searched_events(part)
            for row in part:
                found = events.get(row.run, [])
                note = fold_stored(found)
                idea = idea_of(found, IDEA)
                parts = (normalized(f"{row.run}\n{note.title}\n{note.text}"), searched_text(found))
                self._known[row.run] = KnownRun(row.seq, idea, note, "\n".join(parts))

    def _is_known(self, row: RunRow, *, whole: bool) -> bool:
        known = self._known.get(row.run)
        if known is None or known.note.seq != row.note_seq:
            return False
        return known.seq == row.seq or (not whole and bool(known.idea))


def _idea(row: RunRow) -> str:
    """Return the idea that a run was started with; empty where it had to ask for it."""
    try:
        return str(json.loads(row.first_event)["answers"].get(IDEA) or "")
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
        case "question_asked" | "run_parked" | "call_submitted":
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
            entries[batch] = {**run, "run": batch, "title": "", "runs": 1}
        else:
            entry = entries[batch]
            entry["runs"] += 1
            entry["favourite"] |= run["favourite"]
            entry["started"] = min(entry["started"], run["started"])
            entry["status"] = min(entry["status"], run["status"], key=STATUS_ORDER.index)
    return list(entries.values())
