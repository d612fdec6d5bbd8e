"""Lists stored runs: by page, by status, by the words of brief, prompts and notes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callsheet.runs.names import batch_of
from callsheet.store.owners import has_live_owner
from callsheet.store.port import NO_LIMIT
from callsheet.store.texts import has_words, wanted_words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Container, Iterable, Mapping, Sequence

    from callsheet.runs.notes import Note
    from callsheet.store.port import RunRow, Store

IDEA = "idea"
"""The field of the brief that serves as a run's title until a person gives it one."""

CHUNK = 1_000
"""Rows that a search reads at once."""

STATUS_ORDER = ("running", "interrupted", "failed", "waiting", "stopped", "succeeded")
"""A batch has the status of that run of it which stands first here."""


@dataclass(frozen=True)
class RunFilter:
    """Which runs are listed: those with all words, of a status, or favourites only."""

    search: str = ""
    status: str | None = None
    favourite: bool = False


EVERY_RUN = RunFilter()


class RunListing:
    """Pages of runs. Notes and ideas that were read of a run are kept until it changes.

    `unsaved` holds the names of runs of which a part could not be stored: they are interrupted.
    """

    def __init__(self, store: Store, unsaved: Container[str] = ()) -> None:
        self._store = store
        self._unsaved = unsaved
        self._notes: dict[str, Note] = {}
        self._ideas: dict[str, tuple[int, str]] = {}

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
        await self._read_notes(rows)
        await self._read_ideas(rows)
        return group_batches([await self.entry(row) for row in rows])

    async def entry(self, row: RunRow) -> dict[str, Any]:
        """Return a run as one entry of the list."""
        await self._read_notes([row])
        note = self._notes.get(row.run)
        title = (note.title if note else "") or _idea(row)
        if not title:
            await self._read_ideas([row])
            title = self._ideas[row.run][1]
        return {
            "run": row.run,
            "workflow": row.workflow,
            "status": self._status(row),
            "started": row.started,
            "title": title or row.run,
            "favourite": note is not None and note.favourite,
            "seq": row.seq,
            "note_seq": row.note_seq,
        }

    async def _matching(
        self, wanted: RunFilter, before: RunRow | None, limit: int
    ) -> AsyncIterator[RunRow]:
        words = wanted_words(wanted.search)
        having = {word: await self._store.runs_with(word) for word in words}
        narrow = bool(words or wanted.favourite)
        chunk = CHUNK if narrow or wanted.status else min(limit + 1, NO_LIMIT)
        while rows := await self._store.runs(before=before, limit=chunk):
            before, chunk = rows[-1], CHUNK
            # Rows of a batch are found by a search only: they would hide all other runs.
            rows = [row for row in rows if narrow or not batch_of(row.run)]
            if narrow:
                await self._read_notes(rows)
            for row in rows:
                note = self._notes.get(row.run)
                if wanted.status not in (None, self._status(row)):
                    continue
                if wanted.favourite and not (note and note.favourite):
                    continue
                noted = f"\n{note.title}\n{note.text}" if note else ""
                if has_words(row.run, having, row.run + noted):
                    yield row

    def _status(self, row: RunRow) -> str:
        return "interrupted" if row.run in self._unsaved else row_status(row)

    async def _read_notes(self, rows: Sequence[RunRow]) -> None:
        """Read the notes of those runs that were noted since."""
        new = [row for row in rows if row.note_seq and self._notes_read(row) != row.note_seq]
        if not new:
            return
        from callsheet.runs.notes import fold_stored

        for start in range(0, len(new), CHUNK):
            part = new[start : start + CHUNK]
            events = await self._store.titling_events(part, "run_noted")
            self._notes |= {run: fold_stored(found) for run, found in events.items()}

    def _notes_read(self, row: RunRow) -> int:
        note = self._notes.get(row.run)
        return note.seq if note else 0

    async def _read_ideas(self, rows: Sequence[RunRow]) -> None:
        """Read the answers of those runs that had to ask for their idea."""
        asked = [row for row in rows if not _idea(row) and not self._is_known(row)]
        for start in range(0, len(asked), CHUNK):
            part = asked[start : start + CHUNK]
            events = await self._store.titling_events(part, "question_answered")
            for row in part:
                self._ideas[row.run] = (row.seq, _answer_in(events[row.run], IDEA))

    def _is_known(self, row: RunRow) -> bool:
        seq, idea = self._ideas.get(row.run, (0, ""))
        return bool(idea) or seq == row.seq


def _answer_in(events: Iterable[Mapping[str, Any]], key: str) -> str:
    """Return the first answer to a question."""
    found = (event.get("value") for event in events if event.get("key") == key)
    return str(next(filter(None, found), ""))


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
