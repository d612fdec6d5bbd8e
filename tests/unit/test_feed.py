"""The feed tells of the runs that are deleted, and what a run is doing to those that follow it."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import pytest

from callsheet.activity import Retrying, Writing
from callsheet.events import Noted
from callsheet.runs.listing import RunListing
from callsheet.store.port import Lease
from callsheet.store.sql import SqlStore
from callsheet.web import event_stream
from callsheet.web.event_stream import EventFeed, EventStream


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


async def test_what_a_run_is_doing_is_told_to_the_streams_that_follow_it_and_to_no_other() -> None:
    feed = EventFeed(store := SqlStore.in_memory(), RunListing(store))
    for run in ("heron", "crane"):
        await store.create(Lease(run, "me", 1), "oms", [Noted(step="s", text="x")], {})
    follows, other = [EventStream(feed, {run: 1}).chunks() for run in ("heron", "crane")]
    await anext(follows), await anext(other)  # the streams are ready

    told = []
    for activity in (Writing({"SORA_2_A": "a her"}), Retrying(2, 4, 5.0, "busy"), None):
        feed.announce_activity("heron", activity)
        chunk = (await anext(follows)).decode()
        assert chunk.startswith("event: activity\ndata: ")
        told.append(json.loads(chunk.partition("data: ")[2]))
    assert told == [
        {"run": "heron", "kind": "writing", "texts": {"SORA_2_A": "a her"}},
        {
            "run": "heron",
            "kind": "retrying",
            "number": 2,
            "most": 4,
            "seconds": 5.0,
            "message": "busy",
        },
        {"run": "heron", "kind": "idle"},
    ]
    feed.close()
    assert [chunk async for chunk in other] == []
