"""Time the server's responses, compared with a plain Starlette application: `python -m benchmarks.serve`.

Requests come from `wrk` where it is installed, else from a plain client in this process, which is then
what limits; the ratios hold all the same, for both servers are asked in the same way.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

from benchmarks.engine import machine
from callsheet.events import RunFinished, RunStarted
from callsheet.store.port import Lease
from callsheet.store.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Self

RUNS = int(os.environ.get("BENCHMARK_RUNS", "10000"))
STREAMS = int(os.environ.get("BENCHMARK_STREAMS", "500"))
SECONDS = int(os.environ.get("BENCHMARK_SECONDS", "5"))
CLIENTS = 32

HOSTILE = ("\n", "[", '"', ", ", "a\u0301")
PROMPT = 6_000
"""Characters of a hostile prompt, the most for which all rules are applied."""

MOST_GROWTH = 0.10

SLOWEST = 1.0
"""Seconds until the last stream has heard of what happened."""

BARE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

async def health(request):
    return JSONResponse({"status": "ok"})

uvicorn.run(Starlette(routes=[Route("/api/health", health)]), port=int(sys.argv[1]), log_level="critical")
"""


@contextmanager
def started(*command: str, home: str = "") -> Iterator[subprocess.Popen[str]]:
    """A server in a process of its own."""
    environment = {**os.environ, "CALLSHEET_HOME": home} if home else None
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def rate(url: str) -> float:
    """Requests a second."""
    if wrk := shutil.which("wrk"):
        command = [wrk, "-t2", f"-c{CLIENTS}", f"-d{SECONDS}s", url]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return float(told.partition("Requests/sec:")[2].split()[0])
    return asyncio.run(_ask(url))


async def _ask(url: str) -> float:
    host, port, path = _parts(url)
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
    done, ends = 0, time.monotonic() + SECONDS

    async def ask() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection(host, port)
        while time.monotonic() < ends:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
            done += 1
        writer.close()

    await asyncio.gather(*(ask() for _ in range(CLIENTS)))
    return done / SECONDS


def _parts(url: str) -> tuple[str, int, str]:
    found = re.fullmatch(r"http://([\d.]+):(\d+)(/.*)", url)
    if not found:
        raise ValueError(url)
    return found[1], int(found[2]), found[3]


async def fill(home: Path) -> str:
    """Many ended runs; the name of one of them."""
    store = SqlStore(home / "runs.sqlite")
    for number in range(RUNS):
        name = f"run-{number}"
        lease = Lease(name, "", 1)
        begun = RunStarted(
            workflow="oms",
            source="oms",
            manifest="",
            llm="offline",
            answers={"idea": f"idea {number}"},
        )
        await store.create(lease, "oms", [begun, RunFinished(result="succeeded")], {})
    store.close()
    return f"run-{RUNS // 2}"


def memory(process: subprocess.Popen[str]) -> float:
    """What a process holds, in MB."""
    told = Path(f"/proc/{process.pid}/status").read_text("utf-8")
    found = re.search(r"VmRSS:\s+(\d+)", told)
    return int(found[1]) / 1024 if found else 0.0


@dataclass(frozen=True)
class Held:
    """What many open streams cost: MB before them, with them, and after they were held; seconds."""

    before: float
    opened: float
    after: float
    minutes: float
    slowest: float

    @property
    def growth(self) -> float:
        """How much memory grew while nothing happened, as a share of what was held at first."""
        return self.after / self.opened - 1

    @property
    def kept(self) -> bool:
        """Whether what is promised of streams holds."""
        return self.growth < MOST_GROWTH and self.slowest < SLOWEST

    def __str__(self) -> str:
        return (
            f"{'met' if self.kept else 'missed'}: {STREAMS} idle streams took"
            f" {self.opened - self.before:.0f} MB in addition to the server's {self.before:.0f} MB; in"
            f" {self.minutes:g} minutes, memory changed by {100 * self.growth:+.1f} % (less than"
            f" {100 * MOST_GROWTH:.0f} %); the last stream received a new run within"
            f" {self.slowest:.2f} s (less than {SLOWEST:g} s)"
        )


class Crowd:
    """Many who listen to the server's events, and when each of them first heard of a run."""

    def __init__(self, url: str) -> None:
        self._host, self._port, _ = _parts(url)
        self._ready = asyncio.Semaphore(0)
        self._listening: list[asyncio.Task[None]] = []
        self.heard: list[float] = []

    async def __aenter__(self) -> Self:
        self._listening = [asyncio.create_task(self._listen()) for _ in range(STREAMS)]
        for _ in range(STREAMS):
            await self._ready.acquire()
        return self

    async def __aexit__(self, *error: object) -> None:
        for each in self._listening:
            each.cancel()

    @property
    def ended(self) -> int:
        """How many streams have ended although nobody ended them."""
        return sum(each.done() for each in self._listening)

    async def _listen(self) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        head = f"GET /api/events HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n\r\n"
        writer.write(head.encode())
        await _until(b"event: ready", reader)
        self._ready.release()
        await _until(b"event: run", reader)
        self.heard.append(time.monotonic())
        while await reader.readline():
            pass


async def _until(mark: bytes, reader: asyncio.StreamReader) -> None:
    while mark not in (line := await reader.readline()):
        if not line:
            raise RuntimeError("a stream has ended")


async def hold(url: str, process: subprocess.Popen[str], minutes: float) -> Held:
    """Opens many streams, waits until all have heard of a new run, and holds them."""
    before = memory(process)
    async with Crowd(url) as crowd:
        await asyncio.sleep(2)
        began = time.monotonic()
        await asyncio.to_thread(start, url)
        while len(crowd.heard) < STREAMS and time.monotonic() < began + 60:  # noqa: ASYNC110  # many tell, each once
            await asyncio.sleep(0.01)
        opened = memory(process)
        await asyncio.sleep(60 * minutes)
        after = memory(process)
        if crowd.ended or len(crowd.heard) < STREAMS:
            raise RuntimeError(f"{crowd.ended} streams ended, {len(crowd.heard)} heard of a run")
    return Held(before, opened, after, minutes, max(crowd.heard) - began)


def start(url: str) -> str:
    """Begins an offline run; its place."""
    host, port, _ = _parts(url)
    body = b'{"brief": {"idea": "a heron"}, "groups": ["sora"]}'
    headers = {"Content-Type": "application/json"}
    with urlopen(Request(f"http://{host}:{port}/api/runs", body, headers)) as answer:
        return str(answer.headers["location"])


def judge(url: str) -> list[tuple[str, float, float]]:
    """For each hostile prompt, the milliseconds of its check and of the slowest answer meanwhile."""
    found = []
    for unit in HOSTILE:
        body = json.dumps({"model": "SORA_1_A", "text": unit * (PROMPT // len(unit))}).encode()
        request = Request(f"{url}/api/lint", body, {"Content-Type": "application/json"})  # noqa: S310  # the server above
        with ThreadPoolExecutor() as pool:
            checked = pool.submit(_milliseconds, request)
            slowest = _milliseconds(f"{url}/api/health")
            while not checked.done():
                slowest = max(slowest, _milliseconds(f"{url}/api/health"))
        found.append((unit, checked.result(), slowest))
    return found


def _milliseconds(what: Request | str) -> float:
    began = time.perf_counter()
    with urlopen(what) as answer:  # noqa: S310  # the same
        answer.read()
    return 1_000 * (time.perf_counter() - began)


def judged_table(found: list[tuple[str, float, float]]) -> str:
    """A row for each hostile prompt."""
    rows = [
        f"| many `{unit!r}` | {took:.0f} ms | {slowest:.0f} ms |" for unit, took, slowest in found
    ]
    head = f"| prompt of {PROMPT:,} characters | check | slowest `/api/health` meanwhile |"
    return "\n".join((head, "| --- | --: | --: |", *rows))


def bare_rate() -> float:
    """Requests a second of an application that does nothing else."""
    with started(sys.executable, "-c", BARE, "8431") as bare:
        url = "http://127.0.0.1:8431/api/health"
        for _ in range(100):
            with suppress(OSError), urlopen(url):
                break
            time.sleep(0.1)
        found = rate(url)
        if bare.poll() is not None:
            raise RuntimeError("the bare server has ended")
        return found


def measure(minutes: float) -> tuple[dict[str, float], str, Held]:
    """Requests a second by what is asked for, what hostile prompts and what idle streams cost."""
    plain = bare_rate()
    with tempfile.TemporaryDirectory() as home:
        asyncio.run(fill(Path(home)))
        command = (sys.executable, "-m", "callsheet", "serve", "--port", "0")
        with started(*command, home=home) as process:
            url = next(iter(process.stdout or ())).split(" is running at ")[1].strip().rstrip("/")
            own = url + start(url + "/")
            time.sleep(3)
            told = {
                "plain Starlette application": plain,
                "cheapest route": rate(f"{url}/api/health"),
                f"one run, {RUNS:,} stored": rate(own),
                f"list of runs, {RUNS:,} stored": rate(f"{url}/api/runs?limit=50"),
            }
            judged = judged_table(judge(url))
            return told, judged, asyncio.run(hold(url + "/", process, minutes))


def table(told: Mapping[str, float]) -> str:
    """A row for each thing that was asked for; the first is what the others are compared with."""
    plain = next(iter(told.values()))
    rows = [f"| {what} | {found:,.0f} | {found / plain:.2f} |" for what, found in told.items()]
    return "\n".join(("| request | requests/s | ratio |", "| --- | --: | --: |", *rows))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="Time the server's responses.")
    parser.add_argument(
        "--minutes", type=float, default=10, help="how long to keep the streams open (10)"
    )
    parser.add_argument("--save", type=Path, metavar="FILE", help="save the table as a page")
    told = parser.parse_args()
    found, judged, held = measure(told.minutes)
    print(table(found), judged, held, sep="\n\n")
    if told.save:
        asked = "`wrk`" if shutil.which("wrk") else "a client in Python"
        page = (
            "# Server response times",
            f"Measured with `python -m benchmarks.serve` on {machine()}. Both servers are one process;"
            f" {asked} sends {CLIENTS} requests at a time, on the same cores. The ratios depend little on the machine.",
            table(found),
            judged,
            f"* {held}",
        )
        told.save.write_text("\n\n".join(page) + "\n", "utf-8")
    sys.exit(0 if held.kept else 1)


if __name__ == "__main__":
    main()
