"""Forks that each carry out a batch in provider jobs and kill themselves with SIGKILL at one step of it.

`python -m tests.support.self_killing_jobs FOLDER PROVIDER LLM URL`: FOLDER has a sheet, and each of STEPS gets a folder
in it. Imports take seconds, so a first batch, which ends undisturbed, makes them for all.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from callsheet.batches import job_reader
from callsheet.batches import jobs as batch_jobs
from callsheet.batches.job_reader import JobReader
from callsheet.batches.packing import Packer
from callsheet.llm.jobs import ProviderJobs
from callsheet.llm.providers import PROVIDERS
from callsheet.runs.job_records import JobRecords
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore
from tests.support.batches import SharedStore

STEPS = (
    "undisturbed",
    "packing",
    "before create",
    "after create",
    "sent",
    "poll",
    "half a download",
    "half a reading",
)


def run(folder: Path, provider: str, llm: str, url: str, step: str) -> None:
    """Carry out the batch, and die at the step."""
    PROVIDERS[provider] = replace(PROVIDERS[provider], url=url)
    batch_jobs.FIRST_POLL_SECONDS = 0.01
    if step != STEPS[0]:
        _arm(step)
    bench = SharedStore(SqlStore(folder / step / "runs.sqlite"), settings=read_settings())
    asyncio.run(bench.execute(folder / "ideas.csv", llm=llm, jobs=True, wait=True))
    bench.store.close()


def _arm(step: str) -> None:
    match step:
        case "packing":
            _die(Packer, "settle", lambda call: call == 6)
        case "before create":
            _die(ProviderJobs, "create", lambda _: True)
        case "after create":
            _die(JobRecords, "save", lambda _, state="", **__: state == "sent")
        case "sent":
            _die(batch_jobs.BatchJobs, "finish_packing", lambda _: True, after=True)
        case "poll":
            _die(ProviderJobs, "status", lambda _: True)
        case "half a download":
            _die_in_results()
        case "half a reading":
            job_reader.AT_ONCE = 4
            _die(JobReader, "_append", lambda call: call == 6, after=True)
        case _:
            raise AssertionError(step)


def _die(owner: type, name: str, when: Callable[..., bool], *, after: bool = False) -> None:
    """Let a method kill the process at that call of it, before or after its work."""
    real, calls = getattr(owner, name), count(1)

    def die(call: int, more: dict[str, Any]) -> None:
        if when(call, **{k: v for k, v in more.items() if k == "state"}):
            os.kill(os.getpid(), signal.SIGKILL)

    async def wrapped(*args: Any, **named: Any) -> Any:
        call = next(calls)
        if not after:
            die(call, named)
        result = await real(*args, **named)
        if after:
            die(call, named)
        return result

    def plain(*args: Any, **named: Any) -> Any:
        die(next(calls), named)
        return real(*args, **named)

    setattr(owner, name, wrapped if asyncio.iscoroutinefunction(real) else plain)


def _die_in_results() -> None:
    real = ProviderJobs.results

    async def results(self: ProviderJobs, provider_id: str) -> Any:
        number = 0
        async for result in real(self, provider_id):
            if (number := number + 1) == 6:
                os.kill(os.getpid(), signal.SIGKILL)
            yield result

    setattr(ProviderJobs, "results", results)  # noqa: B010


def _main(folder: Path, provider: str, llm: str, url: str) -> None:
    run(folder, provider, llm, url, STEPS[0])
    assert threading.active_count() == 1, "a process with threads cannot be doubled"
    for step in STEPS[1:]:
        if not (child := os.fork()):
            run(folder, provider, llm, url, step)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, step


if __name__ == "__main__":
    _main(Path(sys.argv[1]), *sys.argv[2:])
