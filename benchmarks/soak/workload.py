"""The work of a soak: people who follow their runs, listeners, batches that are killed, one server."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from tests.support.strict_openai import StrictOpenAI

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.support.loopback import Fault, ReceivedRequest

CONCURRENCY = 4
"""Rows of a batch that are executed at once: the most calls that a kill can repeat."""

LISTENERS = 20
GROUPS = ("leonardo", "sora", "phoenix")


class Provider(StrictOpenAI):
    """An LLM on this machine that counts its calls, in all and for each batch."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.of_batch: Counter[str] = Counter()

    def _next(self, seen: ReceivedRequest) -> Fault | None:
        found = re.search(r"batch (\d+), row", json.dumps(seen.json))
        with self._lock:
            self.calls += 1
            self.of_batch[found[1] if found else ""] += 1
        return None


@dataclass
class Counts:
    """What was done, and what went wrong."""

    runs: int = 0
    rows: int = 0
    events: int = 0
    reconnects: int = 0
    batches_killed: int = 0
    servers_killed: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def most_repeated_calls(self) -> int:
        """The calls that the kills may have repeated."""
        return CONCURRENCY * (self.batches_killed + self.servers_killed)


class Server:
    """`callsheet serve` in a process of its own, which can be killed and started again."""

    def __init__(self, home: Path, provider: Provider, llm: str) -> None:
        self.environment = {
            **os.environ,
            "CALLSHEET_HOME": str(home),
            "CALLSHEET_LLM": llm,
            "CALLSHEET_BASE_URL": provider.url,
            "CALLSHEET_API_KEY": "key",
        }
        self.url = ""
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Starts it, on the same port as before."""
        port = self.url.rpartition(":")[2] or "0"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "callsheet", "serve", "--port", port],
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        line = next(iter(self.process.stdout or ()), "")
        if " is running at " not in line:
            raise RuntimeError(f"the server did not start: {line}")
        self.url = line.split(" is running at ")[1].strip().partition("?")[0].rstrip("/")

    def kill(self) -> None:
        """Ends it with SIGKILL."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()

    def figures(self) -> tuple[float, int, int]:
        """Its memory in MB, open file handles and threads."""
        assert self.process is not None  # noqa: S101  # it was started
        folder = Path(f"/proc/{self.process.pid}")
        status = (folder / "status").read_text("utf-8")
        memory, threads = (
            int(re.search(rf"{name}:\s+(\d+)", status)[1])  # type: ignore[index]
            for name in ("VmRSS", "Threads")
        )
        return memory / 1024, len([*(folder / "fd").iterdir()]), threads


@dataclass
class Workload:
    """Everything that works at once until `ends`, a time of the monotonic clock."""

    server: Server
    provider: Provider
    folder: Path
    ends: float
    pause: float = 0.4
    rows: int = 30
    kills: int = 2
    counts: Counts = field(default_factory=Counts)

    def __post_init__(self) -> None:
        self.client = httpx.AsyncClient(timeout=60, trust_env=False, limits=httpx.Limits())

    @property
    def goes_on(self) -> bool:
        """Whether new work may begin."""
        return time.monotonic() < self.ends

    async def person(self, name: int) -> None:
        """One run after another, each followed by its events."""
        number = 0
        while self.goes_on:
            number += 1
            try:
                await self._one_run(f"person {name} number {number}", number)
            except (AssertionError, httpx.HTTPError) as error:
                self.counts.faults.append(f"person {name}, run {number}: {error!r:.300}")
            await asyncio.sleep(self.pause)

    async def listener(self) -> None:
        """An open stream of the list of runs, opened again when it ends."""
        while True:
            async for _ in self._events(""):
                pass
            await asyncio.sleep(0.5)

    async def batches(self) -> None:
        """One batch after another, each killed some times and continued by the same command."""
        number = 0
        while self.goes_on:
            number += 1
            sheet, output = self.folder / f"{number}.csv", self.folder / f"{number}.out.csv"
            ideas = [f"a heron by the river, batch {number}, row {n}" for n in range(self.rows)]
            sheet.write_text("idea\n" + "".join(f'"{idea}"\n' for idea in ideas), "utf-8")
            for kill in range(1, self.kills + 1):
                calls = kill * self.rows // (self.kills + 2)
                await self._batch(
                    sheet, output, lambda n=number, c=calls: self.provider.of_batch[str(n)] >= c
                )
            code = await self._batch(sheet, output, lambda: False)
            found = list(csv.DictReader(output.read_text("utf-8-sig").splitlines()))
            self._check(code == 0, f"batch {number} ended with {code}")
            self._check([row["idea"] for row in found] == ideas, f"batch {number}: other rows")
            failed = [row for row in found if row["status"] != "succeeded"]
            self._check(not failed, f"batch {number}: {failed[:1]!r:.300}")
            self.counts.rows += self.rows
            sheet.unlink()
            output.unlink()

    async def kill_server(self) -> None:
        """Kills the server and starts it again at the same port."""
        self.server.kill()
        self.counts.servers_killed += 1
        await asyncio.to_thread(self.server.start)

    def _check(self, holds: bool, otherwise: str) -> None:  # noqa: FBT001  # an assertion
        if not holds:
            self.counts.faults.append(otherwise)

    async def _batch(self, sheet: Path, output: Path, kill: Callable[[], bool]) -> int:
        """Executes the command until its end, or until it is to be killed; its exit status."""
        words = ("batch", str(sheet), "--groups", "leonardo", "--output", str(output))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "callsheet", *words, "--concurrency", str(CONCURRENCY),
            env=self.server.environment, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        ended = asyncio.create_task(process.wait())
        while not ended.done():
            if kill():
                with suppress(ProcessLookupError):
                    process.send_signal(signal.SIGKILL)
                    self.counts.batches_killed += 1
                break
            await asyncio.wait((ended,), timeout=0.02)
        return await ended

    async def _one_run(self, name: str, number: int) -> None:
        """Starts a run, answers its review, and follows it to its end; every tenth is deleted."""
        body = {
            "brief": {"idea": f"a heron by the river, {name}"},
            "groups": [GROUPS[number % len(GROUPS)]],
            "review": number % 2 == 0,
        }
        document = await self._post("/api/runs", body, name.replace(" ", "-"))
        run = str(document["run"])
        await self._follow(run, cut=number % 7 + 2)
        document = await self._get(f"/api/runs/{run}")
        assert document["status"] == "succeeded", document  # noqa: S101  # counted by `person`
        await self._get("/api/runs?limit=20")
        await self._get("/api/savings")
        if number % 10 == 0:
            await self.client.delete(f"{self.server.url}/api/runs/{run}")
        self.counts.runs += 1

    async def _follow(self, run: str, cut: int) -> None:
        """Receives each event of a run once and in order; the stream is cut after every few."""
        last = 0
        while True:
            document = await self._get(f"/api/runs/{run}")
            if document["status"] in ("interrupted", "failed"):
                await self._post(f"/api/runs/{run}/resume", {}, f"{run}-{last}")
            received = 0
            async for name, data in self._events(f"{run}:0", f"{run}:{last}" if last else ""):
                if name != "fact":
                    continue
                expected = data["seq"] == last + 1
                self._check(expected, f"{run}: event {data['seq']} came after {last}")
                last, received = data["seq"], received + 1
                self.counts.events += 1
                if data["kind"] == "question_asked":
                    answer = {"question": last, "value": "accept"}
                    await self._post(f"/api/runs/{run}/answers", answer, f"{run}-{last}")
                if data["kind"] == "run_finished":
                    return
                if received == cut:
                    break
            self.counts.reconnects += 1

    async def _events(self, runs: str, last: str = "") -> AsyncIterator[tuple[str, Any]]:
        """The events of a stream until it ends: the name and the data of each."""
        headers = {"Last-Event-ID": last} if last else {}
        params = {"runs": runs} if runs else {}
        url, name = f"{self.server.url}/api/events", ""
        with suppress(httpx.TransportError):
            async with self.client.stream("GET", url, params=params, headers=headers) as answer:
                async for line in answer.aiter_lines():
                    field_name, _, value = line.partition(": ")
                    if field_name == "event":
                        name = value
                    elif field_name == "data":
                        yield name, json.loads(value)
            return
        await asyncio.sleep(0.2)

    async def _get(self, path: str) -> Any:
        return await self._ask("GET", path)

    async def _post(self, path: str, body: Any, key: str) -> Any:
        return await self._ask("POST", path, json=body, headers={"Idempotency-Key": key})

    async def _ask(self, method: str, path: str, **more: Any) -> Any:
        """The JSON of a response; while no server listens, the request is sent again."""
        while True:
            try:
                answer = await self.client.request(method, f"{self.server.url}{path}", **more)
            except httpx.TransportError:
                await asyncio.sleep(0.2)
                continue
            assert answer.is_success, answer.text  # noqa: S101  # counted by `person`
            return answer.json()
