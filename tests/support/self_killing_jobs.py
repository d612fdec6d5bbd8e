"""Forks that each carry out a batch in provider jobs and kill themselves with SIGKILL at one step of it.

`python -m tests.support.self_killing_jobs FOLDER PROVIDER LLM URL [PROVIDER LLM URL ...]`: FOLDER has a sheet, and each of
STEPS gets a folder in one of the provider's name. Imports take seconds, so a first batch of each provider, which ends
undisturbed, makes them for all.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import httpx2

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
    "packed",
    "half an upload",
    "uploaded",
    "created",
    "sent",
    "poll",
    "half a download",
    "half a reading",
)

_UPLOAD = r"POST (/v1/files|/upload/.*upload_id|/v1/messages/batches)"
"""Anthropic has no upload: there the rows are in the call that creates a job."""

_CREATE = r"POST (/v1/batches|/v1/messages/batches|.*:batchGenerateContent)"
_RESULTS = r"GET .*(/content|/results|:download)"


_ON_THE_WIRE = {
    "half an upload": (_UPLOAD, "half sent"),
    "uploaded": (_CREATE, "before"),
    "half a download": (_RESULTS, "half received"),
}
"""Which request the process dies at, and when."""

_IN_METHODS: dict[str, tuple[type, str, Callable[..., bool], bool]] = {
    "packing": (Packer, "settle", lambda call: call == 6, False),
    "packed": (ProviderJobs, "create", lambda _: True, False),
    "created": (JobRecords, "save", lambda _, state="", **__: state == "sent", False),
    "sent": (batch_jobs.BatchJobs, "finish_packing", lambda _: True, True),
    "poll": (ProviderJobs, "status", lambda _: True, False),
    "half a reading": (JobReader, "_append", lambda call: call == 6, True),
}
"""Which call of a method the process dies at, and whether after it."""


def run(folder: Path, provider: str, llm: str, url: str, step: str) -> None:
    """Carry out the batch, and die at the step."""
    PROVIDERS[provider] = replace(PROVIDERS[provider], url=url)  # type: ignore[index]
    batch_jobs.FIRST_POLL_SECONDS = 0.01
    if step != STEPS[0]:
        _arm(step)
    own = folder / provider / step
    bench = SharedStore(SqlStore(own / "runs.sqlite"), settings=read_settings())
    asyncio.run(bench.execute(folder / "ideas.csv", llm=llm, jobs=True, wait=True))
    bench.store.close()


def _arm(step: str) -> None:
    if step in _ON_THE_WIRE:
        _die_on_the_wire(*_ON_THE_WIRE[step])
    else:
        job_reader.AT_ONCE = 4
        owner, name, when, after = _IN_METHODS[step]
        _die(owner, name, when, after=after)


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die(owner: type, name: str, when: Callable[..., bool], *, after: bool = False) -> None:
    """Let a method kill the process at that call of it, before or after its work."""
    real, calls = getattr(owner, name), count(1)

    def die(call: int, more: dict[str, Any]) -> None:
        if when(call, **{k: v for k, v in more.items() if k == "state"}):
            _kill()

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


def _die_on_the_wire(path: str, when: str) -> None:
    """Let the process be killed before a request to such a path, or with half of a body sent or received."""
    real = httpx2.AsyncHTTPTransport.handle_async_request

    async def handle(self: httpx2.AsyncHTTPTransport, request: httpx2.Request) -> httpx2.Response:
        hit = re.match(path, f"{request.method} {request.url.raw_path.decode()}")
        if hit and when == "before":
            _kill()
        if hit and when == "half sent":
            request.stream = _Half(request.stream, int(request.headers["content-length"]))
        response = await real(self, request)
        if hit and when == "half received":
            length = int(response.headers["content-length"])
            response.stream = _Half(response.stream, length)
        return response

    httpx2.AsyncHTTPTransport.handle_async_request = handle  # type: ignore[method-assign]


class _Half(httpx2.AsyncByteStream):
    """Half of a body of this length; who asks for more is killed."""

    def __init__(self, stream: Any, length: int) -> None:
        self._stream, self._left = stream, length // 2

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk[: self._left]
            self._left -= len(chunk)
            if self._left <= 0:
                _kill()


def _main(folder: Path, provider: str, llm: str, url: str) -> None:
    run(folder, provider, llm, url, STEPS[0])
    assert threading.active_count() == 1, "a process with threads cannot be doubled"
    for step in STEPS[1:]:
        if not (child := os.fork()):
            run(folder, provider, llm, url, step)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, (provider, step)


if __name__ == "__main__":
    words = sys.argv[2:]
    for first in range(0, len(words), 3):
        _main(Path(sys.argv[1]), *words[first : first + 3])
