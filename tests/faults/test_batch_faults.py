"""A batch survives bad rows, refused keys, rate limits, Ctrl-C and SIGKILL, and buys nothing twice."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callsheet.batches.batch_llm import BatchLLM
from callsheet.batches.circuit_breaker import CircuitBreaker
from callsheet.batches.rate_limit import rate_limiter
from callsheet.errors import BudgetExceededError
from callsheet.llm.concurrency import ConcurrencyLimiter
from callsheet.llm.port import Reply, Request, Usage
from callsheet.llm.provider_llm import ProviderLLM
from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.settings import read_settings
from callsheet.store.port import RateLimit
from callsheet.store.sql import SqlStore
from tests.conftest import GUARD
from tests.support.batches import SharedStore, ideas, write_sheet
from tests.support.cli import Terminal
from tests.support.loopback import Answer, Drop, Hang, ReceivedRequest, Refusal, Status, Text
from tests.support.plain_llm import PlainLLM
from tests.support.runs import client_of, no_wait
from tests.support.strict_openai import Conduct, StrictOpenAI

ROOT = Path(__file__).parents[2]


class Spoiling(StrictOpenAI):
    """Answers each request by the word that its idea holds, however often it is asked."""

    def _next(self, seen: ReceivedRequest) -> Any:
        super()._next(seen)
        result = str(seen.json)
        for word, fault in POISONS.items():
            if word in result:
                return fault
        return None


POISONS = {
    "refusing": Refusal(),
    "failing": Status(500),
    "dropping": Drop(),
    "chatting": Text("I would rather talk."),
    "rejected": Status(400, {"error": {"message": "no", "code": "content_policy_violation"}}),
}


async def test_of_500_rows_the_five_poisoned_ones_fail_by_themselves_each_with_its_reason(
    tmp_path: Path,
) -> None:
    rows = ideas(500)
    for number, word in enumerate(POISONS):
        rows[100 * number] = {"idea": f"a {word} heron"}
    sheet = write_sheet(tmp_path / "ideas.csv", rows)
    with Spoiling() as server:
        bench = SharedStore.with_llm(client_of(server))
        batch, ends = await bench.execute(sheet)
        paid = len(server.requests)
        assert (batch.progress.done, batch.progress.failed, batch.progress.left) == (495, 5, 0)
        failed = {end.row.number: end.code for end in ends if end.status == "failed"}
        assert list(failed) == [2, 102, 202, 302, 402]
        assert len(set(failed.values())) == 5
        assert [end.row.number for end in ends] == [row + 2 for row in range(500)]
        again, _ = await bench.execute(sheet, retry_failed=True)
        assert again.progress.fresh == 5
        sent = [str(seen.json["messages"][1]["content"]) for seen in server.requests[paid:]]
        assert not [message for message in sent if "number" in message.rpartition("Idea:")[2]]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Status(401), "provider_auth"),
        (Status(402), "provider_billing"),
        (
            Status(429, {"error": {"code": "insufficient_quota", "message": "gone"}}),
            "provider_quota",
        ),
        (Status(404, {"error": {"code": "model_not_found", "message": "none"}}), "llm_not_found"),
        (Status(429, headers={"retry-after": "3600"}), "provider_unavailable"),
    ],
    ids=["key", "billing", "quota", "unknown LLM", "an hour's rest"],
)
async def test_what_every_row_would_meet_pauses_the_batch_and_the_same_command_goes_on(
    tmp_path: Path, fault: Status, code: str
) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(40))
    with StrictOpenAI(faults=[fault] * 40) as server:
        bench = SharedStore.with_llm(client_of(server))
        batch, ends = await bench.execute(sheet, concurrency=4)
        assert batch.paused_by is not None
        assert batch.paused_by.code == code
        assert len(server.requests) <= 4
        assert {end.status for end in ends} == {"left"}
        assert (batch.progress.failed, batch.progress.left) == (0, 40)

        server._faults.clear()
        paid = len(server.requests)
        if code == "provider_unavailable":
            return  # an hour is not waited for here
        batch, _ = await bench.execute(sheet)
        assert (batch.progress.done, len(server.requests) - paid) == (40, 40)


async def test_a_provider_that_is_gone_pauses_the_batch(tmp_path: Path) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(40))
    with StrictOpenAI() as server:
        llm = client_of(server)
    batch, _ = await SharedStore.with_llm(llm).execute(sheet, concurrency=2)
    assert batch.paused_by is not None
    assert batch.paused_by.code == "provider_unreachable"
    assert batch.progress.done == 0
    assert batch.progress.failed + batch.progress.left == 40


class Limited(StrictOpenAI):
    """Lets so many calls in at once, and says 429 to the others; remembers how many came."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.refused = 0
        self._inside = 0
        self._count = threading.Lock()

    def _serve(self, handler: Any, seen: ReceivedRequest) -> None:
        with self._count:
            self._inside += 1
            full = self._inside > self.most
            self.refused += full
        try:
            if full:
                self.fail(Status(429))
            else:
                self._closing.wait(0.05)  # a call takes a while, so that others come meanwhile
            super()._serve(handler, seen)
        finally:
            with self._count:
                self._inside -= 1


async def test_no_row_fails_because_the_provider_wants_fewer_calls_at_once(tmp_path: Path) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(60))
    with Limited(3) as server:
        pace = ConcurrencyLimiter(20, sleep=no_wait)
        llm = ProviderLLM("openai", "any", base_url=server.url, sleep=no_wait, limiter=pace)
        batch, _ = await SharedStore.with_llm(llm).execute(sheet, concurrency=20)
        await pace.close()
    assert server.refused
    assert (batch.progress.done, batch.progress.failed) == (60, 0)


async def test_nobody_calls_before_the_time_that_the_provider_names() -> None:
    clock, slept = [0.0], []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    def answer(seen: ReceivedRequest) -> Answer:
        times.append(clock[0])
        return server.answer(seen, None)

    times: list[float] = []
    with StrictOpenAI() as server:
        server.fail(Status(429, headers={"retry-after": "30"}), *[answer] * 3)
        pace = ConcurrencyLimiter(4, now=lambda: clock[0], sleep=sleep)
        llm = ProviderLLM("openai", "any", base_url=server.url, sleep=no_wait, limiter=pace)
        request = Request("s", "u", {"type": "object", "properties": {"a": {"type": "string"}}})
        for _ in range(3):
            await llm.compose(request)
        await pace.close()
    assert min(times) >= 30
    assert len(slept) == 1


class Priced:
    """An LLM whose every call costs a cent, in the end; its worst case is dearer."""

    spec = "openai:gpt-5.2"

    def __init__(self, server: StrictOpenAI) -> None:
        self._plain = PlainLLM(server.url)
        self.calls = 0

    async def compose(self, request: Request, on_text: Any = None) -> Reply:
        self.calls += 1
        reply = await self._plain.compose(request, on_text)
        return Reply(reply.text, "stop", Usage(100, 0, 100, 0.01), "gpt-5.2")


async def test_the_whole_batch_keeps_within_its_budget_over_several_executions(
    tmp_path: Path,
) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(40))
    with StrictOpenAI() as server:
        llm = Priced(server)
        bench = SharedStore.with_llm(llm)
        batch, _ = await bench.execute(sheet, max_cost=0.35)
        assert isinstance(batch.paused_by, BudgetExceededError)
        assert 0 < batch.progress.done < 35
        assert (batch.progress.usage.cost_usd or 0) <= 0.35
        await bench.execute(sheet, max_cost=0.35)
        assert llm.calls * 0.01 <= 0.35  # what was spent before counts
        batch, _ = await bench.execute(sheet, max_cost=5.0)
        assert (batch.progress.done, llm.calls) == (40, 40)


def test_the_llm_of_a_batch_has_the_same_name() -> None:
    with StrictOpenAI() as server:
        llm = BatchLLM(Priced(server), CircuitBreaker(), 1)
        assert llm.spec == "openai:gpt-5.2"


@pytest.fixture
def hanging() -> Iterator[StrictOpenAI]:
    """Answers seven requests, then none."""
    with StrictOpenAI() as server:
        server.fail(*[lambda seen: server.answer(seen, None)] * 7, *[Hang()] * 100)
        yield server


def _begin(terminal: Terminal, server: StrictOpenAI, sheet: Path) -> subprocess.Popen[str]:
    words = ("batch", str(sheet), "--groups", "leonardo", "--llm", "openai:any")
    return subprocess.Popen(
        terminal.command(
            *words, "--base-url", server.url, "--output", "out.csv", "--concurrency", "3"
        ),
        cwd=terminal.folder,
        env=terminal.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_a_signal_keeps_everything_and_prints_the_command_that_goes_on(
    terminal: Terminal, hanging: StrictOpenAI, tmp_path: Path, number: int, status: int
) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(20))
    process = _begin(terminal, hanging, sheet)
    _wait_for(lambda: len(hanging.requests) == 10)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == status, err
    assert f"callsheet batch {sheet}" in err
    assert "Traceback" not in err
    assert (tmp_path / "out.csv.part").exists()
    _go_on(terminal, hanging, sheet, paid=10)


def test_killed_in_the_middle_it_buys_only_the_calls_in_flight_again(
    terminal: Terminal, hanging: StrictOpenAI, tmp_path: Path
) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(20))
    process = _begin(terminal, hanging, sheet)
    _wait_for(lambda: len(hanging.requests) == 10)
    process.kill()
    process.communicate()
    _go_on(terminal, hanging, sheet, paid=10)


def _go_on(terminal: Terminal, server: StrictOpenAI, sheet: Path, *, paid: int) -> None:
    """The same command again: all is written, and only what was under way was bought again."""
    server._faults.clear()
    done = terminal(
        "batch", str(sheet), "--groups", "leonardo", "--llm", "openai:any",
        "--base-url", server.url, "--output", "out.csv", "--json",
    )  # fmt: skip
    assert done.status == 0, done.err
    assert done.json["written"] == 20
    assert done.json["usage"]["calls"] == 20
    assert len(server.requests) == paid + 13


def _killed_at_half(folder: Path, url: str) -> int:
    """The status of a process that carries the batch out and kills itself in the middle."""
    return subprocess.run(
        [sys.executable, "-m", "tests.support.self_killing_batch", str(folder), url],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{GUARD}{os.pathsep}{ROOT}"},
        timeout=600,
        check=False,
    ).returncode


async def test_a_thousand_ideas_killed_at_half_end_with_one_recorded_call_each(
    tmp_path: Path,
) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(1_000))
    store = SqlStore(tmp_path / "runs.sqlite")
    with StrictOpenAI() as server:
        assert await asyncio.to_thread(_killed_at_half, tmp_path, server.url) == -signal.SIGKILL
        before = len(server.requests)
        assert 0 < before < 1_000
        batch, ends = await SharedStore(store, PlainLLM(server.url)).execute(sheet, concurrency=20)
        assert batch.progress.done == 1_000
        assert {end.usage.calls for end in ends} == {1}
        assert len(server.requests) <= 1_000 + 20
    store.close()


def _wait_for(condition: Any) -> None:
    waiting = threading.Event()
    for _ in range(6_000):
        if condition():
            return
        waiting.wait(0.02)
    raise AssertionError("it did not happen")


def test_a_refused_key_is_told_and_nothing_is_written(terminal: Terminal, tmp_path: Path) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(5))
    with StrictOpenAI(Conduct(key="sk-right")) as server:
        terminal.env |= {"CALLSHEET_API_KEY": "sk-wrong-0123456789"}
        words = ("batch", str(sheet), "--groups", "sora", "--llm", "openai:any")
        done = terminal(*words, "--base-url", server.url, "--output", "out.csv")
        assert done.status == 5, done.err
        assert "the batch is paused" in done.err
        assert "sk-wrong" not in done.err
        terminal.env |= {"CALLSHEET_API_KEY": "sk-right"}
        done = terminal(*words, "--base-url", server.url, "--output", "out.csv")
        assert done.status == 0, done.err


async def test_a_minute_of_two_batches_with_one_key_holds_for_both(tmp_path: Path) -> None:
    clock = [1_000.0]

    async def sleep(seconds: float) -> None:
        clock[0] += seconds
        await asyncio.sleep(0)

    store = SqlStore.in_memory(now=lambda: clock[0])
    allowed = RateLimit(calls=5)
    service = RunService(read_settings({"HOME": str(tmp_path)}), store=store)
    options = RunOptions(llm="openai:any", base_url="http://127.0.0.1:9/v1")
    paces = [
        ConcurrencyLimiter(
            5, rate_limit=rate_limiter(service, options, allowed), now=lambda: clock[0], sleep=sleep
        )
        for _ in range(2)
    ]
    request = Request("s", "u", {"type": "object", "properties": {"a": {"type": "string"}}})
    times: list[float] = []
    with StrictOpenAI() as server:
        llms = [ProviderLLM("openai", "any", base_url=server.url, limiter=pace) for pace in paces]
        for number in range(12):
            await llms[number % 2].compose(request)
            times.append(clock[0])
        for pace in paces:
            await pace.close()
    assert [times.count(at) for at in sorted(set(times))] == [5, 5, 2]
    assert sorted(set(times)) == [1_000, 1_060, 1_120]
