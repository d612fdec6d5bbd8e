"""A batch in provider jobs whose command has ended is gone on with from the store alone, as workers do it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from callsheet.batches import jobs as batch_jobs
from callsheet.batches.job_visits import JobVisits
from callsheet.batches.row_parser import RowDefaults
from callsheet.engine.journal import read_view
from callsheet.errors import KeyMissingError
from callsheet.events import RunResumed
from callsheet.runs.job_records import JobRecord, JobRecords
from callsheet.runs.service import RunService
from callsheet.runs.takeover import Takeover
from callsheet.settings import read_settings
from callsheet.store.owners import owner_name
from callsheet.store.sql import SqlStore
from tests.support.batches import SharedStore, ideas, write_sheet
from tests.support.job_server import call_server
from tests.support.openai_jobs import OpenAIJobs
from tests.support.schema_writer import write_text

JOBS: dict[str, Any] = {"llm": "openai:gpt-5.4-mini", "jobs": True}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIJobs]:
    with OpenAIJobs() as server:
        call_server(monkeypatch, "openai", server.url)
        monkeypatch.setattr(batch_jobs, "FIRST_POLL_SECONDS", 0)
        yield server


@dataclass
class Ended:
    """A batch whose command sent its rows in a job, which is held, and ended; and a worker's visits."""

    bench: SharedStore
    sheet: Path
    batch: str
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.visits = JobVisits(self.bench.settings, self.log.append)

    async def visit(self) -> dict[str, int]:
        """Visit the batch once, and count its rows by status."""
        await self.visits.visit_due(self.bench.store, asyncio.Event())
        return await self.statuses()

    async def statuses(self) -> dict[str, int]:
        names = await self.bench.store.names_starting_with(f"{self.batch}.")
        found = [(await read_view(self.bench.store, name)).status for name in names]
        return {status: found.count(status) for status in found}

    async def records(self) -> list[JobRecord]:
        return await JobRecords(self.bench.store).of(self.batch)


async def ended(server: OpenAIJobs, tmp_path: Path, rows: int = 3, **options: Any) -> Ended:
    server.hold = True
    bench = SharedStore(SqlStore.in_memory(), settings=read_settings())
    bench.defaults = options.pop("defaults", bench.defaults)
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(rows))
    batch, _ = await bench.execute(sheet, **JOBS | options)
    server.hold = False
    return Ended(bench, sheet, batch.name)


def chats(server: OpenAIJobs) -> list[Any]:
    return [seen for seen in server.requests if "chat" in seen.path]


async def test_rows_in_a_job_end_without_the_command_and_the_next_jobs_are_sent_too(
    server: OpenAIJobs, tmp_path: Path
) -> None:
    server.row_end = lambda number, row: (
        "expired" if row.startswith(server.creates[0]) and number == 1 else "ok"
    )
    batch = await ended(server, tmp_path, defaults=RowDefaults(("leonardo", "motion_2_0")))
    assert await batch.visit() == {"waiting": 3}
    while await batch.visit() != {"succeeded": 3}:
        assert len(server.creates) < 5
    assert (len(server.bills), chats(server)) == (6, [])
    assert {record.state for record in await batch.records()} == {"done"}
    assert await JobRecords(batch.bench.store).under_way() == {}
    again, _ = await batch.bench.execute(batch.sheet, **JOBS)
    assert (again.progress.done, len(server.bills)) == (3, 6)
    assert batch.log == []


@pytest.mark.parametrize("repair", ["live", "job"])
async def test_repairs_go_where_the_command_said(
    server: OpenAIJobs, tmp_path: Path, repair: str
) -> None:
    server.write = lambda path, node: (
        "too short" if len(server.creates) == 1 and not chats(server) else write_text(path, node)
    )
    batch = await ended(server, tmp_path, repair=repair)
    while await batch.visit() != {"succeeded": 3}:
        assert len(server.creates) < 3
    calls = (len(chats(server)), len(server.creates))
    assert calls == ((3, 1) if repair == "live" else (0, 2))


async def test_a_batch_that_is_executed_or_was_stopped_is_left_alone_and_a_cancelled_one_sends_nothing(
    server: OpenAIJobs, tmp_path: Path
) -> None:
    batch = await ended(server, tmp_path)
    store, records = batch.bench.store, JobRecords(batch.bench.store)
    mark = f"batch {batch.batch}"
    await store.set_mark(mark, json.dumps({"owner": owner_name(), "places": 0}))
    assert await batch.visit() == {"waiting": 3}
    await store.set_mark(mark, "")
    await records.stop(batch.batch)
    assert await batch.visit() == {"waiting": 3}
    assert not [seen for seen in server.seen if seen.startswith("GET")]

    server.hold = True
    cancelled, _ = await batch.bench.execute(batch.sheet, **JOBS, cancel=True, limit=1)
    assert (cancelled.progress.done, len(server.creates)) == (1, 1)
    assert await batch.visit() == {"succeeded": 1, "waiting": 2}
    assert (len(server.creates), len(server.bills)) == (1, 1)
    assert await records.under_way() == {}


async def test_a_worker_that_gets_a_run_between_two_jobs_makes_no_ordinary_call(
    server: OpenAIJobs, tmp_path: Path
) -> None:
    batch = await ended(server, tmp_path, rows=1)
    store = batch.bench.store
    (name,) = await store.names_starting_with(f"{batch.batch}.")
    view = await read_view(store, name)
    lease = await store.acquire(
        name, owner_name(), after=view.seq, events=[RunResumed(llm=view.llm, jobs=True)]
    )
    await store.release(lease)
    session = await Takeover(batch.bench.settings)(store, name)
    assert (await session.advance()).status == "waiting"
    await session.close()
    answered = await RunService(batch.bench.settings, store=store).open(name)
    assert (await answered.follow()).in_jobs
    assert (chats(server), len(server.creates)) == ([], 1)


async def test_what_a_visit_cannot_go_on_without_is_said_and_nothing_is_lost(
    server: OpenAIJobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = await ended(server, tmp_path)
    batch.visits = JobVisits(read_settings({"HOME": str(tmp_path)}), batch.log.append)
    assert await batch.visit() == {"waiting": 3}
    (line,) = batch.log
    assert KeyMissingError.code in line or "key" in line
    batch.visits = JobVisits(batch.bench.settings, batch.log.append)
    assert await batch.visit() == {"succeeded": 3}
    assert (len(server.creates), len(server.bills)) == (1, 3)
