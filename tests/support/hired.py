"""A worker in a process of its own that looks for the dead more often than `callsheet worker` does.

`python -m tests.support.hired [--concurrency N] [--in-all N] [--drain SECONDS]`
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from callsheet.app.workers import Worker
from callsheet.cli.machines import until_told
from callsheet.cli.printing import note
from callsheet.settings import read_settings
from tests.support.workers import SWEEP_SECONDS


def _work() -> int:
    words = argparse.ArgumentParser()
    words.add_argument("--concurrency", type=int, default=20)
    words.add_argument("--in-all", type=int)
    words.add_argument("--drain", type=float, default=20)
    told = words.parse_args()
    worker = Worker(
        read_settings(),
        concurrency=told.concurrency,
        in_all=told.in_all,
        tell=note,
        sweep_seconds=SWEEP_SECONDS,
    )
    return 128 + asyncio.run(until_told(worker, told.drain))


if __name__ == "__main__":
    sys.exit(_work())
