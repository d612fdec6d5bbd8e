"""Carries out a batch in provider jobs as the command does, and prints what the process took.

`python -m benchmarks.large_batch FOLDER URL`: FOLDER has the sheet, URL is the loopback server. It prints
the most memory in MB, the processor time in seconds and the number of written rows. It imports nothing of
the server, which takes more memory than the batch.
"""

from __future__ import annotations

import asyncio
import os
import re
import resource
import sys
from dataclasses import replace
from pathlib import Path

from callsheet.batches import jobs as batch_jobs
from callsheet.llm.providers import PROVIDERS
from callsheet.runs.run_pool import tune_interpreter
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore
from tests.support.batches import SharedStore

LLM = "openai:gpt-5.4-mini"


def use(url: str) -> None:
    """Let the provider be called at this address, and its jobs be polled at once."""
    os.environ["OPENAI_API_KEY"] = "loopback"
    PROVIDERS["openai"] = replace(PROVIDERS["openai"], url=url)  # type: ignore[index]
    batch_jobs.FIRST_POLL_SECONDS, batch_jobs.LIST_SECONDS = 0.05, 0.0


def _peak_mb() -> float:
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_048_576
    # Linux counts the process that started this one into `ru_maxrss`, and that has the server.
    status = Path("/proc/self/status").read_text("ascii")
    return int(re.findall(r"VmHWM:\s*(\d+) kB", status)[0]) / 1_024


def main(folder: Path, url: str) -> None:
    """Carry the batch out, and print the figures."""
    tune_interpreter()
    use(url)
    bench = SharedStore(SqlStore(folder / "many.sqlite"), settings=read_settings())
    asked = {"llm": LLM, "jobs": True, "wait": True}
    batch = asyncio.run(bench.write(folder / "many.csv", folder / "out.csv", **asked))
    used = resource.getrusage(resource.RUSAGE_SELF)
    sys.stdout.write(f"{_peak_mb()} {used.ru_utime + used.ru_stime} {batch.progress.done}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
