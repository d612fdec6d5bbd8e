"""Time a batch against the minimum time of its calls, and against its peers: docs/benchmarks/batch.md.

`python -m benchmarks.batch [--ideas N] [--save FILE]`
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.engine import LANGGRAPH, ROOT, Contender, Racer, Setting, machine, writing_mode
from benchmarks.peers.batch import IN_MEMORY, UNCHECKED, write_ideas

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CONCURRENCY = 50

BOUND = 1.10

FAST_BOUND = 3.2
"""How many times the plain client a batch may take at 200 ms."""

OURS = "callsheet batch"

CONTENDERS = (
    Contender("plain httpx, nothing stored", "bare"),
    Contender("script with callsheet's client, nothing stored", "plain"),
    Contender(f"{OURS}, in memory", "batch", option=IN_MEMORY),
    Contender(f"{OURS}, without the idea check", "batch", option=UNCHECKED),
    Contender(OURS, "batch"),
    Contender("LangGraph 1.2.22, six nodes with httpx", "langgraph", LANGGRAPH, "async own"),
    Contender("DBOS 3.4.0, six steps with httpx", "dbos", ("dbos==3.4.0",)),
)


@contextmanager
def serving(latency: float) -> Iterator[str]:
    """A loopback LLM that answers after so many milliseconds; its address."""
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.peers.server", str(latency)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None  # noqa: S101  # it is a pipe
        yield f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
    finally:
        server.kill()
        server.communicate()


def command_seconds(ideas: int, url: str, folder: Path) -> tuple[float, float]:
    """How long the command takes from its start to its end, and its processor time."""
    write_ideas(folder / "ideas.csv", ideas)
    words = ["batch", "ideas.csv", "--groups", "sora", "--llm", "openai:any", "--base-url", url]
    words += ["--concurrency", str(CONCURRENCY), "--output", "out.csv"]
    before = os.times()
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "callsheet", *words],
        cwd=folder,
        env={**os.environ, "CALLSHEET_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT / "src")},
        check=True,
        stderr=subprocess.DEVNULL,
    )
    after = os.times()
    used = after.children_user + after.children_system
    return time.perf_counter() - began, used - before.children_user - before.children_system


def race(contenders: Iterable[Contender], latency: float, ideas: int) -> list[Racer]:
    """Each contender once with all ideas, one after another."""
    racers = [Racer(each) for each in contenders]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(serving(latency))
        setting = Setting(f"{url}/chat/completions", folder, *writing_mode(wal=False))
        for number, racer in enumerate(racers):
            stack.callback(racer.stop)
            racer.start(setting, number)
            if not racer.trouble:
                racer.turn(CONCURRENCY, ideas)
            print(f"{racer.contender.name}: {racer.trouble or 'done'}", file=sys.stderr)
    return racers


def seconds_of(racer: Racer) -> float:
    """How long it took for all of its ideas."""
    return racer.seconds[CONCURRENCY][0] * racer.runs[CONCURRENCY]


def processor_ms(racer: Racer) -> float:
    """The processor time that it used for an idea: other load of the machine hardly changes it."""
    return 1000 * racer.processor[CONCURRENCY][0]


def table(racers: list[Racer], ideal: float) -> str:
    """A row for each contender: seconds in all, as a multiple of the ideal, and processor time."""
    lines = [
        "|  | seconds | multiple of the minimum | ms of processor time per idea |",
        "| --- | ---: | ---: | ---: |",
    ]
    for racer in racers:
        if racer.trouble:
            lines.append(f"| {racer.contender.name} | {racer.trouble} |  |  |")
            continue
        seconds = seconds_of(racer)
        used = processor_ms(racer)
        row = f"| {racer.contender.name} | {seconds:.1f} | {seconds / ideal:.2f} | {used:.1f} |"
        lines.append(row)
    return "\n".join(lines)


def shares(racers: list[Racer], ideas: int) -> str:
    """What the parts of a batch cost for each call, and whether the bound is kept."""
    wall = [1000 * seconds_of(each) / ideas for each in racers[:5]]
    kept = "met" if wall[-1] <= FAST_BOUND * wall[0] else "missed"
    return (
        f"{kept}: {wall[-1] / wall[0]:.2f} times the plain client (at most {FAST_BOUND}); for each call, in ms:"
        f" {_parts(wall)}; of processor time: {_parts([processor_ms(each) for each in racers[:5]])}"
    )


def _parts(costs: list[float]) -> str:
    bare, client, in_memory, unchecked, ours = costs
    parts = {
        "client library": client - bare,
        "journal": ours - in_memory,
        "idea check": ours - unchecked,
    }
    rest = ours - bare - sum(parts.values())
    listed = ", ".join(f"{name} {cost:.1f}" for name, cost in parts.items())
    return f"{listed}, everything else (sheet, modules, rules, output) {rest:.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Time a batch of ideas.")
    parser.add_argument("--ideas", type=int, default=2_000, metavar="N", help="ideas (2,000)")
    parser.add_argument("--save", type=Path, metavar="FILE", help="save the tables as a page")
    told = parser.parse_args()
    ideal = told.ideas / CONCURRENCY
    (ours,) = race([each for each in CONTENDERS if each.name == OURS], 1000, told.ideas)
    seconds = seconds_of(ours)
    kept = seconds <= BOUND * ideal
    verdict = (
        f"{'met' if kept else 'missed'}: the batch took {seconds:.1f} s, {seconds / ideal:.2f} times"
        f" the {ideal:.0f} s that its calls take at minimum (at most {BOUND:.2f})"
    )
    print(verdict)
    with serving(1000) as url, tempfile.TemporaryDirectory() as folder:
        whole, used = command_seconds(told.ideas, url, Path(folder))
    command = (
        f"the whole command, including start-up and loading the client library, took"
        f" {whole:.1f} s and {1000 * used / told.ideas:.1f} ms of processor time per idea"
    )
    print(command)
    fast = ideal / 5
    racers = race(CONTENDERS, 200, told.ideas)
    rows, costs = table(racers, fast), shares(racers, told.ideas)
    print(f"\n{rows}\n\n{costs}")
    if told.save:
        page = (
            "# Batch throughput",
            f"Measured with `python -m benchmarks.batch` on {machine()}. {EXPLAINED}",
            f"## {told.ideas:,} ideas, LLM latency 1 s",
            f"* {verdict}\n* {command}",
            f"## {told.ideas:,} ideas, LLM latency 200 ms",
            f"The minimum is {fast:.0f} s.",
            rows,
            f"* {costs}",
        )
        told.save.write_text("\n\n".join(page) + "\n", "utf-8")
    sys.exit(0 if kept else 1)


EXPLAINED = f"""\
Each idea is one call to an LLM on the same machine, {CONCURRENCY} at once; the server uses the same cores. callsheet
validates the sheet, stores each run's events in SQLite and waits for the disk, checks each reply against its model's
rules, and writes the sheet of prompts. LangGraph and DBOS execute six small steps around the same call and store them in
SQLite; the first three rows store nothing on the disk. The contenders run one after another, each in a process that made two calls
before timing started."""


if __name__ == "__main__":
    main()
