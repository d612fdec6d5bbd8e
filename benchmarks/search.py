"""Time the first search on the command line over many stored runs, compared with the list of them.

Run it with `python -m benchmarks.search`. It exits with 1 when the promise is broken: a search over
5,000 runs takes at most 0.5 s of the processor more than `callsheet runs`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.engine import machine
from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.settings import read_settings
from callsheet.store.port import Lease
from callsheet.store.sql import SqlStore

if TYPE_CHECKING:
    from callsheet.events import Event

PROMISED_SECONDS = 0.5

TIMES = 5

COMMANDS = {
    "`callsheet runs`": (),
    "`--search`, two words": ("--search", "heron kite"),
    "`--search`, two Chinese words of one letter": ("--search", "鹭 雨"),
    "`--search`, a word that no run has": ("--search", "zeppelin"),
}

IDEA = "a heron at dawn"
WORDS = (
    "fox",
    "snow",
    "pier",
    "owl",
    "barn",
    "river",
    "heron",
    "tram",
    "kite",
    "鹭",
    "黎明",
    "雨",
    "сова",
)

GROUPS = (["leonardo"], ["sora", "midjourney"], ["sora", "leonardo", "midjourney", "motion_2_0"])


async def written(service: RunService, groups: list[str]) -> list[Event]:
    """What an offline run with these groups records."""
    session = await service.start(RunOptions(brief={"idea": IDEA}, groups=groups))
    await session.advance()
    return [recorded.event for recorded in await service.store.events(session.view.run)]


async def fill(home: Path, runs: int) -> None:
    """Stores so many runs, each with an idea of its own."""
    settings = read_settings({"CALLSHEET_HOME": str(home)})
    templates = [
        await written(RunService(settings, store=SqlStore.in_memory()), groups) for groups in GROUPS
    ]
    store = SqlStore(home / "runs.sqlite")
    chance = random.Random(1)  # noqa: S311  # the same runs each time

    async def add(number: int) -> None:
        idea = " ".join(chance.sample(WORDS, 5))
        events = [
            type(event).model_validate_json(event.model_dump_json().replace(IDEA, idea))
            for event in templates[number % len(templates)]
        ]
        await store.create(Lease(f"run-{number}", "", 1), "oms", events, {})

    for start in range(0, runs, 100):
        await asyncio.gather(*map(add, range(start, min(start + 100, runs))))
    store.close()


@dataclass(frozen=True)
class Taken:
    """The median seconds of a command, as passed and of the processor."""

    passed: float
    processor: float


def timed(home: Path, *words: str) -> Taken:
    """What a command takes, in a process of its own."""
    passed, processor = [], []
    for _ in range(TIMES):
        began, used = time.perf_counter(), _processor()
        subprocess.run(
            [sys.executable, "-m", "callsheet", "runs", *words],
            env={**os.environ, "CALLSHEET_HOME": str(home)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        passed.append(time.perf_counter() - began)
        processor.append(_processor() - used)
    return Taken(median(passed), median(processor))


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description="Time a search over many stored runs.")
    parser.add_argument("--runs", type=int, default=5_000, metavar="N", help="stored runs (5,000)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="save the table as a page")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        asyncio.run(fill(home, told.runs))
        taken = {what: timed(home, *words) for what, words in COMMANDS.items()}
    lines = ["| command | seconds | of the processor |", "| --- | ---: | ---: |"]
    lines += [
        f"| {what} | {each.passed:.2f} | {each.processor:.2f} |" for what, each in taken.items()
    ]
    listed, *found = taken.values()
    table = "\n".join(lines)
    kept = max(each.processor for each in found) - listed.processor <= PROMISED_SECONDS
    verdict = f"{'met' if kept else 'missed'}: a search takes at most {PROMISED_SECONDS} s of the processor more than the list"
    print(table, verdict, sep="\n\n")
    if told.save:
        told.save.write_text(
            f"# Search\n\nMeasured with `python -m benchmarks.search` on {machine()}. {told.runs:,} runs are stored;"
            f" each command is a process of its own.\n\n{table}\n\n* {verdict}\n",
            "utf-8",
        )
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
