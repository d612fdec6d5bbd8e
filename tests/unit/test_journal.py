"""A journal stores what waits as it lets go of its run, and lets go even where it was cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callsheet.engine.journal import Journal
from callsheet.engine.run_view import RunView
from callsheet.events import Noted, RecordedEvent, RunStarted
from callsheet.store.port import Lease, LeaseError
from callsheet.store.sql import SqlStore

STARTED = RunStarted(workflow="oms", source="oms", manifest="", llm="offline")


class Impatient(SqlStore):
    """The real store, with somebody who does not wait for the answer to a commit."""

    leaves = False

    async def append(self, *args: Any, **named: Any) -> list[RecordedEvent]:
        written = await super().append(*args, **named)
        if self.leaves:
            raise asyncio.CancelledError
        return written


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Impatient]:
    store = Impatient(tmp_path / "runs.sqlite")
    yield store
    store.close()


@pytest.fixture
async def journal(store: Impatient) -> Journal:
    journal = Journal(store, Lease("run", "me", 1), RunView("run"))
    journal.create("oms", STARTED, {})
    await journal.append()
    return journal


async def _kept(store: Impatient) -> tuple[list[str], str]:
    facts = [fact.event.kind for fact in await store.events("run")]
    return facts, (await store.run("run")).owner


async def test_what_waits_is_stored_as_the_run_is_let_go_of(
    store: Impatient, journal: Journal
) -> None:
    journal.defer(Noted(step="brief", text="one"))
    assert await _kept(store) == (["run_started"], "me")
    await journal.release()
    assert await _kept(store) == (["run_started", "noted"], "")


async def test_a_run_that_was_only_started_is_stored_and_released(store: Impatient) -> None:
    journal = Journal(store, Lease("run", "me", 1), RunView("run"))
    journal.create("oms", STARTED, {})
    await journal.release()
    assert await _kept(store) == (["run_started"], "")


async def test_a_run_with_a_pending_commit_is_released(store: Impatient, journal: Journal) -> None:
    store.leaves = True
    with pytest.raises(asyncio.CancelledError):
        await journal.append(Noted(step="brief", text="one"))
    store.leaves = False
    with pytest.raises(LeaseError):
        await journal.release()
    assert await _kept(store) == (["run_started", "noted"], "")
