"""Searches a whole store for damage: its pages, every event, every file."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from callsheet.errors import StorageError
from callsheet.store.port import UnreadableRunError

if TYPE_CHECKING:
    from callsheet.store.sql import SqlStore


async def verify(store: SqlStore) -> list[str]:
    """Every damage that is found; raises StorageCorruptError where the pages themselves are damaged."""
    await store.database.check()
    found: list[str] = []
    for run in await store.names_starting_with(""):
        try:
            numbers = [recorded.seq for recorded in await store.events(run)]
            await store.notes(run)
        except StorageError as error:
            found.append(error.message)
            continue
        missing = next((n for n, seq in enumerate(numbers, start=1) if n != seq), None)
        if missing is not None or not numbers:
            found.append(f"event {missing or 1} of the run {run} is missing")
    for (name,) in await store.database.read("select_file_names"):
        try:
            content = await store.file(name)
        except UnreadableRunError as error:
            found.append(error.message)
            continue
        if hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest() != name:
            found.append(f"a stored file is not what was stored: {name[:12]}")
    for run, name in await store.database.read("select_missing_files"):
        found.append(f"a stored file of the run {run} is missing: {name[:12]}")
    return found
