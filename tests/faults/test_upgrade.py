"""A store of every older layout, made by the code of its time, is read and continued by today's."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from callsheet.runs.names import batch_of
from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.settings import read_settings
from callsheet.store.postgres import Postgres
from callsheet.store.rescue import rescue
from callsheet.store.sql import SqlStore
from callsheet.store.statements import VERSION
from tests.support.cli import Terminal
from tests.support.older_stores import SHOWN, restore, stores
from tests.support.runs import client_of
from tests.support.strict_openai import StrictOpenAI

Documents = dict[str, Any]


@pytest.fixture
def file(empty_home: Path) -> Path:
    return empty_home / ".local" / "share" / "callsheet" / "runs.sqlite"


@pytest.fixture(params=stores())
def shown(request: pytest.FixtureRequest, file: Path) -> Documents:
    """What the older code showed of each run in the file, newest first."""
    return restore(request.param, file)


@pytest.fixture
def service(shown: Documents, file: Path) -> Iterator[RunService]:
    """Today's service on the older file, with an LLM that replies."""
    assert shown
    with StrictOpenAI() as server:
        store = SqlStore(file)
        yield RunService(read_settings(), store=store, llm=client_of(server))
        store.close()


def content_of(file: Path) -> bytes:
    return file.read_bytes()


def _named(shown: Documents, status: str) -> str:
    return next(run for run, document in shown.items() if document["status"] == status)


def _layout(file: Path) -> int:
    with closing(sqlite3.connect(file)) as store:
        (value,) = store.execute(
            "select value from callsheet_meta where name = 'version'"
        ).fetchone()
        assert store.execute("pragma integrity_check").fetchone() == ("ok",)
    return int(value)


def test_every_older_layout_has_a_store_of_its_own(tmp_path: Path) -> None:
    found = set()
    for name in stores():
        file = tmp_path / f"{name}.sqlite"
        restore(name, file)
        found.add(_layout(file))
    assert found == set(range(1, VERSION))


async def test_an_older_store_is_upgraded_and_shows_the_same_runs(
    shown: Documents, service: RunService, file: Path
) -> None:
    assert _layout(file) == VERSION
    assert [row.run for row in await service.store.runs()] == [*shown]
    listed = {each["run"] for each in await service.runs()}
    assert listed >= {run for run in shown if not batch_of(run)}
    assert _with_heron(shown) == await service.store.runs_with("heron") != set()
    for run, before in shown.items():
        now = await service.show(run)
        assert {key: now[key] for key in SHOWN} == before  # type: ignore[literal-required]


def _with_heron(shown: Documents) -> set[str]:
    return {run for run, document in shown.items() if "heron" in document["brief"]["idea"]}


async def test_the_runs_of_an_older_store_are_answered_resumed_and_retried(
    shown: Documents, service: RunService
) -> None:
    waiting = await service.open(_named(shown, "waiting"))
    await waiting.answer("accept")
    assert (await waiting.advance()).status == "succeeded"

    for status in ("failed", "interrupted"):
        session = await service.resume(_named(shown, status), RunOptions())
        assert (await session.advance()).status == "succeeded"

    done = _named(shown, "succeeded")
    kept = shown[done]["prompts"]["image_generation"]
    again = await service.retry(done, RunOptions(groups=["sora", "phoenix"]))
    assert (await again.advance()).status == "succeeded"
    prompts = again.document()["prompts"]["image_generation"]
    assert set(prompts) > {model for model in kept if model.startswith("SORA")}
    assert [row.run for row in await service.store.runs()] == [*shown]


async def test_an_older_store_is_rescued_whole(shown: Documents, file: Path) -> None:
    before = content_of(file)
    new = SqlStore.in_memory()
    found = await rescue(file, new)
    assert content_of(file) == before, "a file that is rescued is only read"
    assert sorted([*found.complete, *found.partial]) == sorted(shown)
    assert all(copied == known for copied, known in found.partial.values())
    assert (found.unreadable, found.without_files) == ([], [])
    assert [row.run for row in await new.runs()] == [*shown]
    assert await new.runs_with("heron") == _with_heron(shown)
    service = RunService(read_settings(), store=new)
    for run, document in shown.items():
        now = await service.show(run)
        assert {key: now[key] for key in SHOWN} == document  # type: ignore[literal-required]


COPIED = {
    "runs": "select * from runs",
    "events": "select * from events",
    "leases": "select * from leases",
    "files": "select hash, cast(content as blob) from files",
    "kept": "select * from kept",
}


async def _fill_as_layout_3(url: str, file: Path) -> None:
    """Puts the rows of an older file into a database as the last layout before numbers had it."""
    new = SqlStore(Postgres(url))
    assert await new.runs() == []
    new.close()
    with closing(sqlite3.connect(file)) as old, psycopg.connect(url) as database:
        database.execute("set search_path to callsheet")
        database.execute("alter table runs drop column number")
        database.execute("drop table texts")
        database.execute("create index runs_by_time on runs (started, run)")
        database.execute("update callsheet_meta set value = '3'")
        for table, statement in COPIED.items():
            rows = old.execute(statement).fetchall()
            marks = sql.SQL(", ").join([sql.Placeholder()] * len(rows[0]))
            insert = sql.SQL("insert into {} values ({})").format(sql.Identifier(table), marks)
            database.cursor().executemany(insert, rows)


@pytest.mark.parametrize("shown", ["layout_3"], indirect=True)
async def test_an_older_database_on_a_server_is_upgraded_and_shows_the_same_runs(
    shown: Documents, file: Path, database_url: str
) -> None:
    await _fill_as_layout_3(database_url, file)
    # By a clock of our own, or nobody counts as dead while the server has just been started.
    store = SqlStore(Postgres(database_url, now=time.time))
    service = RunService(read_settings(), store=store)
    assert [row.run for row in await store.runs()] == [*shown]
    assert await store.runs_with("heron") == _with_heron(shown)
    for run, before in shown.items():
        now = await service.show(run)
        assert {key: now[key] for key in SHOWN} == before  # type: ignore[literal-required]
    store.close()


@pytest.mark.parametrize("shown", ["layout_1"], indirect=True)
def test_the_command_line_opens_the_first_layout(shown: Documents, terminal: Terminal) -> None:
    listed = terminal("runs", "--json")
    assert listed.status == 0, listed.err
    assert [each["run"] for each in listed.json] == [*shown]
