"""Time 1 and 2 workers on PostgreSQL with 20 concurrent runs each, and the start of a worker.

Run it with `python -m benchmarks.scale`; it starts a PostgreSQL server of its own as the tests do,
or takes `CALLSHEET_TEST_DATABASE_URL`. The LLM is a process that answers after a set time. It exits
with 1 when a promise is broken: two workers carry on at least 1.7 times as many runs as one.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import psycopg

from benchmarks.batch import serving
from benchmarks.engine import machine
from callsheet.runs.inputs import parse_inputs
from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.settings import read_settings
from tests.support.postgres import MISSING, new_database, own_server, programs

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]

PLACES = 20
"""How many runs a worker carries on at once."""

PROMISED = 1.7


@dataclass(frozen=True)
class Measured:
    """What one number of workers took: seconds to the first run's end, and for all runs."""

    workers: int
    starts: list[float]
    seconds: float
    runs: int

    @property
    def rate(self) -> float:
        """Runs a second."""
        return self.runs / self.seconds


class Site:
    """A database, an LLM and workers."""

    def __init__(self, url: str, llm_url: str) -> None:
        self._env = {
            **os.environ,
            "CALLSHEET_DATABASE_URL": url,
            "CALLSHEET_BASE_URL": llm_url,
        }
        self._url = url
        self._service = RunService(read_settings(self._env), queue="batch")
        self._workers: list[subprocess.Popen[str]] = []

    def hire(self) -> float:
        """Starts a worker; answers with how long it took until it was ready."""
        began = time.monotonic()
        command = [sys.executable, "-m", "callsheet", "worker", "--concurrency", str(PLACES)]
        worker = subprocess.Popen(command, env=self._env, stderr=subprocess.PIPE, text=True)
        self._workers.append(worker)
        assert worker.stderr is not None  # noqa: S101  # a measurement that did not happen is none
        told = worker.stderr.readline()
        assert "carries on" in told, told  # noqa: S101  # a measurement that did not happen is none
        return time.monotonic() - began

    def dismiss(self) -> None:
        """Ends all workers."""
        for worker in self._workers:
            worker.terminate()
        for worker in self._workers:
            worker.communicate()

    async def hand_on(self, runs: int) -> None:
        """Begins runs and hands each to the workers."""
        ready = self._service.prepare(RunOptions(llm="openai:any"), "oms")
        answers = parse_inputs(ready.bundle, {"idea": "a heron at dawn"}, ["sora"])
        batch = f"scale-{time.monotonic_ns()}"
        for number in range(runs):
            session = self._service.begin(
                ready, answers, RunOptions(groups=["sora"]), f"{batch}.{number}"
            )
            workers = session.dispatcher
            handed = workers is not None and await workers.dispatch(session.journal)
            assert handed  # noqa: S101  # a measurement that did not happen is none

    def wait(self) -> None:
        """Returns when no run is in the workers' hands any more; each must have succeeded."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            while connection.execute("select 1 from callsheet.handed limit 1").fetchone():
                time.sleep(0.02)
            failed = connection.execute(
                "select body from callsheet.events where kind = 'run_failed' limit 1"
            ).fetchone()
            assert failed is None, failed  # noqa: S101  # a measurement that did not happen is none


@contextmanager
def site(latency: float, workers: int) -> Iterator[tuple[Site, list[float]]]:
    """A site of its own, and how long each worker took to be ready."""
    with ExitStack() as stack:
        server = os.environ.get("CALLSHEET_TEST_DATABASE_URL") or (
            stack.enter_context(own_server()).url if programs() else sys.exit(MISSING)
        )
        url = stack.enter_context(new_database(server))
        opened = Site(url, stack.enter_context(serving(latency * 1000)))
        stack.callback(opened.dismiss)
        yield opened, [opened.hire() for _ in range(workers)]


async def measure(latency: float, workers: int, runs: int) -> Measured:
    """So many runs by so many workers."""
    with site(latency, workers) as (opened, starts):
        # Every worker meets its first run before the clock starts.
        await opened.hand_on(2 * workers)
        opened.wait()
        began = time.monotonic()
        await opened.hand_on(runs)
        opened.wait()
        return Measured(workers, starts, time.monotonic() - began, runs)


def table(found: list[Measured], latency: float) -> str:
    """One Markdown table, a row for each number of workers."""
    lines = [
        "| workers | runs | seconds | minimum | runs/s | runs/s per worker | ready after |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for each in found:
        ideal = each.runs / (each.workers * PLACES) * latency
        lines.append(
            f"| {each.workers} | {each.runs} | {each.seconds:.1f} | {ideal:.1f} | {each.rate:.1f}"
            f" | {each.rate / each.workers:.1f} | {median(each.starts):.1f} s |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time 1 and 2 workers on PostgreSQL.")
    parser.add_argument("--runs", type=int, default=600, metavar="N", help="runs to execute (600)")
    parser.add_argument("--latency", type=float, default=1.0, metavar="SECONDS")
    parser.add_argument("--save", type=Path, metavar="FILE", help="save the table as a page")
    told = parser.parse_args()
    found = [asyncio.run(measure(told.latency, workers, told.runs)) for workers in (1, 2)]
    factor = found[1].rate / found[0].rate
    kept = factor >= PROMISED
    verdict = f"{'met' if kept else 'missed'}: two workers do {factor:.2f} times the work of one (at least {PROMISED})"
    rows = table(found, told.latency)
    print(rows, verdict, sep="\n\n")
    if told.save:
        told.save.parent.mkdir(parents=True, exist_ok=True)
        told.save.write_text(
            "# Worker scaling\n\n"
            f"Measured with `python -m benchmarks.scale` on {machine()}. {EXPLAINED}\n\n"
            f"{rows}\n\n* {verdict}\n",
            "utf-8",
        )
    sys.exit(0 if kept else 1)


EXPLAINED = f"""\
Each worker is a process that executes {PLACES} runs at once. A run is `oms` with one model group and one call to an LLM with a
latency of one second; there are enough runs that start and end hardly matter. Database, LLM, workers and the process that
queues the runs share the machine's cores. *Minimum* is the time of the calls alone; *ready after* is the time from
starting `callsheet worker` until it is ready for its first run, with all libraries loaded."""


if __name__ == "__main__":
    main()
