"""The server on which runs are kept: what is withstood, and what is said where it cannot be used."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from callsheet.errors import StorageError
from callsheet.store import postgres_connection
from callsheet.store.port import Lease, LeaseError
from callsheet.store.postgres import Postgres
from callsheet.store.sql import SqlStore
from tests.support.postgres import Server
from tests.support.stored_runs import begin, lease, note

if TYPE_CHECKING:
    from callsheet.store.database import Transaction

RUNS = tuple(f"run-{number}" for number in range(20))


@pytest.fixture
def store(database_url: str) -> Iterator[SqlStore]:
    store = SqlStore(Postgres(database_url))
    yield store
    store.close()


def change(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.encode())


def with_(url: str, **parts: str) -> str:
    """The address with another user and password, place or name."""
    split = urlsplit(url)
    netloc = (
        f"{parts.get('user', 'callsheet')}@{parts.get('host', split.netloc.rpartition('@')[2])}"
    )
    return urlunsplit(split._replace(netloc=netloc, path=parts.get("name", split.path)))


async def error_of(url: str) -> StorageError:
    store = SqlStore(Postgres(url))
    with pytest.raises(StorageError) as caught:
        await store.runs()
    store.close()
    assert caught.value.exit_code == 6
    assert caught.value.hint
    assert "\n" not in caught.value.message
    return caught.value


async def test_two_processes_that_start_together_both_find_the_layout(database_url: str) -> None:
    stores = [SqlStore(Postgres(database_url)) for _ in range(4)]
    assert await asyncio.gather(*(store.runs() for store in stores)) == [[], [], [], []]
    for store in stores:
        store.close()


async def test_runs_that_write_at_the_same_time_are_all_kept(store: SqlStore) -> None:
    await begin(store, *RUNS)
    await asyncio.gather(*(store.append(lease(run), 1, note(run), {}) for run in RUNS))
    for run in RUNS:
        assert [fact.event for fact in await store.events(run)] == [*note("began"), *note(run)]


async def test_a_rejected_write_does_not_affect_others(store: SqlStore) -> None:
    await begin(store, "late", *RUNS)
    outcomes = await asyncio.gather(
        store.append(lease(RUNS[0]), 1, note("first"), {}),
        store.append(Lease("late", "somebody else", 1), 1, note("too late"), {}),
        store.create(lease(RUNS[1]), "oms", note("there is one"), {"hash": "half written"}),
        store.append(lease(RUNS[2]), 1, note("last"), {}),
        return_exceptions=True,
    )
    assert [type(each) for each in outcomes] == [list, LeaseError, StorageError, list]
    kept = [len(await store.events(run)) for run in (RUNS[0], "late", RUNS[1], RUNS[2])]
    assert kept == [2, 1, 1, 2]


async def test_a_submitted_write_completes_without_a_waiter(
    store: SqlStore,
) -> None:
    await begin(store, *RUNS[:2])
    tasks = [asyncio.create_task(store.append(lease(run), 1, note(run), {})) for run in RUNS[:2]]
    await asyncio.sleep(0)
    tasks[0].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert [len(await store.events(run)) for run in RUNS[:2]] == [2, 2]


async def test_a_process_that_is_frozen_within_a_transaction_keeps_no_lock_and_writes_when_it_wakes(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_connection, "FROZEN_SECONDS", 0.2)
    frozen, other = (SqlStore(Postgres(database_url)) for _ in range(2))
    await begin(frozen, "a-run")
    holds, wakes = asyncio.Event(), asyncio.Event()
    locked: list[bool] = []

    async def lock(do: Transaction) -> None:
        locked.append((await do("lock_recovery", key=1))[0][0])
        holds.set()
        await wakes.wait()
        await do("lock_recovery", key=1)

    async def is_free(do: Transaction) -> bool:
        return bool((await do("lock_recovery", key=1))[0][0])

    writing = asyncio.create_task(frozen.database.write("", lock))
    await holds.wait()
    assert not await other.database.write("", is_free)
    async with asyncio.timeout(30):
        while not await other.database.write("", is_free):
            pass
    wakes.set()
    await writing
    assert locked == [True, True]
    for store in (frozen, other):
        store.close()


def test_a_store_works_in_another_event_loop(store: SqlStore) -> None:
    asyncio.run(begin(store, "a-run"))
    assert len(asyncio.run(store.events("a-run"))) == 1
    asyncio.run(store.release(lease("a-run")))


async def test_who_watches_hears_of_what_another_process_adds(
    store: SqlStore, database_url: str
) -> None:
    await begin(store, "a-run")
    other = SqlStore(Postgres(database_url))
    heard = asyncio.create_task(other.wait_for_events("a-run", 1, seconds=30))
    await store.append(lease("a-run"), 1, note("news"), {})
    assert [fact.event for fact in await heard] == note("news")
    assert await other.wait_for_events("a-run", 2, seconds=0) == []
    other.close()


async def test_a_layout_that_is_newer_is_rejected(store: SqlStore, database_url: str) -> None:
    await store.runs()
    change(database_url, "update callsheet.callsheet_meta set value = '99'")
    assert "has the layout '99'" in (await error_of(database_url)).message


async def test_a_database_that_can_only_be_read_is_read_and_not_written(
    store: SqlStore, database_url: str
) -> None:
    await begin(store, "a-run")
    name = urlsplit(database_url).path[1:]
    change(database_url, f"alter database {name} set default_transaction_read_only = on")
    copy = SqlStore(Postgres(database_url))
    assert len(await copy.events("a-run")) == 1
    with pytest.raises(StorageError, match="is read-only"):
        await copy.append(lease("a-run"), 1, note("more"), {})
    copy.close()


async def test_a_new_read_only_database_is_reported(database_url: str) -> None:
    name = urlsplit(database_url).path[1:]
    change(database_url, f"alter database {name} set default_transaction_read_only = on")
    assert "is read-only" in (await error_of(database_url)).message


async def test_an_unreachable_server_is_reported_immediately(database_url: str) -> None:
    error = await error_of(with_(database_url, host="127.0.0.1:1"))
    assert "PostgreSQL at 127.0.0.1:1" in error.message


async def test_a_database_that_does_not_exist_is_named(database_url: str) -> None:
    assert (
        "/nowhere does not exist" in (await error_of(with_(database_url, name="/nowhere"))).message
    )


async def test_a_user_who_does_not_exist_is_named(database_url: str) -> None:
    error = await error_of(with_(database_url, user="nobody-here:hidden"))
    assert "'nobody-here'" in error.message
    assert "hidden" not in error.message + error.hint


async def test_a_database_user_without_permissions_gets_the_required_ones(
    database_url: str,
) -> None:
    change(database_url, "create role guest login")
    try:
        error = await error_of(with_(database_url, user="guest"))
    finally:
        change(database_url, "drop role guest")
    assert "'guest' has no permission" in error.message


async def test_an_outage_is_waited_out_and_nothing_is_lost_or_doubled(own_server: Server) -> None:
    store = SqlStore(Postgres(own_server.url))
    await begin(store, *RUNS)
    await asyncio.to_thread(own_server.stop, signal.SIGQUIT)
    late = [asyncio.create_task(store.append(lease(run), 1, note(run), {})) for run in RUNS]
    reading = asyncio.create_task(store.runs())
    await asyncio.to_thread(own_server.start)
    await asyncio.gather(*late)
    assert len(await reading) == len(RUNS)
    for run in RUNS:
        assert [fact.event for fact in await store.events(run)] == [*note("began"), *note(run)]
    store.close()


async def test_after_a_database_restart_no_owner_counts_as_dead(own_server: Server) -> None:
    store = SqlStore(Postgres(own_server.url), lease_seconds=1)
    await begin(store, "a-run")
    await asyncio.to_thread(own_server.stop)
    await asyncio.sleep(1.1)  # longer than the lease
    await asyncio.to_thread(own_server.start)
    with pytest.raises(LeaseError):
        await store.acquire("a-run", "you")
    assert not (await store.runs())[0].lease_expired
    store.close()


async def test_a_permanent_outage_is_reported(own_server: Server) -> None:
    store = SqlStore(Postgres(own_server.url, patience=0.2))
    await begin(store, "a-run")
    await asyncio.to_thread(own_server.stop)
    with pytest.raises(StorageError, match="cannot be reached"):
        await store.append(lease("a-run"), 1, note("more"), {})
    store.close()


async def test_a_lost_connection_is_replaced(store: SqlStore, database_url: str) -> None:
    await begin(store, "a-run")
    change(
        database_url,
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where application_name = 'callsheet' and datname = current_database()",
    )
    assert len(await store.append(lease("a-run"), 1, note("more"), {})) == 1
    assert len(await store.events("a-run")) == 2
