"""Runs that write at the same time share one transaction, and none suffers for another."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from callsheet.errors import StorageError
from callsheet.store.port import Lease, LeaseError
from callsheet.store.sql import SqlStore
from tests.support.stored_runs import begin, lease, note

RUNS = tuple(f"run-{number}" for number in range(20))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[SqlStore]:
    store = SqlStore(path)
    yield store
    store.close()


def kept(path: Path, run: str) -> int:
    """How many facts another reader of the file sees."""
    connection = sqlite3.connect(path)
    found = connection.execute("select count(*) from events where run = ?", (run,)).fetchone()
    connection.close()
    return int(found[0])


def commits(store: SqlStore) -> list[str]:
    """Every commit from now on."""
    seen: list[str] = []
    store.database.connection.set_trace_callback(
        lambda sql: seen.append(sql) if sql == "commit" else None
    )
    return seen


async def test_runs_that_write_at_the_same_time_share_a_commit(store: SqlStore) -> None:
    await begin(store, *RUNS)
    seen = commits(store)
    await asyncio.gather(*(store.append(lease(run), 1, note(run), {}) for run in RUNS))
    assert len(seen) == 1
    for run in RUNS:
        assert [fact.event for fact in await store.events(run)] == [*note("began"), *note(run)]


async def test_an_append_answers_only_when_it_is_committed(store: SqlStore, path: Path) -> None:
    await begin(store, *RUNS)

    async def append(run: str) -> int:
        await store.append(lease(run), 1, note(run), {})
        return kept(path, run)

    assert set(await asyncio.gather(*map(append, RUNS))) == {2}


async def test_a_run_by_itself_commits_each_time(store: SqlStore, path: Path) -> None:
    await begin(store, "alone")
    seen = commits(store)
    for after in range(1, 6):
        await store.append(lease("alone"), after, note("on"), {})
        assert kept(path, "alone") == after + 1
    assert len(seen) == 5


async def test_a_run_that_starts_behind_the_end_of_another_shares_the_commit_of_those_under_way(
    store: SqlStore,
) -> None:
    await begin(store, *RUNS[:3])
    await store.release(lease(RUNS[0]))
    seen = commits(store)
    await asyncio.gather(
        store.create(lease("next"), "oms", note("began"), {}),
        store.append(lease(RUNS[1]), 1, note("on"), {}),
    )
    assert len(seen) == 1


async def test_a_rejected_write_does_not_affect_others(store: SqlStore, path: Path) -> None:
    await begin(store, "late", *RUNS)
    stale = Lease("late", "somebody else", 1)
    outcomes = await asyncio.gather(
        store.append(lease(RUNS[0]), 1, note("first"), {}),
        store.append(stale, 1, note("too late"), {}),
        store.create(lease(RUNS[1]), "oms", note("there is one"), {"hash": "half written"}),
        store.append(lease(RUNS[2]), 1, note("last"), {}),
        return_exceptions=True,
    )
    assert isinstance(outcomes[1], LeaseError)
    assert isinstance(outcomes[2], StorageError)
    assert [kept(path, run) for run in (RUNS[0], "late", RUNS[1], RUNS[2])] == [2, 1, 1, 2]


async def test_on_a_full_disk_every_writer_gets_the_error_and_nothing_is_written(
    store: SqlStore, path: Path
) -> None:
    await begin(store, *RUNS)
    pages = store.database.connection.execute("pragma page_count").fetchone()[0]
    store.database.connection.execute(f"pragma max_page_count = {pages}")
    long = "x" * 10_000
    outcomes = await asyncio.gather(
        *(store.append(lease(run), 1, note(long), {}) for run in RUNS), return_exceptions=True
    )
    assert all(isinstance(outcome, StorageError) for outcome in outcomes)
    assert {kept(path, run) for run in RUNS} == {1}
    store.database.connection.execute("pragma max_page_count = 100000")
    await asyncio.gather(*(store.append(lease(run), 1, note(long), {}) for run in RUNS))
    assert {kept(path, run) for run in RUNS} == {2}


async def test_a_submitted_write_completes_without_a_waiter(store: SqlStore, path: Path) -> None:
    await begin(store, *RUNS[:2])
    tasks = [
        asyncio.create_task(store.append(lease(run), 1, note(run), {}))
        for run in (RUNS[0], RUNS[1], "nobody's")
    ]
    await asyncio.sleep(0)
    tasks[0].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(outcomes[2], LeaseError)
    assert [kept(path, run) for run in RUNS[:2]] == [2, 2]


async def test_two_processes_on_one_file_see_each_other(path: Path) -> None:
    here, there = SqlStore(path), SqlStore(path)
    await begin(here, "a-run")

    with pytest.raises(LeaseError):
        await there.acquire("a-run", "you")
    await here.append(lease("a-run"), 1, note("more"), {})

    assert [fact.event for fact in await there.events("a-run")] == [*note("began"), *note("more")]
    before = await here.version()
    await there.acquire("a-run", "me")
    assert await here.version() != before
    here.close()
    there.close()
