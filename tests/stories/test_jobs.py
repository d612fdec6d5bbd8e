"""A batch in provider jobs ends as an ordinary one does, at the price of a job, and buys nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from callsheet.batches import jobs as batch_jobs
from callsheet.batches.estimate import estimate_batch
from callsheet.batches.row_parser import RowDefaults
from callsheet.errors import BudgetExceededError, InputError, StateConflictError
from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore
from tests.support.batches import SharedStore, ideas, read_csv, write_sheet
from tests.support.job_server import call_server
from tests.support.loopback import Answer
from tests.support.openai_jobs import OpenAIJobs
from tests.support.schema_writer import write_text

JOBS = {"llm": "openai:gpt-5.4-mini", "jobs": True}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIJobs]:
    with OpenAIJobs() as server:
        call_server(monkeypatch, "openai", server.url)
        yield server


@pytest.fixture
def bench(server: OpenAIJobs) -> SharedStore:
    return SharedStore(SqlStore.in_memory(), settings=read_settings())


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    return write_sheet(tmp_path / "ideas.csv", ideas(12))


def chats(server: OpenAIJobs) -> list[Any]:
    """The ordinary calls."""
    return [seen for seen in server.requests if "chat" in seen.path]


async def test_results_that_are_read_together_share_transactions(
    server: OpenAIJobs, sheet: Path, tmp_path: Path
) -> None:
    store = SqlStore(tmp_path / "runs.sqlite")
    bench = SharedStore(store, settings=read_settings())
    await bench.write(sheet, tmp_path / "out.csv", **JOBS)
    statements: list[str] = []
    store.database.connection.set_trace_callback(statements.append)  # type: ignore[attr-defined]
    batch = await bench.write(sheet, tmp_path / "out.csv", **JOBS)
    assert batch.progress.done == 12
    assert statements.count("commit") < 24, "two for each row, to read its result alone"
    store.close()


async def test_a_row_that_a_job_did_not_carry_out_is_sent_again_and_a_rejected_one_fails(
    bench: SharedStore, server: OpenAIJobs, tmp_path: Path
) -> None:
    ends = ("expired", "lost", "overloaded", "rejected", "ok")
    server.row_end = lambda number, row: ends[number] if row.startswith(server.creates[0]) else "ok"
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(5))
    batch = await bench.write(sheet, tmp_path / "out.csv", **JOBS, wait=True)
    assert (batch.progress.done, batch.progress.failed, len(server.bills)) == (4, 1, 4)
    assert [record.rows for record in batch.jobs.records] == [5, 3]
    (failed,) = [row for row in read_csv(tmp_path / "out.csv") if row["status"] == "failed"]
    assert "rejected by the safety system" in failed["problems"]


async def test_a_row_that_no_job_carries_out_fails_in_the_end(
    bench: SharedStore, server: OpenAIJobs, tmp_path: Path
) -> None:
    server.row_end = lambda *_: "expired"
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(1))
    batch = await bench.write(sheet, tmp_path / "out.csv", **JOBS, wait=True)
    assert (batch.progress.failed, len(server.creates), server.bills) == (1, 3, [])


async def test_a_cancelled_job_keeps_what_is_done_and_sends_nothing_new(
    bench: SharedStore, server: OpenAIJobs, tmp_path: Path
) -> None:
    server.hold = True
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(4))
    await bench.execute(sheet, **JOBS)
    batch, _ = await bench.execute(sheet, **JOBS, cancel=True)
    assert (batch.progress.done, batch.progress.left, batch.progress.waiting) == (2, 2, 0)
    assert len(server.creates) == 1
    server.hold = False
    batch, _ = await bench.execute(sheet, **JOBS, wait=True)
    assert (batch.progress.done, len(server.creates), len(server.bills)) == (4, 2, 4)


async def test_a_job_whose_creation_was_not_answered_is_found_again_or_sent_on_demand_only(
    bench: SharedStore,
    server: OpenAIJobs,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batch_jobs, "LIST_SECONDS", 0.0)
    server.drop_after_create = True
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(2))
    batch, _ = await bench.execute(sheet, **JOBS)
    (record,) = batch.jobs.live
    assert batch.paused_by is not None
    assert batch.paused_by.exit_code == 5
    assert record.id in batch.paused_by.message
    assert f"--resend {record.id}" in batch.paused_by.hint

    server.fail_next("GET .*batches", Answer(403, server.error(403, "not allowed")))
    batch, _ = await bench.execute(sheet, **JOBS)
    assert batch.paused_by is not None
    assert (batch.progress.left, len(server.creates)) == (2, 1)

    with pytest.raises(InputError, match="no job of this batch"):
        await bench.execute(sheet, **JOBS, resend="ffffffff")
    batch, _ = await bench.execute(sheet, **JOBS, wait=True)
    assert (batch.progress.done, len(server.creates), len(server.bills)) == (2, 1, 2)


async def test_a_job_is_sent_again_where_a_person_says_so(
    bench: SharedStore, server: OpenAIJobs, tmp_path: Path
) -> None:
    server.drop_after_create = True
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(2))
    batch, _ = await bench.execute(sheet, **JOBS)
    again, _ = await bench.execute(sheet, **JOBS, wait=True, resend=batch.jobs.live[0].id)
    assert (again.progress.done, len(server.creates)) == (2, 2)


async def test_a_refused_job_leaves_its_rows_and_says_why(
    bench: SharedStore, server: OpenAIJobs, tmp_path: Path
) -> None:
    server.fail_next("POST .*batches", Answer(400, server.error(400, "Billing limit reached")))
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(2))
    batch, _ = await bench.execute(sheet, **JOBS)
    assert batch.paused_by is not None
    assert "Billing limit" in batch.paused_by.message
    assert (batch.progress.left, batch.jobs.records) == (2, [])
    batch, _ = await bench.execute(sheet, **JOBS, wait=True)
    assert (batch.progress.done, len(server.bills)) == (2, 2)


@pytest.mark.parametrize("repair", ["live", "job"])
async def test_repairs_are_ordinary_calls_unless_they_are_to_go_into_a_job(
    bench: SharedStore, server: OpenAIJobs, tmp_path: Path, repair: str
) -> None:
    server.write = lambda path, node: (
        "too short" if len(server.creates) == 1 and not chats(server) else write_text(path, node)
    )
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(2))
    batch = await bench.write(sheet, tmp_path / "out.csv", **JOBS, wait=True, repair=repair)
    assert (batch.progress.done, batch.progress.repaired) == (2, 2)
    calls = (len(chats(server)), len(server.creates))
    assert calls == ((2, 1) if repair == "live" else (0, 2))


async def test_a_motion_prompt_goes_into_the_next_job(
    bench: SharedStore, server: OpenAIJobs, tmp_path: Path
) -> None:
    bench.defaults = RowDefaults(("leonardo", "motion_2_0"))
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(2))
    batch = await bench.write(sheet, tmp_path / "out.csv", **JOBS, wait=True)
    assert (batch.progress.done, len(server.creates), chats(server)) == (2, 2, [])


async def test_a_run_in_a_job_is_neither_resumed_nor_deleted(
    bench: SharedStore, server: OpenAIJobs, tmp_path: Path
) -> None:
    server.hold = True
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(1))
    batch, (row,) = await bench.execute(sheet, **JOBS)
    service = RunService(bench.settings, store=bench.store)
    assert (await service.show(row.row.run))["job"] == batch.jobs.live[0].id
    for refused in (
        service.resume(row.row.run, RunOptions(llm="offline")),
        service.retry(row.row.run, RunOptions(llm="offline")),
        service.delete(row.row.run),
        service.delete(batch.name),
    ):
        with pytest.raises(StateConflictError, match=batch.jobs.live[0].id):
            await refused
    assert (await service.runs())[0]["status"] == "waiting"


async def test_a_job_that_is_absent_is_sent_again_after_five_minutes_only(
    bench: SharedStore, server: OpenAIJobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.fail_next("POST .*batches", Answer(500, server.error(500, "hm")))
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(2))
    batch, _ = await bench.execute(sheet, **JOBS)
    sent, calls = batch.jobs.live[0].sent, 0
    for seconds, creates in ((295, 0), (301, 1)):
        later = SimpleNamespace(time=lambda seconds=seconds: sent + seconds)
        monkeypatch.setattr(batch_jobs, "time", later)
        batch, _ = await bench.execute(sheet, **JOBS)
        assert (batch.progress.waiting, len(server.creates)) == (2, creates), seconds
        lists = sum("GET /v1/batches?" in each for each in server.seen)
        assert lists > calls
        calls = lists


async def test_where_the_queue_has_no_room_the_rows_are_left_and_the_command_says_what_to_do(
    bench: SharedStore, server: OpenAIJobs, tmp_path: Path
) -> None:
    message = "Enqueued token limit reached for gpt-5.4-mini."
    refusal = {"code": "token_limit_exceeded", "message": message, "line": None}
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(2))
    for _ in range(4):  # more often than a row may be submitted otherwise
        server.refuse_with = [refusal]
        batch, _ = await bench.execute(sheet, **JOBS, wait=True)
        assert (batch.progress.left, batch.progress.failed) == (2, 0)
    assert batch.paused_by is not None
    assert message in batch.paused_by.message
    assert "same command" in batch.paused_by.hint
    assert batch.paused_by.exit_code == 5
    batch, _ = await bench.execute(sheet, **JOBS, wait=True)
    assert (batch.progress.done, len(server.bills)) == (2, 2)


async def test_jobs_are_refused_where_there_are_none(bench: SharedStore, tmp_path: Path) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(1))
    with pytest.raises(InputError, match="no batch jobs"):
        bench.batch(sheet, llm="offline", jobs=True)


async def test_a_batch_that_waits_for_its_jobs_can_be_stopped_at_once(
    bench: SharedStore, server: OpenAIJobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_jobs, "FIRST_POLL_SECONDS", 600)
    server.hold = True
    batch = bench.batch(write_sheet(tmp_path / "ideas.csv", ideas(2)), **JOBS, wait=True)

    async def stop() -> None:
        while not batch.jobs or not batch.jobs.live:  # noqa: ASYNC110  # it is sent meanwhile
            await asyncio.sleep(0.02)
        batch.stop()

    stopping = asyncio.create_task(stop())
    async with asyncio.timeout(20):
        outcomes = [outcome async for outcome in batch.execute()]
    await stopping
    assert [outcome.waits for outcome in outcomes] == [True, True]


async def test_the_estimate_knows_the_half_price(
    bench: SharedStore, server: OpenAIJobs, sheet: Path
) -> None:
    ordinary = await estimate_batch(bench.batch(sheet, llm=JOBS["llm"]))
    half = await estimate_batch(bench.batch(sheet, **JOBS, repair="job"))
    assert half.least_usd == pytest.approx(ordinary.least_usd / 2)
    assert half.most_usd == pytest.approx(ordinary.most_usd / 2)


async def test_a_budget_bounds_what_is_in_jobs_and_the_same_command_goes_on(
    bench: SharedStore, server: OpenAIJobs, tmp_path: Path
) -> None:
    server.hold = True
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(2))
    one, _ = await bench.execute(sheet, **JOBS, limit=1)
    limit = one.jobs.reserved_usd * 1.5
    for _ in range(2):
        batch, _ = await bench.execute(sheet, **JOBS, max_cost=limit)
        assert isinstance(batch.paused_by, BudgetExceededError)
        assert (batch.progress.waiting, len(server.creates)) == (1, 1)
    server.hold = False
    batch, _ = await bench.execute(sheet, **JOBS, max_cost=limit)
    assert (batch.progress.done, batch.progress.waiting, len(server.creates)) == (1, 1, 2)
