"""A clock that jumps: runs stay in the order in which they were created, and calls are not held up."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from callsheet.engine.run_view import fold
from callsheet.errors import StorageReadOnlyError
from callsheet.events import RecordedEvent, RunParked, RunStarted
from callsheet.runs.service import RunService
from callsheet.settings import read_settings
from callsheet.store import sqlite
from callsheet.store.port import Lease, LeaseError, RateLimit
from callsheet.store.postgres import Postgres
from callsheet.store.sql import SqlStore
from callsheet.store.steady_clock import SteadyClock

DAY = 86_400.0

STARTED = RunStarted(
    workflow="oms", source="oms", manifest="m", llm="offline", base_url=None, max_cost=None, answers={}
)  # fmt: skip


class Clock:
    """A time that a test sets."""

    time = 20_000 * DAY

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[SqlStore]:
    if request.param == "sqlite":
        store = SqlStore(tmp_path / "runs.sqlite", now=clock)
    else:
        store = SqlStore(Postgres(request.getfixturevalue("database_url"), now=clock))
    yield store
    store.close()


async def _begin(store: SqlStore, run: str) -> None:
    await store.create(Lease(run, "", 1), "oms", [STARTED], {})


async def test_a_run_that_was_created_under_a_clock_ahead_does_not_stay_the_last_one(
    store: SqlStore, clock: Clock
) -> None:
    service = RunService(read_settings(), store=store)
    await _begin(store, "first")
    clock.time += 4_000 * DAY
    await _begin(store, "ahead")
    clock.time -= 4_000 * DAY
    await _begin(store, "newest")

    assert [row.run for row in await store.runs()] == ["newest", "ahead", "first"]
    assert await service.find("last") == "newest"
    assert await store.names_starting_with("") == ["newest", "ahead", "first"]
    assert [*await store.billing_events(2)] == ["newest", "ahead"]
    newest = await store.runs(limit=1)
    assert [row.run for row in await store.runs(before=newest[0])] == ["ahead", "first"]


async def test_a_clock_that_is_set_back_holds_up_no_call(store: SqlStore, clock: Clock) -> None:
    limit = RateLimit(calls=1)
    assert await store.count_call("key", 10, limit) == 0
    clock.time -= DAY
    assert await store.count_call("key", 10, limit) == 0
    assert 0 < await store.count_call("key", 10, limit) <= 60


@pytest.mark.parametrize("jump", [DAY, -DAY])
async def test_a_clock_that_is_set_changes_nothing_about_a_lease(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    if not str(SteadyClock()):
        pytest.skip("this system has no clock that goes on evenly")
    path = tmp_path / "runs.sqlite"
    owner, watcher = SqlStore(path), SqlStore(path)
    lease = Lease("a-run", "owner", 1)
    await owner.create(lease, "oms", [STARTED], {})

    before = time.time
    monkeypatch.setattr(time, "time", lambda: before() + jump)

    for store in (watcher, SqlStore(path)):
        with pytest.raises(LeaseError):
            await store.acquire("a-run", "other")
        assert not (await store.run("a-run")).lease_expired
        assert [row.run for row in await store.active_within(60)] == ["a-run"]
    await owner.renew_lease(lease)
    brief = SqlStore(path, lease_seconds=0.01)
    await asyncio.sleep(0.05)
    assert (await brief.acquire("a-run", "other")).epoch == 2, "an owner that is gone is replaced"
    for store in (owner, watcher, brief):
        store.close()


def test_a_provider_asked_to_wait_is_asked_again_where_the_clock_was_set_back() -> None:
    parked = RunParked(
        step="s", attempt=1, code="provider_unavailable", message="", hint="", until=5_000.0
    )
    view = fold("a-run", [RecordedEvent(1, 1_000.0, STARTED), RecordedEvent(2, 4_000.0, parked)])
    assert view.is_parked(4_000.0)
    assert view.is_parked(4_999.0)
    assert not view.is_parked(5_000.0)
    assert not view.is_parked(1_000.0)


def _as_layout_3(path: Path) -> None:
    """What the version before would have written."""
    connection = sqlite3.connect(path)
    connection.executescript(
        "drop index runs_by_number; alter table runs drop column number;"
        "create index runs_by_time on runs (started, run);"
        "update callsheet_meta set value = '3'"
    )
    connection.close()


async def test_runs_of_an_older_layout_keep_their_order(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "runs.sqlite"
    old = SqlStore(path, now=clock)
    for run in ("c", "a", "b"):
        clock.time += 1
        await _begin(old, run)
    old.close()
    _as_layout_3(path)

    store = SqlStore(path, now=clock)
    clock.time -= DAY
    await _begin(store, "newest")

    assert [row.run for row in await store.runs()] == ["newest", "b", "a", "c"]
    store.close()


async def test_an_older_layout_that_cannot_be_upgraded_is_named(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "runs.sqlite"
    SqlStore(path, now=clock).close()
    _as_layout_3(path)
    monkeypatch.setattr(sqlite, "is_writable", lambda path: False)
    with pytest.raises(StorageReadOnlyError, match="older version"):
        SqlStore(path)
