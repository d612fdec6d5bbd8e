"""The file in which runs are kept: what it withstands, and what it says where it cannot."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from callsheet.errors import StorageError
from callsheet.events import Noted, RunFinished
from callsheet.store.port import Lease
from callsheet.store.sql import SqlStore
from callsheet.store.statements import VERSION


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "runs.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[SqlStore]:
    store = SqlStore(path)
    yield store
    store.close()


async def begin(store: SqlStore, run: str) -> Lease:
    lease = Lease(run, "me", 1)
    await store.create(lease, "oms", [Noted(step="s", text=run)], {})
    return lease


def change(path: Path, sql: str, *values: str) -> None:
    """Changes the file behind the store's back."""
    connection = sqlite3.connect(path)
    connection.execute(sql, values)
    connection.commit()
    connection.close()


def tear(path: Path) -> None:
    """Leaves a file its first page, and nothing that makes sense behind it."""
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xee" * (len(whole) - 4096))


def is_help(error: StorageError, path: Path) -> bool:
    return error.exit_code == 6 and str(path) in error.message and bool(error.hint)


async def test_what_was_appended_is_there_when_the_file_is_opened_again(
    store: SqlStore, path: Path
) -> None:
    await begin(store, "a-run")
    store.close()

    again = SqlStore(path)

    assert [fact.event for fact in await again.events("a-run")] == [Noted(step="s", text="a-run")]
    again.close()


async def test_a_deleted_run_leaves_no_text_on_the_disk(store: SqlStore, path: Path) -> None:
    await begin(store, "kept-run")
    await begin(store, "secret-heron")
    assert any(b"secret-heron" in each.read_bytes() for each in path.parent.iterdir())

    await store.delete("secret-heron")

    for each in path.parent.iterdir():
        assert b"secret-heron" not in each.read_bytes(), each.name


def test_the_file_is_the_persons_own(store: SqlStore, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert store.database.place == str(path)


@pytest.mark.parametrize("body", ["{", "[]", '{"kind": "gone"}', '{"kind": "noted"}', "null", ""])
async def test_a_damaged_fact_names_its_run_and_leaves_the_others_readable(
    store: SqlStore, path: Path, body: str
) -> None:
    await begin(store, "harmed")
    await begin(store, "unharmed")
    change(path, "update events set body = ? where run = 'harmed'", body)

    with pytest.raises(StorageError, match="event 1 of the run harmed") as caught:
        await store.events("harmed")

    assert is_help(caught.value, path)
    assert len(await store.events("unharmed")) == 1
    change(path, "update events set kind = 'step_started'")
    assert "harmed" not in await store.billing_events()
    assert {row.run for row in await store.runs()} == {"harmed", "unharmed"}
    await store.delete("harmed")
    assert [row.run for row in await store.runs()] == ["unharmed"]


@pytest.mark.parametrize("body", ["{", "[]", "{}", '"text"', "5"])
async def test_a_damaged_end_of_a_run_does_not_hide_the_list(
    store: SqlStore, path: Path, body: str
) -> None:
    lease = await begin(store, "harmed")
    await store.append(lease, 1, [RunFinished(result="succeeded")], {})
    await begin(store, "unharmed")
    change(path, "update events set body = ? where kind = 'run_finished'", body)

    rows = await store.runs()

    assert {row.run: row.result for row in rows} == {"harmed": "", "unharmed": ""}


def test_a_file_with_a_newer_layout_is_rejected_and_unchanged(store: SqlStore, path: Path) -> None:
    store.close()
    change(path, "update callsheet_meta set value = '99'")
    change(path, "pragma journal_mode = wal")
    before = path.read_bytes()

    with pytest.raises(StorageError, match=f"layout '99'; this callsheet reads '{VERSION}'") as it:
        SqlStore(path)

    assert is_help(it.value, path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("sql", ["delete from callsheet_meta", "drop table callsheet_meta"])
def test_a_file_without_a_layout_version_is_rejected(store: SqlStore, path: Path, sql: str) -> None:
    store.close()
    change(path, sql)

    with pytest.raises(StorageError) as caught:
        SqlStore(path)

    assert is_help(caught.value, path)


def test_a_file_that_is_not_a_database_is_rejected_and_unchanged(path: Path) -> None:
    content = b"this is no database, only a long enough text" * 50
    path.parent.mkdir()
    path.write_bytes(content)

    with pytest.raises(StorageError) as caught:
        SqlStore(path)

    assert is_help(caught.value, path)
    assert path.read_bytes() == content


async def test_a_damaged_file_is_reported(store: SqlStore, path: Path) -> None:
    for number in range(50):
        await begin(store, f"run-{number}")
    store.close()
    tear(path)

    with pytest.raises(StorageError) as caught:
        SqlStore(path)

    assert is_help(caught.value, path)


def test_a_path_that_is_not_a_folder_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file stands here")

    with pytest.raises(StorageError) as caught:
        SqlStore(tmp_path / "kept" / "runs.sqlite")

    assert is_help(caught.value, tmp_path)


def test_a_folder_in_place_of_the_file_is_rejected(path: Path) -> None:
    path.mkdir(parents=True)

    with pytest.raises(StorageError) as caught:
        SqlStore(path)

    assert is_help(caught.value, path)


def test_a_folder_that_cannot_be_written_to_is_rejected(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir(mode=0o500)
    # No permission stops the administrator; what the kernel itself keeps read-only does.
    place = folder if os.geteuid() else Path("/proc/self")

    with pytest.raises(StorageError) as caught:
        SqlStore(place / "runs.sqlite")

    assert is_help(caught.value, place)


async def test_a_full_disk_is_reported_and_nothing_is_written_partially(store: SqlStore) -> None:
    lease = await begin(store, "a-run")
    pages = store.database.connection.execute("pragma page_count").fetchone()[0]
    store.database.connection.execute(f"pragma max_page_count = {pages}")

    with pytest.raises(StorageError, match="full") as caught:
        await store.append(lease, 1, [Noted(step="s", text="x" * 10_000)] * 20, {})

    assert is_help(caught.value, Path(store.database.place))
    assert len(await store.events("a-run")) == 1
    store.database.connection.execute("pragma max_page_count = 100000")
    assert len(await store.append(lease, 1, [Noted(step="s", text="again")], {})) == 1


async def test_a_file_that_can_only_be_read_is_read_and_not_written(store: SqlStore) -> None:
    lease = await begin(store, "a-run")
    store.database.connection.execute("pragma query_only = on")

    with pytest.raises(StorageError, match="read-only"):
        await store.append(lease, 1, [Noted(step="s", text="more")], {})

    assert len(await store.events("a-run")) == 1


async def test_a_failed_transaction_writes_nothing(store: SqlStore) -> None:
    lease = await begin(store, "a-run")

    with pytest.raises(StorageError):
        await store.append(lease, 1, [Noted(step="s", text="two")], {None: "text"})  # type: ignore[dict-item]

    assert len(await store.events("a-run")) == 1
    assert await store.append(lease, 1, [Noted(step="s", text="two")], {})


async def test_marks_are_listed_by_the_beginning_of_their_names(store: SqlStore) -> None:
    for name, text in {"job a_b": "1", "job a%": "2", "jobs": "3", "other": "4"}.items():
        await store.set_mark(name, text)
    assert await store.marks("job ") == {"job a%": "2", "job a_b": "1"}
    await store.set_mark("job a%", "")
    assert [*await store.marks("job ")] == ["job a_b"]
