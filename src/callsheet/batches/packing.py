"""Packs the calls of rows into files for provider jobs.

A row's line is written once its run says that it waits for the job: what a job has is recorded, and
what is not recorded is in no job.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callsheet.costs.budget import chosen_output_limit, worst_cost
from callsheet.errors import InputError, StorageFullError
from callsheet.llm.port import ReplyLaterError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import IO

    from callsheet.batches.batch_llm import BatchLLM
    from callsheet.llm.jobs import ProviderJobs
    from callsheet.llm.port import LLM, Reply, Request, TextListener
    from callsheet.questions import Question
    from callsheet.runs.job_records import JobRecord


@dataclass
class Pack:
    """A job that is being filled; `unsettled` are lines of runs that are being stored.

    `file` has no name, so that it is gone with the process, however that ends.
    """

    record: JobRecord
    file: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    rows: int = 0
    size: int = 0
    price_usd: float | None = 0.0
    unsettled: dict[str, bytes] = field(default_factory=dict)
    is_broken: bool = False
    sha256: hashlib._Hash = field(default_factory=hashlib.sha256)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def settle(self, run: str, *, stored: bool) -> None:
        """Write the line of a run that was stored, and forget that of one that was not."""
        line = self.unsettled.pop(run)
        self.changed.set()
        if not stored:
            return
        self.rows += 1
        self.sha256.update(line)
        try:
            self.file.write(line)
            self.file.flush()
        except OSError as error:
            self.is_broken = True
            raise StorageFullError(
                f"a file in {tempfile.gettempdir()} cannot be written: {error.strerror}",
                hint="free that place; nothing of this job was sent",
            ) from error

    def close(self) -> None:
        """Delete the file."""
        with suppress(OSError):
            # What could not be written is tried again.
            self.file.close()


class Packer:
    """Fills one pack after the other; `new_record` stores the record of each, `send` sends it."""

    def __init__(
        self,
        provider: ProviderJobs,
        llm: LLM,
        new_record: Callable[[], Awaitable[JobRecord]],
        send: Callable[[Pack], Awaitable[None]],
    ) -> None:
        self._provider, self._spec = provider, llm.spec
        self._most_tokens = chosen_output_limit(llm)
        self._new_record, self._send = new_record, send
        self._packs: dict[str, Pack] = {}
        self._open: Pack | None = None
        self._lock = asyncio.Lock()

    async def add(self, run: str, request: Request, *, cached: bool) -> str:
        """Put a call into a job, and return the job's id; a full one is sent first."""
        price = worst_cost(self._spec, request, self._most_tokens, batch=True)
        async with self._lock:
            pack = self._open or await self._begin()
            line = await self._line(pack, run, request, cached=cached)
            if not self._has_room(pack, line):
                await self._close(pack)
                pack = await self._begin()
                line = await self._line(pack, run, request, cached=cached)
                if not self._has_room(pack, line):
                    raise InputError(
                        "the request is too large for a provider job",
                        hint="leave --jobs out for this row, or send a smaller image",
                    )
            pack.size += len(line)
            known = price is not None and pack.price_usd is not None
            pack.price_usd = pack.price_usd + price if known else None  # type: ignore[operator]
            pack.unsettled[run] = line
            self._packs[run] = pack
            return pack.record.id

    def settle(self, run: str, *, stored: bool) -> None:
        """Say whether a run that was added is stored by now; does nothing for any other."""
        if pack := self._packs.pop(run, None):
            pack.settle(run, stored=stored)

    async def finish(self, *, send: bool) -> None:
        """Send the last pack, or leave it: its rows are then packed anew by the next execution."""
        async with self._lock:
            if self._open is not None and send:
                await self._close(self._open)
            self.close()

    def close(self) -> None:
        """Delete the file that is being filled."""
        if self._open is not None:
            self._open.close()
        self._open = None

    def _has_room(self, pack: Pack, line: bytes) -> bool:
        # Jobs of different sizes can be told apart where the provider shows a job's size only.
        most = max(1, self._provider.max_requests - int(pack.record.id[:2], 16))
        rows = pack.rows + len(pack.unsettled)
        return rows < most and pack.size + len(line) <= self._provider.max_bytes

    async def _begin(self) -> Pack:
        record = await self._new_record()
        self._open = Pack(record)
        return self._open

    async def _close(self, pack: Pack) -> None:
        """Send a pack, once every row of it is stored."""
        self._open = None
        try:
            while pack.unsettled:
                pack.changed.clear()
                await pack.changed.wait()
            if not pack.is_broken:
                await self._send(pack)
        finally:
            pack.close()

    async def _line(self, pack: Pack, run: str, request: Request, *, cached: bool) -> bytes:
        custom_id = f"{pack.record.id}-{run.rpartition('.')[2]}"
        return (await self._provider.line(request, custom_id, cached=cached)).encode() + b"\n"


class JobLLM:
    """The LLM of one row: its calls go into provider jobs; repairs only where `repairs` says so.

    Without a packer no call is put into a job any more: the row waits for another execution.
    """

    def __init__(
        self, llm: BatchLLM, packer: Packer | None, run: str, *, repairs: bool, cached: bool
    ) -> None:
        self._llm, self._packer, self._run = llm, packer, run
        self._repairs, self._cached = repairs, cached

    @property
    def spec(self) -> str:
        return self._llm.spec

    async def compose(
        self, request: Request, on_text: TextListener | None = None
    ) -> Reply | Question:
        if request.repair and not self._repairs:
            return await self._llm.compose(request, on_text)
        if self._packer is None:
            raise ReplyLaterError("")
        await self._llm.hold(request)
        raise ReplyLaterError(await self._packer.add(self._run, request, cached=self._cached))
