"""Who goes first and how many at once: people before batches, and no run takes others down with it."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from callsheet.batches.batch import Batch
from callsheet.batches.outcomes import RowOutcome
from callsheet.store.factory import open_store
from callsheet.workers.crashes import MAX_CRASHES
from tests.conftest import GUARD, empty_database
from tests.support.batches import SharedStore, ideas, read_csv, write_sheet
from tests.support.cli import Terminal
from tests.support.loopback import Fault, Hang, ReceivedRequest
from tests.support.run_backends import handed_on
from tests.support.serving import Serving
from tests.support.strict_openai import StrictOpenAI
from tests.support.worker_starter import WorkerStarter
from tests.support.workers import LONGEST, Gate, WorkerGroup, wait_for, workers_on

PLACES, IN_ALL = ("--concurrency", "2"), ("--in-all", "3")


@pytest.fixture(scope="module")
def shared_workers(
    tmp_path_factory: pytest.TempPathFactory, worker_starter: WorkerStarter
) -> Iterator[WorkerGroup]:
    """A worker with two places, for all tests of this file that do it no harm."""
    terminal = Terminal(tmp_path_factory.mktemp("workers"), GUARD)
    with (
        empty_database() as url,
        workers_on(terminal, url, worker_starter=worker_starter) as workers,
    ):
        workers.start_worker(*PLACES, *IN_ALL)
        yield workers


class Busy(StrictOpenAI):
    """Takes a moment for each call, the first ones longer, and remembers how many came at once."""

    def __init__(self) -> None:
        super().__init__()
        self.most = 0
        self._inside = 0
        self._count = threading.Lock()

    def _serve(self, handler: Any, seen: ReceivedRequest) -> None:
        with self._count:
            self._inside += 1
            self.most = max(self.most, self._inside)
            moment = 0.2 if len(self.requests) % 3 else 0.5
        try:
            self._closing.wait(moment)
            super()._serve(handler, seen)
        finally:
            with self._count:
                self._inside -= 1


@pytest.fixture
def server() -> Iterator[Busy]:
    with Busy() as running:
        yield running


@pytest.fixture
def workers(shared_workers: WorkerGroup, server: Busy) -> WorkerGroup:
    """The worker, and people whose runs are written by this test's server."""
    shared_workers.terminal.env["CALLSHEET_BASE_URL"] = server.url
    return shared_workers


def _bench(workers: WorkerGroup) -> SharedStore:
    return SharedStore(open_store(workers.settings), settings=workers.settings)


def _begun(workers: WorkerGroup, sheet: Path) -> Future[tuple[Batch, list[RowOutcome]]]:
    """A batch that is under way; what became of it."""

    async def carry_out() -> tuple[Batch, list[RowOutcome]]:
        bench = _bench(workers)
        try:
            return await bench.execute(sheet)
        finally:
            bench.store.close()

    return workers.people.submit(asyncio.run, carry_out())


async def test_rows_that_workers_carry_on_are_written_in_order_and_counted_once(
    workers: WorkerGroup, server: Busy, tmp_path: Path
) -> None:
    sheet = write_sheet(tmp_path / "in_order.csv", ideas(12))
    bench = _bench(workers)
    batch = await bench.write(sheet, tmp_path / "out.csv")
    again, ends = await bench.execute(sheet)
    bench.store.close()

    found = read_csv(tmp_path / "out.csv")
    assert [row["idea"] for row in found] == [row["idea"] for row in ideas(12)]
    assert {row["status"] for row in found} == {"succeeded"}
    assert len(server.requests) == batch.progress.usage.calls == again.progress.usage.calls == 12
    assert (batch.progress.fresh, again.progress.fresh) == (12, 0)
    assert {end.row.run for end in ends} <= set(handed_on(str(workers.settings.database_url)))


def test_a_worker_has_so_many_at_once_and_all_workers_no_more_than_told(
    workers: WorkerGroup, server: Busy, tmp_path: Path
) -> None:
    alone = _begun(workers, write_sheet(tmp_path / "alone.csv", ideas(6)))
    assert alone.result(LONGEST)[0].progress.done == 6
    assert server.most == 2

    server.most = 0
    second = workers.start_worker(*PLACES, *IN_ALL)
    both = _begun(workers, write_sheet(tmp_path / "both.csv", ideas(15)))
    assert both.result(LONGEST)[0].progress.done == 15
    assert server.most == 3
    second.process.send_signal(signal.SIGTERM)
    assert second.process.wait(LONGEST) == 143


def test_a_person_who_waits_is_served_while_a_batch_has_taken_every_place(
    workers: WorkerGroup, server: Busy, tmp_path: Path
) -> None:
    gate = Gate(server)
    server.fail(gate, gate)
    batch = _begun(workers, write_sheet(tmp_path / "slow.csv", ideas(4)))
    wait_for(lambda: len(server.requests) == 2, "the batch")

    document = workers.begin("leonardo").result(LONGEST)

    assert document["status"] == "succeeded"
    assert len(server.requests) == 3
    gate.open()
    assert batch.result(LONGEST)[0].progress.done == 4


async def test_a_batch_that_was_left_goes_on_beside_the_row_that_a_worker_still_has_in_hand(
    workers: WorkerGroup, server: Busy, tmp_path: Path
) -> None:
    sheet, gate = write_sheet(tmp_path / "left.csv", ideas(6)), Gate(server)
    server.fail(gate)
    workers.terminal.env["CALLSHEET_LLM"] = "openai:any"
    left = workers.command("batch", str(sheet), "--groups", "leonardo", "--output", "left.jsonl")
    wait_for(lambda: len(server.requests) == 6, "the other rows")
    left.process.kill()
    left.process.wait()

    bench = _bench(workers)
    batch = bench.batch(sheet)
    going_on = asyncio.create_task(_gathered(batch))
    while not batch.progress.done and not going_on.done():  # noqa: ASYNC110  # nobody else tells
        await asyncio.sleep(0.01)  # the rows that are written are counted, the other is waited for
    gate.open()
    ends = await going_on
    bench.store.close()
    assert {end.status for end in ends} == {"succeeded"}
    assert batch.progress.usage.calls == len(server.requests) == 6


async def _gathered(batch: Batch) -> list[RowOutcome]:
    return [end async for end in batch.execute()]


def test_the_page_hands_its_runs_to_workers_too(workers: WorkerGroup, server: Busy) -> None:
    with Serving(
        replace(workers.terminal, env=workers.terminal.env | {"CALLSHEET_LLM": "openai:any"})
    ) as page:
        run = page.start("leonardo")
        document = page.until(run)
    assert document["status"] == "succeeded", document
    assert document["usage"]["calls"] == len(server.requests) == 1
    assert run in handed_on(str(workers.settings.database_url))


class Deadly(StrictOpenAI):
    """Kills the worker that asks for the poisonous idea, each time that it is told to.

    Nobody else gets an answer before the second death, so that all die with it twice; and nobody
    does later, while that idea is asked for beside theirs.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self.asked = self.deaths = 0
        self._database = url
        self._told = threading.Semaphore(0)
        self._beside = threading.Event()

    def kill(self) -> None:
        self._told.release()

    def _next(self, seen: ReceivedRequest) -> Fault | None:
        super()._next(seen)
        if "poison" in str(seen.json):
            self.asked += 1
            self._beside.set()
            self._told.acquire(timeout=LONGEST)
            os.kill(self._holder(), signal.SIGKILL)
            self.deaths += 1
            self._beside.clear()
            return Hang()
        early = self.deaths < MAX_CRASHES - 1
        return Hang() if early or self._beside.wait(1.0) else None

    def _holder(self) -> int:
        with psycopg.connect(self._database) as connection:
            [(owner,)] = connection.execute(
                "select owner from callsheet.leases l join callsheet.events e on e.run = l.run"
                " where e.seq = 1 and e.body like '%poison%'"
            ).fetchall()
        pid = int(str(owner).split(":")[1])
        assert pid != os.getpid()
        return pid


def test_a_run_that_each_worker_dies_of_is_given_up_and_the_others_are_written(
    terminal: Terminal, database_url: str, tmp_path: Path, worker_starter: WorkerStarter
) -> None:
    rows = [*ideas(3), {"idea": "a poison heron"}]
    with (
        Deadly(database_url) as server,
        workers_on(terminal, database_url, server, worker_starter) as workers,
    ):
        workers.start_worker("--concurrency", "4")
        batch = _begun(workers, write_sheet(tmp_path / "ideas.csv", rows))
        wait_for(lambda: len(server.requests) == 4, "every row's call")
        for death in range(1, MAX_CRASHES + 1):
            wait_for(lambda n=death: server.asked == n, f"call {death}")  # type: ignore[misc]
            workers.start_worker("--concurrency", "4")
            server.kill()
        tally, ends = batch.result(LONGEST)[0].progress, batch.result()[1]
        last = workers.processes[-1]

    assert [end.status for end in ends] == ["succeeded"] * 3 + ["failed"]
    assert ends[-1].code == "run_crashed"
    lost = f"{MAX_CRASHES} workers died one after another while executing this run"
    assert ends[-1].problems[0].startswith(lost)
    assert (server.asked, tally.usage.calls) == (MAX_CRASHES, 3)
    assert "recovered" in last.output
