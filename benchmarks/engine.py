"""Time a six-module run with one call to a loopback LLM: callsheet's engine and its peers.

Run it with `python -m benchmarks.engine`. Every contender is a process with a SQLite file of its
own that commits at least once per module, at the same `synchronous`, and calls through the same
HTTP client; the peers are installed by the benchmark itself, outside of the project. It exits with
1 when a promise is broken: callsheet takes at most 1.3 times as long as a bare journal, and
carries out at least twice as many runs per second as LangGraph.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.peers.installing import NotInstalledError, last_line, python_of
from callsheet.store.sqlite import WAL_SAFE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROOT = Path(__file__).parents[1]

ROUNDS = 3

LEVELS = (1, 50)
"""How many runs are under way at once."""

SLICE = {1: 10, 50: 100}
"""How many runs a contender does before it is the next one's turn."""

YARDSTICK, OURS = "plain SQLite journal", "callsheet"

GUESTS = "callsheet, each module committed"
"""With the others' own functions as a guest's modules, of which none says that it may be done again."""

BOUND = 1.3
"""The promised time of a run, as a multiple of the yardstick's."""

FACTOR = 2.0
"""The promised runs per second, as a multiple of LangGraph's."""

PROMISED_OVER = "LangGraph"

LANGGRAPH = ("langgraph==1.2.22", "langgraph-checkpoint-sqlite==3.1.2")


@dataclass(frozen=True)
class Contender:
    """One row: a module of `benchmarks.peers`, what it needs installed, and its option."""

    name: str
    module: str
    requirements: tuple[str, ...] = ()
    option: str = ""


CONTENDERS = (
    Contender("plain asyncio, nothing stored", "bare"),
    Contender(YARDSTICK, "journal"),
    Contender(OURS, "callsheet"),
    Contender(GUESTS, "callsheet", option="guests"),
    Contender("LangGraph 1.2.22", "langgraph", LANGGRAPH, "sync own"),
    Contender("LangGraph 1.2.22, default durability", "langgraph", LANGGRAPH, "async own"),
    Contender("LangGraph 1.2.22, callsheet's journal mode", "langgraph", LANGGRAPH, "sync ours"),
    Contender("Burr 0.42.0", "burr", ("burr==0.42.0", "aiosqlite==0.22.1")),
    Contender("DBOS 3.4.0", "dbos", ("dbos==3.4.0",)),
)


@dataclass(frozen=True)
class Setting:
    """What all contenders share."""

    url: str
    folder: Path
    journal: str
    synchronous: str


@dataclass
class Racer:
    """A contender's process, and what was measured of it: by level, seconds per run of each turn."""

    contender: Contender
    process: subprocess.Popen[str] | None = None
    mode: dict[str, str] = field(default_factory=dict)
    trouble: str = ""
    seconds: dict[int, list[float]] = field(default_factory=dict)
    processor: dict[int, list[float]] = field(default_factory=dict)
    commits: dict[int, int] = field(default_factory=dict)
    runs: dict[int, int] = field(default_factory=dict)

    def start(self, setting: Setting, number: int) -> None:
        """Installs and starts it; where that fails, `trouble` says why."""
        contender = self.contender
        python = sys.executable
        try:
            if contender.requirements:
                python = python_of(contender.module, contender.requirements)
        except NotInstalledError as error:
            self.trouble = f"not installed: {error}"
            return
        file = setting.folder / f"{number}.sqlite"
        command = [python, "-m", f"benchmarks.peers.{contender.module}"]
        command += ["--url", setting.url, "--file", str(file), "--option", contender.option]
        command += ["--journal", setting.journal, "--synchronous", setting.synchronous]
        with (setting.folder / f"{number}.log").open("w") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.mode = self._heard() or {}
        if not self.mode:
            self.trouble = f"does not start: {last_line(Path(log.name).read_text())}"

    def turn(self, level: int, runs: int) -> None:
        """Does some runs, and remembers what they took."""
        assert self.process is not None  # noqa: S101  # only who started gets a turn
        assert self.process.stdin is not None  # noqa: S101  # it is a pipe
        self.process.stdin.write(f"{level} {runs}\n")
        self.process.stdin.flush()
        told = self._heard()
        if told is None:
            self.trouble = f"fails at concurrency {level}"
            return
        self.seconds.setdefault(level, []).append(told["seconds"] / runs)
        self.processor.setdefault(level, []).append(told["processor"] / runs)
        self.commits[level] = self.commits.get(level, 0) + told["commits"]
        self.runs[level] = self.runs.get(level, 0) + runs

    def stop(self) -> None:
        """Ends its process."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()

    def ms(self, level: int) -> float:
        """Milliseconds per run, the median of its turns."""
        return median(self.seconds[level]) * 1000

    def ratio(self, other: Racer, level: int) -> float:
        """Its time as a multiple of another's: the median of what each pair of turns says."""
        pairs = zip(self.seconds[level], other.seconds[level], strict=True)
        return median(mine / theirs for mine, theirs in pairs)

    def _heard(self) -> dict[str, Any] | None:
        """The next thing it says, or None where its process has ended."""
        assert self.process is not None  # noqa: S101  # only a process can be heard
        assert self.process.stdout is not None  # noqa: S101  # it is a pipe
        line = self.process.stdout.readline()
        return json.loads(line) if line else None


def race(racers: list[Racer], runs: int) -> None:
    """All rounds; the racers take turns within each, so that a busy moment hits all of them."""
    for _ in range(ROUNDS):
        for level in LEVELS:
            share = SLICE[level]
            for _turn in range(-(-runs * (1 if level == 1 else 2) // share)):
                for racer in racers:
                    if not racer.trouble:
                        racer.turn(level, share)
            print(".", end="", flush=True, file=sys.stderr)
    print(file=sys.stderr)


def table(racers: list[Racer]) -> str:
    """One Markdown table: a row for each racer, in milliseconds, runs per second and ratios."""
    yardstick = next(racer for racer in racers if racer.contender.name == YARDSTICK)
    head = ["", "journal, synchronous"]
    for level in LEVELS:
        head += [f"ms/run at {level}", "runs/s", "ratio", "commits/run"]
    lines = [head, ["---", "---", *["---:"] * (len(head) - 2)]]
    for racer in racers:
        name = racer.contender.name
        if racer.trouble:
            lines.append([name, racer.trouble, *[""] * (len(head) - 2)])
            continue
        row = [name, f"{racer.mode['journal']}, {racer.mode['synchronous']}"]
        if racer.mode["journal"] == "-":
            row[1] = "none"
        for level in LEVELS:
            ms = racer.ms(level)
            counted = racer.mode["journal"] not in ("wal", "-")
            commits = f"{racer.commits[level] / racer.runs[level]:.1f}" if counted else "-"
            row += [
                f"{ms:.1f}",
                f"{1000 / ms:.0f}",
                "?" if yardstick.trouble else f"{racer.ratio(yardstick, level):.2f}",
                commits,
            ]
        lines.append(row)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def promises(racers: list[Racer]) -> list[tuple[str, bool]]:
    """Each promise with what was found, and whether it is kept."""
    healthy = {racer.contender.name: racer for racer in racers if not racer.trouble}
    missing = [
        (f"{racer.contender.name}: {racer.trouble}", False)
        for racer in racers
        if racer.trouble and racer.contender.name in (YARDSTICK, OURS, GUESTS)
    ]
    judged = [healthy[name] for name in (OURS, GUESTS) if name in healthy]
    # What `--only` left out is not judged.
    return missing or [each for ours in judged for each in _kept(ours, healthy)]


def _kept(ours: Racer, healthy: Mapping[str, Racer]) -> Iterator[tuple[str, bool]]:
    for level in LEVELS:
        begun = f"{ours.contender.name}, concurrency {level}"
        ratio = ours.ratio(healthy[YARDSTICK], level)
        text = f"{begun}: {ratio:.2f} times the plain journal's time (at most {BOUND})"
        yield text, ratio <= BOUND
        for name, racer in healthy.items():
            if name.startswith(PROMISED_OVER):
                factor = racer.ratio(ours, level)
                text = f"{factor:.2f} times the runs per second of {name} (at least {FACTOR:.0f})"
                yield f"{begun}: {text}", factor >= FACTOR


def machine() -> str:
    """What it was measured on, as far as it matters."""
    return (
        f"{os.cpu_count()} cores, {platform.system()} on {platform.machine()},"
        f" Python {platform.python_version()}, SQLite {sqlite3.sqlite_version},"
        f" {datetime.now(UTC):%d %B %Y}"
    )


def measure(latency: float, told: argparse.Namespace) -> tuple[str, list[tuple[str, bool]]]:
    """The table for an LLM that takes this many milliseconds, and the promises it is held to."""
    chosen = [
        each
        for each in CONTENDERS
        if not told.only
        or each.name == YARDSTICK
        or any(word.lower() in each.name.lower() for word in told.only)
    ]
    racers = [Racer(each) for each in chosen]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.peers.server", str(latency)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(server.communicate)
        stack.callback(server.kill)
        assert server.stdout is not None  # noqa: S101  # it is a pipe
        url = f"http://127.0.0.1:{int(server.stdout.readline())}/v1/chat/completions"
        setting = Setting(url, folder, *writing_mode(wal=told.wal))
        for number, racer in enumerate(racers):
            stack.callback(racer.stop)
            racer.start(setting, number)
        race(racers, told.runs)
    return table(racers), promises(racers)


def writing_mode(*, wal: bool) -> tuple[str, str]:
    """How callsheet's store writes with this SQLite, or with one whose WAL is sound."""
    return ("wal" if wal or sqlite3.sqlite_version_info >= WAL_SAFE else "persist", "full")


def page(sections: list[str]) -> str:
    """The page that keeps what was measured."""
    return "\n\n".join(
        (
            "# Cost of a run besides its LLM call",
            f"Measured with `python -m benchmarks.engine` on {machine()}. {EXPLAINED}",
            *sections,
        )
    )


EXPLAINED = """\
A run has six modules: three fill in a text, one joins the results into a message, one calls an LLM on the same machine, and
one fills in the reply. Each contender is a process with its own SQLite file, waits for the disk with the same
`synchronous` setting, and uses the same HTTP client. The others commit at least once per module. callsheet commits before
the call and at the end, because repeating the other modules costs nothing (decision 007). The row *each module
committed* commits after each module too: its modules are the functions that the other contenders run, loaded as a plugin,
instead of callsheet's templates and checks. In each of three rounds the contenders take turns, with 10 runs at
concurrency 1 and 100 runs at concurrency 50. A time is the median of the turns; a ratio is the median over pairs of
consecutive turns. Times depend on the disk and on other load of the machine, ratios less so. Commits are counted by the
database file, which a write-ahead log does not support."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Time callsheet's engine and its peers.")
    parser.add_argument("--runs", type=int, default=60, metavar="N", help="runs per round (60)")
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="only rows with NAME; repeatable"
    )
    parser.add_argument("--latency", type=float, nargs="+", default=[0.0], metavar="MS")
    parser.add_argument(
        "--wal", action="store_true", help="use the journal mode of SQLite 3.51.3 or later"
    )
    parser.add_argument("--save", type=Path, metavar="FILE", help="save the tables as a page")
    told = parser.parse_args()
    sections: list[str] = []
    broken = False
    for latency in told.latency:
        rows, found = measure(latency, told)
        sections += [f"## LLM latency {latency:g} ms", rows]
        print("", *sections[-2:], "", sep="\n\n")
        if latency == min(told.latency):
            # Where the call takes longer, every engine comes closer to it.
            verdicts = [f"{'met' if kept else 'missed'}: {text}" for text, kept in found]
            print("\n".join(verdicts))
            sections += ["\n".join(f"* {verdict}" for verdict in verdicts)] if verdicts else []
            broken |= not all(kept for _, kept in found)
    if told.save:
        told.save.parent.mkdir(parents=True, exist_ok=True)
        told.save.write_text(page(sections) + "\n", "utf-8")
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
