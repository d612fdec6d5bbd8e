"""Prints what a soak found: `python -m benchmarks.soak --minutes 30`.

One server works for the whole time: three people start, answer and follow runs over HTTP, their event
streams are cut and reconnect, others listen to the list of runs. Beside it, batches on the same store
are killed with SIGKILL and continued. In the last tenth of the time, the server is killed and
restarted again and again. Exits with 1 where something grew, was lost, doubled, damaged or paid twice.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import sys
import tempfile
import time
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.engine import machine
from benchmarks.soak.workload import LISTENERS, Counts, Provider, Server, Workload

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LLM = "openai:any"
PEOPLE = 3
SAMPLES = 100
ROWS_SHOWN, FAULTS_SHOWN = 10, 5

STEADY = 0.9
"""The share of the time in which one server process works on; then it is killed repeatedly."""

MOST_GROWTH = 0.10


@dataclass(frozen=True)
class Sample:
    """The server and the store at one moment."""

    minutes: float
    memory: float
    handles: int
    threads: int
    runs: int
    megabytes: float

    @property
    def kilobytes_per_run(self) -> float:
        """What the store takes for each run that it holds."""
        return 1_024 * self.megabytes / max(1, self.runs)


@dataclass(frozen=True)
class Result:
    """What a soak found; drafts without an LLM make no `calls`."""

    samples: Sequence[Sample]
    counts: Counts
    calls: int | None
    unended: int
    integrity: str

    @property
    def _paid(self) -> list[tuple[str, bool]]:
        if self.calls is None:
            return []
        counts = self.counts
        repeated, most = self.calls - counts.runs - counts.rows, counts.most_repeated_calls
        text = (
            f"{counts.batches_killed} batches and {counts.servers_killed} servers were killed:"
            f" {repeated} of {self.calls:,} calls were repeated (at most {most})"
        )
        return [(text, 0 <= repeated <= most)]

    def growth(self, figure: Callable[[Sample], float]) -> float:
        """How much a figure's median grew from the second to the last fifth of the time."""
        fifth = max(1, len(self.samples) // 5)
        early, late = (
            median(figure(sample) for sample in samples)
            for samples in (self.samples[fifth : 2 * fifth] or self.samples, self.samples[-fifth:])
        )
        return late / early - 1

    @property
    def steady(self) -> list[tuple[str, bool]]:
        """What grew, and whether it is within bounds."""
        found = []
        figures: list[tuple[str, Callable[[Sample], float]]] = [
            ("memory of the server", lambda sample: sample.memory),
            ("its open files", lambda sample: sample.handles),
            ("its threads", lambda sample: sample.threads),
            ("size of the store for each run", lambda sample: sample.kilobytes_per_run),
        ]
        for name, figure in figures:
            grew = self.growth(figure)
            found.append((f"{name}: changed by {100 * grew:+.1f} %", grew < MOST_GROWTH))
        return found

    @property
    def whole(self) -> list[tuple[str, bool]]:
        """What was done, and whether nothing was lost, doubled, damaged or paid twice."""
        counts = self.counts
        return [
            (
                f"{counts.events:,} events were received over {counts.reconnects:,} reconnections,"
                f" {counts.runs:,} runs and {counts.rows:,} rows of batches ended well;"
                f" {len(counts.faults)} faults",
                not counts.faults and counts.runs > 0,
            ),
            *self._paid,
            (f"{self.unended} stored runs have not ended", self.unended == 0),
            (f"integrity of the store: {self.integrity}", self.integrity == "ok"),
        ]


def table(samples: Sequence[Sample]) -> str:
    """Some of the samples, evenly spread."""
    step = max(1, len(samples) // ROWS_SHOWN)
    rows = [
        f"| {each.minutes:.1f} | {each.memory:.0f} | {each.handles} | {each.threads}"
        f" | {each.runs:,} | {each.megabytes:.1f} | {each.kilobytes_per_run:.1f} |"
        for each in [*samples[::step], samples[-1]]
    ]
    head = (
        "| minute | memory, MB | open files | threads | stored runs | store, MB | KB for each run |"
    )
    return "\n".join((head, "| --: " * 7 + "|", *rows))


def _sample(server: Server, database: Path, began: float) -> Sample:
    # Not read-only: a reader may meet the journal of a commit that was cut off, and rolls it back.
    with closing(sqlite3.connect(database, timeout=60)) as store:
        (runs,) = store.execute("select count(*) from runs").fetchone()
    size = sum(file.stat().st_size for file in database.parent.glob("runs.sqlite*"))
    minutes = (time.monotonic() - began) / 60
    return Sample(minutes, *server.figures(), runs, size / 1024**2)


def _state_of(database: Path) -> tuple[int, str]:
    """How many runs have not ended, and what SQLite says of the file's integrity."""
    unended = (
        "select count(*) from runs r where not exists"
        " (select 1 from events e where e.run = r.run and e.kind = 'run_finished')"
    )
    with closing(sqlite3.connect(database, timeout=60)) as store:
        (integrity,) = store.execute("pragma integrity_check").fetchone()
        return store.execute(unended).fetchone()[0], integrity


async def soak(minutes: float, home: Path, llm: str = LLM, **changes: float) -> Result:
    """Works for so many minutes; `changes` are those of the workload."""
    database = home / "runs.sqlite"
    samples: list[Sample] = []
    with Provider() as provider:
        server = Server(home, provider, llm)
        server.start()
        began = time.monotonic()
        work = Workload(server, provider, home, began + 60 * minutes, **changes)  # type: ignore[arg-type]
        tasks = [asyncio.create_task(work.person(number)) for number in range(PEOPLE)]
        tasks.append(asyncio.create_task(work.batches()))
        listeners = [asyncio.create_task(work.listener()) for _ in range(LISTENERS)]
        try:
            while time.monotonic() < began + 60 * minutes * STEADY:
                await asyncio.sleep(60 * minutes * STEADY / SAMPLES)
                samples.append(await asyncio.to_thread(_sample, server, database, began))
            while work.goes_on:
                await work.kill_server()
                await asyncio.sleep(max(2.0, 60 * minutes * (1 - STEADY) / 10))
            await asyncio.gather(*tasks)
        finally:
            for task in (*tasks, *listeners):
                task.cancel()
            server.kill()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*listeners, return_exceptions=True)
        await work.client.aclose()
        calls = provider.calls if llm == LLM else None
        return Result(samples, work.counts, calls, *_state_of(database))


def main() -> None:
    """Prints the samples and the promises."""
    parser = argparse.ArgumentParser(description="Keep a server at work and watch for growth.")
    parser.add_argument("--minutes", type=float, default=30, help="how long (30)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="save the figures as a page")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        result = asyncio.run(soak(chosen.minutes, Path(home)))
    promises = [*result.steady, *result.whole]
    verdicts = "\n".join(f"* {'met' if kept else 'missed'}: {text}" for text, kept in promises)
    print(table(result.samples), verdicts, *result.counts.faults[:FAULTS_SHOWN], sep="\n\n")
    if chosen.save:
        page = (
            "# Soak",
            f"Measured with `python -m benchmarks.soak --minutes {chosen.minutes:g}` on {machine()}. One"
            f" server works for {STEADY:.0%} of the time, with {PEOPLE} people, {LISTENERS} listeners, and"
            " batches on the same store that are killed and continued; then the server is killed and"
            " restarted repeatedly. Growth is from the second to the last fifth of the samples; at most"
            f" {MOST_GROWTH:.0%} is allowed.",
            table(result.samples),
            verdicts,
        )
        chosen.save.write_text("\n\n".join(page) + "\n", "utf-8")
    sys.exit(0 if all(kept for _, kept in promises) else 1)


if __name__ == "__main__":
    main()
