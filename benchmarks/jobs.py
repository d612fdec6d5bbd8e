"""Kill a batch in provider jobs at every step, and carry a large one out in little memory.

Run it with `python -m benchmarks.jobs`. The providers are loopback servers that follow the batch interfaces
of OpenAI, Anthropic and Google, bill each row at the batch rate and count the jobs that were created. It exits with 1
when a promise is broken: no job is created twice, no row is billed twice, the output is that of an
ordinary batch but for cost, tokens and run, and batches of up to 50,000 rows take less than 250 MB.
Each large batch is a process of its own, tuned as the command `callsheet batch` is.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.engine import machine
from benchmarks.job_forecasts import Server, provider_server
from benchmarks.large_batch import LLM
from benchmarks.pages import met, publish
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore
from tests.support.batches import SharedStore, ideas, without_cost, write_sheet
from tests.support.openai_jobs import OpenAIJobs
from tests.support.self_killing_jobs import STEPS

if TYPE_CHECKING:
    from tests.support.job_server import ServedJob

KILLED = (LLM, "anthropic:claude-sonnet-5-5", "google:gemini-3.8-flash")

PROMISED_MB = 250
PROMISED_OFF = 0.01


@dataclass(frozen=True)
class Killed:
    """What became of a batch that was killed at one step and given again."""

    llm: str
    step: str
    jobs: int
    billed: int
    is_equal: bool
    cost_usd: float
    seconds: float


@dataclass(frozen=True)
class Large:
    """A batch of many rows, in a process of its own."""

    rows: int
    jobs: int
    peak_mb: float
    seconds: float
    cpu_ms: float
    """Processor time of a row, in milliseconds."""


class ForgetfulJobs(OpenAIJobs):
    """Keeps no requests of jobs that have ended: 50,000 have 40 kB each."""

    def look(self, job: ServedJob) -> ServedJob:
        if super().look(job).end:
            for row in job.rows:
                row.body.clear()
        return job


def kill_everywhere(rows: int, folder: Path) -> tuple[list[Killed], float]:
    """Kill one batch after the other, each at another step, and give each again; with the whole bill."""
    write_sheet(folder / "ideas.csv", ideas(rows))
    killed, billed_usd = [], 0.0
    for llm in KILLED:
        provider = llm.partition(":")[0]
        with provider_server(provider) as server:
            plain = SharedStore(SqlStore(folder / f"{provider}.sqlite"), settings=read_settings())
            asyncio.run(plain.write(folder / "ideas.csv", folder / "plain.csv", llm=llm))
            plain.store.close()
            command = [sys.executable, "-m", "tests.support.self_killing_jobs"]
            subprocess.run([*command, str(folder), provider, llm, server.url], check=True)
            killed += [_give_again(server, folder, llm, step) for step in STEPS]
            billed_usd += server.billed_usd
    return killed, billed_usd


def _give_again(server: Server, folder: Path, llm: str, step: str) -> Killed:
    began, output = time.monotonic(), folder / "jobs.csv"
    store = SqlStore(folder / llm.partition(":")[0] / step / "runs.sqlite")
    bench = SharedStore(store, settings=read_settings())
    asked = {"llm": llm, "jobs": True, "wait": True}
    batch = asyncio.run(bench.write(folder / "ideas.csv", output, **asked))
    bench.store.close()
    ours = {record.id for record in batch.jobs.records}
    return Killed(
        llm,
        step,
        jobs=sum(mark in ours for mark in server.creates),
        billed=sum(server.carried_out[mark] for mark in ours),
        is_equal=without_cost(output) == without_cost(folder / "plain.csv"),
        cost_usd=batch.progress.usage.cost_usd or 0.0,
        seconds=time.monotonic() - began,
    )


def carry_out(rows: int, folder: Path) -> Large:
    """Carry out a large batch in another process, and measure that."""
    with (folder / "many.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["idea"])
        writer.writerows([f"a heron by the river, number {n}"] for n in range(rows))
    with ForgetfulJobs() as server:
        began = time.monotonic()
        command = [sys.executable, "-m", "benchmarks.large_batch", str(folder), server.url]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        peak, cpu, finished = map(float, done.stdout.split())
        if finished != rows:
            raise SystemExit(f"{finished:.0f} of {rows} rows were written")
        seconds = time.monotonic() - began
        return Large(rows, len(server.creates), peak, seconds, cpu / rows * 1_000)


def _carried_out(rows: int, folder: Path) -> Large:
    own = folder / str(rows)
    own.mkdir()
    return carry_out(rows, own)


def report(rows: int, killed: list[Killed], billed_usd: float, large: list[Large]) -> str:
    """The page of figures."""
    off = abs(sum(each.cost_usd for each in killed) / billed_usd - 1)
    lines = [
        "# Provider jobs: kills and memory",
        "",
        f"Measured with `python -m benchmarks.jobs` on {machine()}. The providers are loopback servers that",
        "follow the batch interfaces of OpenAI, Anthropic and Google and bill at the batch rate; their jobs end at once.",
        "",
        f"A batch of {rows:,} rows for each step: its process is killed with SIGKILL there, and the same command",
        "is given again.",
        "",
        "| LLM | killed | jobs created | rows billed | output as without jobs | seconds, given again |",
        "| --- | --- | ---: | ---: | --- | ---: |",
    ]
    for each in killed:
        equal = "yes" if each.is_equal else "**no**"
        counts = f"{each.jobs} | {each.billed:,} | {equal}"
        lines.append(f"| {each.llm} | {each.step} | {counts} | {each.seconds:.1f} |")
    kept = all((each.jobs, each.billed) == (1, rows) and each.is_equal for each in killed)
    lines += [
        "",
        f"* {met(kept)}: no job is created and no row billed twice; the output differs in cost, tokens and run only",
        f"* {met(off < PROMISED_OFF)}: the recorded cost is {off:.2%} off the bill (at most 1 %)",
    ]
    if large:
        most = max(each.peak_mb for each in large)
        lines += [
            "",
            "| rows | jobs | peak memory | seconds | processor time a row |",
            "| ---: | ---: | ---: | ---: | ---: |",
            *(
                f"| {each.rows:,} | {each.jobs} | {each.peak_mb:.0f} MB | {each.seconds:.0f}"
                f" | {each.cpu_ms:.1f} ms |"
                for each in large
            ),
            "",
            f"* {met(most < PROMISED_MB)}: a large batch takes less than {PROMISED_MB} MB",
        ]
    return "\n".join([*lines, ""])


def main() -> int:
    """Measure, print, and say by the exit status whether the promises are kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.jobs", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000, help="rows for each step")
    parser.add_argument(
        "--large",
        type=int,
        nargs="*",
        default=[5_000, 20_000, 50_000],
        help="rows of large batches",
    )
    parser.add_argument("--save", type=Path, help="file for the page of figures")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        killed, billed_usd = kill_everywhere(given.rows, Path(name))
        large = [_carried_out(rows, Path(name)) for rows in given.large]
    page = report(given.rows, killed, billed_usd, large)
    return publish(page, given.save)


if __name__ == "__main__":
    sys.exit(main())
