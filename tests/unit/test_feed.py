"""The feed tells of the runs that are deleted, and not of a batch's rows, which no list shows."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from callsheet.events import Noted
from callsheet.runs.listing import RunListing
from callsheet.store.port import Lease
from callsheet.store.sql import SqlStore
from callsheet.web import event_stream
from callsheet.web.event_stream import EventFeed


async def test_the_deletion_of_a_run_is_announced_and_that_of_batch_rows_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_stream, "DELETION_POLL_SECONDS", 0.0)
    monkeypatch.setattr(event_stream, "POLL_SECONDS", 0.01)
    store = SqlStore.in_memory()
    for run in ("batch.1", "heron", "batch.2"):
        await store.create(Lease(run, "me", 1), "oms", [Noted(step="s", text="x")], {})
    feed = EventFeed(store, RunListing(store))
    watching = asyncio.create_task(feed.watch())
    await feed.wait(0)
    seen, wakeups = feed.generation, feed.wakeups

    for run in ("batch.1", "batch.2", "heron"):
        await store.delete(run)
    await feed.wait(wakeups)

    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    assert feed.changes(seen) == [b'event: gone\ndata: {"run": "heron"}\n\n']
