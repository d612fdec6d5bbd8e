"""A place that is full, locked, damaged or only to be read: each has its own code over HTTP."""

from __future__ import annotations

import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from callsheet.errors import StorageError
from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore
from callsheet.store.sqlite import Sqlite
from callsheet.web.problems import problem
from tests.support.cli import Terminal
from tests.support.serving import Serving

WISH = RunOptions(brief={"idea": "a heron"}, groups=["sora"])


def _told(error: StorageError) -> tuple[int, str]:
    answer = problem(error)
    return answer.status_code, str(json.loads(bytes(answer.body))["code"])


async def test_no_room_is_507_and_the_run_is_kept_once_there_is_some(tmp_path: Path) -> None:
    database = Sqlite(tmp_path / "runs.sqlite")
    service = RunService(read_settings(), store=SqlStore(database))
    pages = database.connection.execute("pragma page_count").fetchone()[0]
    database.connection.execute(f"pragma max_page_count = {pages}")
    session = await service.start(WISH)
    with pytest.raises(StorageError) as full:
        await session.save()
    assert _told(full.value) == (507, "storage_full")
    assert "disk is full" in full.value.message

    database.connection.execute("pragma max_page_count = 1000000")
    again = await service.start(WISH)
    await again.advance()
    assert again.view.status == "succeeded"
    service.store.close()


async def test_a_place_that_others_hold_is_503_locked(tmp_path: Path) -> None:
    database = Sqlite(tmp_path / "runs.sqlite")
    database.patience = 0.1
    holder = sqlite3.connect(tmp_path / "runs.sqlite", isolation_level=None)
    holder.execute("begin exclusive")
    service = RunService(read_settings(), store=SqlStore(database))
    session = await service.start(WISH)
    with pytest.raises(StorageError) as locked:
        await session.save()
    assert _told(locked.value) == (503, "storage_locked")
    holder.execute("rollback")
    holder.close()
    service.store.close()


def test_a_damaged_place_is_503_corrupt(tmp_path: Path) -> None:
    (tmp_path / "runs.sqlite").write_bytes(b"no database at all" * 99)
    with pytest.raises(StorageError) as corrupt:
        Sqlite(tmp_path / "runs.sqlite")
    assert _told(corrupt.value) == (503, "storage_corrupt")


def test_a_server_answers_while_another_program_locks_the_runs_and_then_goes_on(
    terminal: Terminal, tmp_path: Path
) -> None:
    terminal.env["CALLSHEET_HOME"] = str(tmp_path / "kept")
    with Serving(terminal) as server, ThreadPoolExecutor() as pool:
        holder = sqlite3.connect(tmp_path / "kept" / "runs.sqlite", isolation_level=None)
        holder.execute("begin exclusive")
        started = pool.submit(server.start, "sora")
        began = time.monotonic()
        while time.monotonic() < began + 1:
            assert server.get("/api/health")["status"] == "ok"
        assert not started.done()
        holder.execute("rollback")
        holder.close()
        assert server.until(started.result(timeout=60))["status"] == "succeeded"
