"""What every contender is given: six modules, one HTTP client, and the loop that times it.

A contender is a process. It opens its file, says on a line of JSON how that file writes, then
times as many runs as each line of its input asks for: `CONCURRENCY RUNS`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

IDEA = (
    "A woman reads by a window at dusk while the city behind the glass fills with evening light. "
)

FILLED = {
    "scene": "The scene, as it was told: {idea}",
    "light": "The light: low and warm from the left, cool from the street. {idea}",
    "lens": "The lens: 50 mm, wide open, at the height of the eyes. {idea}",
    "message": "Write one prompt for this.\n\n{scene}\n\n{light}\n\n{lens}",
    "reply": "",
    "sheet": "The sheet for today:\n\n{reply}",
}
"""The six modules in order: what each writes, and what it is made of; `reply` is the call."""

LAST = "sheet"

PRAGMA = {0: "off", 1: "normal", 2: "full", 3: "extra"}

Run = Callable[[str], Awaitable[str]]
"""Carries out the run of this name, and answers with what its last module wrote."""


@dataclass(frozen=True)
class Given:
    """What a contender is told: where the LLM is, which file is its own, and how that file writes."""

    url: str
    file: Path
    journal: str
    synchronous: str
    option: str


@dataclass(frozen=True)
class Opened:
    """A contender that is ready, and what its own connection says of how its file writes.

    One that takes many runs at once has `whole` in place of `run`: a name, how many at a time, and
    how many in all.
    """

    run: Run | None
    journal: str = "-"
    synchronous: str = "-"
    whole: Callable[[str, int, int], Awaitable[None]] | None = None


Open = Callable[[Given, "Ask"], AbstractAsyncContextManager[Opened]]

Ask = Callable[[str], Awaitable[str]]


def fill(name: str, values: dict[str, str]) -> str:
    """The text of a module that only fills in."""
    return FILLED[name].format(**values)


async def module(name: str, values: dict[str, str], ask: Ask) -> str:
    """What one of the six modules writes."""
    return await ask(values["message"]) if name == "reply" else fill(name, values)


@asynccontextmanager
async def client(url: str) -> AsyncIterator[Ask]:
    """The one HTTP client that all contenders call through."""
    limits = httpx2.Limits(max_connections=100, max_keepalive_connections=100)
    async with httpx2.AsyncClient(limits=limits, trust_env=False, timeout=60) as http:

        async def ask(message: str) -> str:
            answer = await http.post(url, json={"messages": [{"role": "user", "content": message}]})
            answer.raise_for_status()
            content = answer.json()["choices"][0]["message"]["content"]
            return str(json.loads(content)["text"])

        yield ask


def compete(opened: Open) -> None:
    """A contender's whole life."""
    parser = argparse.ArgumentParser()
    for name in ("--url", "--file", "--journal", "--synchronous"):
        parser.add_argument(name, required=True)
    parser.add_argument("--option", default="")
    told = vars(parser.parse_args())
    asyncio.run(_compete(opened, Given(**{**told, "file": Path(told["file"])})))


async def _compete(opened: Open, given: Given) -> None:
    loop = asyncio.get_running_loop()
    async with client(given.url) as ask, opened(given, ask) as contender:
        await _timed(contender, "warm", 1, 2)
        _say({"journal": contender.journal, "synchronous": contender.synchronous})
        number = 0
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            concurrency, runs = map(int, line.split())
            number += 1
            before, used = _changes(given.file), time.process_time()
            seconds = await _timed(contender, f"{number}", concurrency, runs)
            used = time.process_time() - used
            commits = _changes(given.file) - before
            _say({"seconds": seconds, "processor": used, "commits": commits})


async def _timed(contender: Opened, prefix: str, concurrency: int, runs: int) -> float:
    """How long `runs` runs take, `concurrency` of them under way at any time."""
    if contender.whole is not None:
        started = time.perf_counter()
        await contender.whole(prefix, concurrency, runs)
        return time.perf_counter() - started
    run = contender.run
    assert run is not None  # noqa: S101  # one of the two is there
    names = iter([f"{prefix}-{number}" for number in range(runs)])

    async def worker() -> None:
        for name in names:
            written = await run(name)
            if not written.startswith("The sheet for today:\n\nA prompt"):
                raise RuntimeError(f"the run {name} wrote {written!r:.200}")

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(concurrency)))
    return time.perf_counter() - started


def _changes(file: Path) -> int:
    """How often the file was committed to; SQLite counts in its header, but not where a WAL is."""
    if not file.exists():
        return 0
    with file.open("rb") as opened:
        opened.seek(24)
        return int.from_bytes(opened.read(4), "big")


def _say(told: object) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
