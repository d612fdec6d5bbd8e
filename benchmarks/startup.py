"""Time whole processes: `callsheet --help` and an offline run, compared with `import openai`.

The MCP server, which ends with its input, stands beside `import mcp`. It also prints how many packages a plain installation consists of, and the largest of them. Run it with
`python -m benchmarks.startup`. It exits with 1 when a promise is broken: an offline run
takes no longer than that import, and `--help` less than a quarter of it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from docgen.installed import plain_install, size_of

IDEA = "a woman reads by a rain-streaked window at dusk"


@dataclass(frozen=True)
class Case:
    """A command to time; `bound` is the promised ratio to the yardstick, `strict` less than it."""

    name: str
    command: tuple[str, ...]
    bound: float | None = None
    strict: bool = False

    def promise(self, ratio: float) -> str:
        """The promise and whether it is kept; empty where nothing is promised."""
        if self.bound is None:
            return ""
        return f"{'<' if self.strict else '<='} {self.bound:.2f}  {'yes' if self.holds(ratio) else 'no'}"

    def holds(self, ratio: float) -> bool:
        """Whether the promise is kept."""
        if self.bound is None:
            return True
        return ratio < self.bound if self.strict else ratio <= self.bound


def cases() -> tuple[Case, ...]:
    """What is timed; the second one is the yardstick."""
    python, script = sys.executable, Path(sys.executable).with_name("callsheet")
    callsheet = (str(script),) if script.exists() else (python, "-m", "callsheet")
    run = (*callsheet, "run", "--json", "--idea", IDEA, "--groups", "sora,leonardo")
    return (
        Case("python -c pass", (python, "-c", "pass")),
        Case('python -c "import openai"', (python, "-c", "import openai")),
        Case("callsheet --help", (*callsheet, "--help"), 0.25, strict=True),
        Case("callsheet run --json, offline", run, 1.0),
        Case('python -c "import mcp"', (python, "-c", "import mcp.server.mcpserver")),
        Case("callsheet mcp", (*callsheet, "mcp")),
    )


def seconds(command: tuple[str, ...]) -> float:
    """How long one process takes, from its start to its end, in a home of its own."""
    with tempfile.TemporaryDirectory() as home:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("CALLSHEET_")}
        environment = {**kept, "HOME": home, "CALLSHEET_HOME": f"{home}/runs"}
        started = time.perf_counter()
        subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
        return time.perf_counter() - started


def medians(timed: tuple[Case, ...], runs: int) -> list[float]:
    """The median of each case; the cases take turns, so that a busy moment hits all of them."""
    for case in timed:
        seconds(case.command)  # the first one fills the caches of Python and of the disk
    taken = [[seconds(case.command) for case in timed] for _ in range(runs)]
    return [median(column) for column in zip(*taken, strict=True)]


def installed(shown: int = 5) -> str:
    """How many packages a plain installation has, and how large they are."""
    sizes = {name: size_of(each) / 1e6 for name, each in plain_install().items()}
    largest = sorted(sizes, key=lambda name: -sizes[name])[:shown]
    return (
        f"Plain installation: {len(sizes)} packages, {sum(sizes.values()):.0f} MB without bytecode ("
        + ", ".join(f"{name} {sizes[name]:.0f}" for name in largest)
        + ")"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the start of callsheet as whole processes.")
    parser.add_argument(
        "--runs", type=int, default=10, metavar="N", help="runs of each command (10)"
    )
    runs = parser.parse_args().runs
    timed = cases()
    found = medians(timed, runs)
    print(f"Whole processes, median of {runs} alternating runs:\n")
    print(f"{'command':<30} {'median':>9} {'ratio':>6}  promise")
    for case, took in zip(timed, found, strict=True):
        ratio = took / found[1]
        print(
            f"{case.name:<30} {took * 1000:>6.0f} ms {ratio:>6.2f}  {case.promise(ratio)}".rstrip()
        )
    print(f"\n{installed()}")
    kept = all(case.holds(took / found[1]) for case, took in zip(timed, found, strict=True))
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
