"""Power that fails during a commit: whatever had reached the disk, the store opens with a prefix of its events.

The states are made from real commits: the database and its journal before and after each, mixed and
cut as a disk without power may leave them.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from callsheet.events import RecordedEvent
from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.settings import read_settings
from callsheet.store import sqlite
from callsheet.store.sql import SqlStore

OPTIONS = RunOptions(brief={"idea": "a heron"}, groups=["sora", "motion_2_0"])
PAGE = 4096
MAGIC = bytes.fromhex("d9d505f920a163d7")
WAL_HEADER, FRAME = 32, 24 + PAGE


@dataclass(frozen=True)
class Moment:
    """The files right after a commit was acknowledged, and the events that it has to hold."""

    database: bytes
    journal: bytes
    events: list[RecordedEvent]


class Observed(SqlStore):
    """The real store; takes a copy of its files after each commit."""

    moments: list[Moment]

    async def create(self, *args: Any, **named: Any) -> list[RecordedEvent]:
        return await self._observed(await super().create(*args, **named))

    async def append(self, *args: Any, **named: Any) -> list[RecordedEvent]:
        return await self._observed(await super().append(*args, **named))

    async def _observed(self, written: list[RecordedEvent]) -> list[RecordedEvent]:
        earlier = self.moments[-1].events if self.moments else []
        files = _read_files(Path(self.database.place))
        self.moments.append(Moment(*files, [*earlier, *written]))
        return written


def _read_files(path: Path) -> tuple[bytes, bytes]:
    """The content of a database and of its journal, whichever kind it is."""
    journals = [path.with_name(path.name + suffix) for suffix in ("-wal", "-journal")]
    return path.read_bytes(), next(each.read_bytes() for each in journals if each.exists())


def _write_files(folder: Path, database: bytes, journal: bytes, suffix: str) -> Path:
    for old in folder.glob("state.sqlite*"):
        old.unlink()
    path = folder / "state.sqlite"
    path.write_bytes(database)
    path.with_name(path.name + suffix).write_bytes(journal)
    return path


async def _commits_of_a_run(folder: Path) -> tuple[str, list[Moment]]:
    """The moments of a run in a store that holds another one already."""
    store = Observed(folder / "runs.sqlite")
    store.moments = []
    service = RunService(read_settings(), store=store)
    await (await service.start(OPTIONS)).advance()
    store.moments = []
    session = await service.start(OPTIONS)
    await session.advance()
    moments = store.moments
    store.close()
    assert len(moments) > 2
    return session.view.run, moments


async def _reopened(folder: Path, run: str, database: bytes, journal: bytes, suffix: str) -> int:
    """How many events of the run the store has; each state is checked for its integrity."""
    store = SqlStore(_write_files(folder, database, journal, suffix))
    try:
        assert store.database.connection.execute(  # type: ignore[attr-defined]
            "pragma integrity_check"
        ).fetchone() == ("ok",)
        assert run in await store.names_starting_with("")
        events = await store.events(run)
        assert [each.seq for each in events] == [*range(1, len(events) + 1)]
        return len(events)
    finally:
        store.close()


async def test_a_rollback_journal_cut_anywhere_restores_the_last_acknowledged_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "WAL_SAFE", (99,))
    run, moments = await _commits_of_a_run(tmp_path / "whole")
    states = 0
    for before, after in pairwise(moments):
        for database, journal, is_stored in _states(before, after):
            found = await _reopened(tmp_path, run, database, journal, "-journal")
            assert found == len((after if is_stored else before).events)
            states += 1
    assert states > 30


def _states(before: Moment, after: Moment) -> Iterator[tuple[bytes, bytes, bool]]:
    """What a disk may hold during a commit, and whether the commit is to be there afterwards."""
    journal, record = _live_journal(before, after)
    start = len(journal) % record
    for at in range(start, len(journal), record):
        # The journal is synced before any page is written: until then the database is the old one.
        yield before.database, journal[:at], False
        yield before.database, journal[: at + record // 2], False
    yield before.database, journal[: len(MAGIC)], False
    changed = [
        at
        for at in range(0, len(after.database), PAGE)
        if before.database[at : at + PAGE] != after.database[at : at + PAGE]
    ]
    written = bytearray(before.database.ljust(len(after.database), b"\0"))
    for at in changed:
        half = slice(at, at + PAGE // 2)
        written[half] = after.database[half]
        yield bytes(written), journal, False
        written[at : at + PAGE] = after.database[at : at + PAGE]
        yield bytes(written), journal, False
    assert bytes(written) == after.database
    # Only the last step acknowledges: the journal's header is overwritten.
    yield after.database, after.journal, True


def _live_journal(before: Moment, after: Moment) -> tuple[bytes, int]:
    """The journal as it was before its header was overwritten, and the length of its records."""
    record = 4 + PAGE + 4
    sector = next(
        size
        for size in (512, 4096)
        if after.journal[size + 4 : size + 4 + PAGE]
        == _page(before.database, int.from_bytes(after.journal[size : size + 4], "big"))
    )
    records = []
    nonce = None
    for at in range(sector, len(after.journal) - record + 1, record):
        number, page = after.journal[at : at + 4], after.journal[at + 4 : at + 4 + PAGE]
        checksum = int.from_bytes(after.journal[at + 4 + PAGE : at + record], "big")
        found = (checksum - sum(page[PAGE - 200 : 0 : -200])) % 2**32
        nonce = found if nonce is None else nonce
        if found != nonce or page != _page(before.database, int.from_bytes(number, "big")):
            break  # left there by an earlier commit
        records.append(after.journal[at : at + record])
    header = MAGIC + struct.pack(
        ">5I", len(records), nonce or 0, len(before.database) // PAGE, sector, PAGE
    )
    return header.ljust(sector, b"\0") + b"".join(records), record


def _page(database: bytes, number: int) -> bytes:
    return database[(number - 1) * PAGE : number * PAGE]


async def test_a_write_ahead_log_cut_anywhere_keeps_every_commit_before_the_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "WAL_SAFE", (3,))
    run, moments = await _commits_of_a_run(tmp_path / "whole")
    last = moments[-1]
    first = len(moments[0].journal)
    assert (len(last.journal) - WAL_HEADER) % FRAME == 0
    for frame in range(first, len(last.journal) + 1, FRAME):
        for cut in (frame, frame + 10, frame + FRAME // 2):
            found = await _reopened(tmp_path, run, last.database, last.journal[:cut], "-wal")
            held = [each for each in moments if len(each.journal) <= cut]
            assert found == len(held[-1].events)


async def test_a_file_is_synced_before_a_commit_is_acknowledged(tmp_path: Path) -> None:
    store = SqlStore(tmp_path / "runs.sqlite")
    connection: sqlite3.Connection = store.database.connection  # type: ignore[attr-defined]
    full = 2
    assert connection.execute("pragma synchronous").fetchone()[0] >= full
    store.close()
