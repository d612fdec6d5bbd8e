"""Notes of a person, which stand beside the events of a run, and what gives runs their titles."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from callsheet.events import RunNoted
from callsheet.store.port import NO_LIMIT, UnreadableRunError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callsheet.store.database import Database, Transaction
    from callsheet.store.port import RunRow, TitlingKind

SPARSE = 4
"""Runs are read one by one where so many others stand between them."""


async def lock_notes(do: Transaction, run: str, event: RunNoted) -> bool:
    """Waits for other notes of the run; False where there is no such run."""
    if event.images:
        # Before the row of the run, as when a run is deleted: two orders could deadlock.
        await do("lock_files")
    return bool(await do("lock_notes", run=run))


async def add_note(do: Transaction, run: str, event: RunNoted, body: str) -> None:
    """Adds a note as JSON text, and deletes the images that it replaces."""
    await do("insert_note", run=run, kind=event.kind, body=body)
    await do("announce_note", run=run)
    if event.images:
        await _delete_unused_images(do, run)


async def _delete_unused_images(do: Transaction, run: str) -> None:
    images: dict[str, Any] = {}
    known: set[str] = set()
    for _, body, _ in await do("select_notes", run=run):
        for model, image in json.loads(body).get("images", {}).items():
            images[model] = image and image["hash"]
            known |= {images[model]}
    if unused := sorted(known - {None, *images.values()}):
        for name in unused:
            await do("delete_run_file", run=run, hash=name)
        await do("delete_files")


async def read_notes(database: Database, run: str) -> list[RunNoted]:
    """The notes of a run, the oldest first."""
    rows = await database.read("select_notes", run=run)
    try:
        return [RunNoted.model_validate(json.loads(body)) for _, body, _ in rows]
    except (ValueError, ValidationError) as error:
        raise UnreadableRunError(
            f"a note of the run {run} in {database.place} cannot be read",
            hint=f"other runs are not affected; `callsheet delete {run}` deletes this one",
        ) from error


async def read_titling(
    database: Database, rows: Sequence[RunRow], kind: TitlingKind
) -> dict[str, list[dict[str, Any]]]:
    """The events of a kind that give these runs their titles: each as JSON."""
    found: dict[str, list[dict[str, Any]]] = {row.run: [] for row in rows}
    numbers = sorted(row.number for row in rows)
    spans = [(numbers[0], numbers[-1])] if numbers else []
    if numbers and numbers[-1] - numbers[0] > SPARSE * len(numbers):
        spans = [(number, number) for number in numbers]
    below = 0 if kind == "run_noted" else NO_LIMIT
    for low, high in spans:
        events = await database.read(
            "select_titling_events", low=low, high=high, kind=kind, below=below
        )
        for run, body in events:
            if run in found:
                found[run] += _readable(body)
    return found


def _readable(body: str) -> list[dict[str, Any]]:
    """An event as JSON; none where it is damaged, for it must not hide the other runs."""
    try:
        event = json.loads(body)
    except ValueError:
        return []
    return [event] if isinstance(event, dict) else []
