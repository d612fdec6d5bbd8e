"""The provider jobs of a batch: sent once, found again after a crash, polled, read and cancelled.

The intent to send a job is stored before, and the provider's id of it after. What died in between is
searched for at the provider by its mark, and only what is surely absent there is packed anew.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callsheet.batches.job_reader import JobReader
from callsheet.batches.packing import JobLLM, Pack, Packer
from callsheet.errors import (
    BudgetExceededError,
    InputError,
    ProviderError,
    StorageError,
    UnreachableError,
)
from callsheet.llm.jobs import (
    Found,
    JobRefusedError,
    JobUncertainError,
    ProviderJobs,
    open_jobs,
)
from callsheet.runs.job_records import BatchTerms, JobRecord, JobRecords
from callsheet.store.owners import owner_name
from callsheet.store.port import LeaseError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from callsheet.batches.batch_llm import BatchLLM
    from callsheet.batches.circuit_breaker import CircuitBreaker
    from callsheet.batches.request import BatchRequest
    from callsheet.llm.port import LLM
    from callsheet.runs.job_records import Hold
    from callsheet.runs.service import RunSetup
    from callsheet.store.port import Store

FIRST_POLL_SECONDS, LONGEST_POLL_SECONDS, POLL_GROWTH = 30.0, 600.0, 1.5

LIST_SECONDS = 300.0
"""How long a provider's list of jobs may lack one that was created."""

MAX_FAILED_POLLS = 3
"""How many polls in a row may fail while a command waits."""


@dataclass
class BatchJobs:
    """The provider jobs of one batch; `records` are as they were last looked at."""

    store: Store
    batch: str
    request: BatchRequest
    setup: RunSetup
    breaker: CircuitBreaker
    records: list[JobRecord] = field(default_factory=list)
    _no_room: str = ""

    def __post_init__(self) -> None:
        self.book, self.owner = JobRecords(self.store), owner_name()
        self.reader = JobReader(self.store)
        self._opened: ProviderJobs | None = None
        self._packer: Packer | None = None
        self._failed_polls = 0
        self.stopped = asyncio.Event()
        self._resend = self.request.resend

    @property
    def live(self) -> list[JobRecord]:
        """The jobs that rows may still wait for."""
        return [record for record in self.records if record.is_live]

    @property
    def reserved_usd(self) -> float | None:
        """The most that live jobs may cost; None where that is unknown."""
        prices = [record.price_usd for record in self.live]
        return None if None in prices else sum(price or 0.0 for price in prices)

    @property
    def packs(self) -> bool:
        """Whether calls are put into new jobs."""
        return self.request.jobs and not self.request.cancel and not self._no_room

    def llm_for(self, run: str, llm: BatchLLM, *, cached: bool) -> LLM:
        """Return the LLM of one row."""
        if self.packs and self._packer is None:
            self._packer = Packer(self._provider, self.setup.llm, self._new_record, self._send)
        packer = self._packer if self.packs else None
        return JobLLM(llm, packer, run, repairs=self.request.repair == "job", cached=cached)

    def settle(self, run: str, *, stored: bool) -> None:
        """Say that a row's run was stored, or could not be."""
        if self._packer is not None:
            self._packer.settle(run, stored=stored)

    async def begin(self) -> None:
        """Store on which terms the batch goes on, where this execution decides that."""
        if self.request.jobs:
            hold: Hold = "cancelled" if self.request.cancel else ""
            terms = BatchTerms(self.request.repair, self.request.max_cost, hold)
            await self.book.set_terms(self.batch, terms)

    async def rounds(self, execute_rows: Callable[[], Awaitable[bool]]) -> None:
        """Execute the rows until they wait for jobs, and with `wait` until the jobs have ended.

        `execute_rows` returns whether it came to every row of the batch.
        """
        while not self.breaker.is_open:
            complete = await execute_rows()
            stopped = self.stopped.is_set()
            spent = isinstance(self.breaker.error, BudgetExceededError)
            await self.finish_packing(send=not stopped or spent)
            if complete and not (self.live or stopped or self.breaker.is_open):
                await self.book.set_terms(self.batch, None)
            if not self.request.wait or not self.live or self.stopped.is_set():
                return
            await self.wait()

    async def finish_packing(self, *, send: bool) -> None:
        """Send what is packed, or leave it to be packed anew."""
        if self._packer is not None:
            await self._packer.finish(send=send)
        self.records = await self.book.of(self.batch)
        if self._no_room and not self.live:
            self._pause(
                ProviderError(
                    f"the provider's limit of queued tokens left no room for a job: {self._no_room}",
                    hint="give the same command again once other jobs of this account have ended, or send"
                    " fewer rows at once with `--limit N`",
                )
            )

    async def look(self) -> None:
        """Find out how every live job stands, and read those that have ended.

        Where the provider cannot be asked, the batch is paused.
        """
        self._no_room = ""
        self.records = await self.book.of(self.batch)
        if self._resend:
            await self._release(self._resend)
            self._resend = ""
        for record in self.live:
            await self._look_at(record)
        self.records = await self.book.of(self.batch)

    async def wait(self) -> None:
        """Wait until a job has ended, or the batch is stopped; looks at them less and less often."""
        pause = FIRST_POLL_SECONDS
        before = {record.id for record in self.live}
        while not self.breaker.is_open:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopped.wait(), pause)
                return
            await self.look()
            if {record.id for record in self.live} != before:
                return
            pause = min(pause * POLL_GROWTH, LONGEST_POLL_SECONDS)

    async def close(self) -> None:
        """Close the connections, and delete the files and what was packed and not sent."""
        if self._packer is not None:
            self._packer.close()
            with suppress(StorageError):
                for record in await self.book.of(self.batch):
                    if record.state == "packing" and record.owner == self.owner:
                        await self.book.remove(record)
        if self._opened is not None:
            await self._opened.close()

    @property
    def _provider(self) -> ProviderJobs:
        if self._opened is None:
            self._opened = open_jobs(self.setup.llm)
        return self._opened

    async def _new_record(self) -> JobRecord:
        setup = self.setup
        record = JobRecord(self.batch, setup.llm.spec, setup.base_url, owner=self.owner)
        return await self.book.save(record, command=self.request.command)

    async def _send(self, pack: Pack) -> None:
        """Create a job at the provider, once; a failure pauses the batch."""
        if not await self.book.exists(pack.record):
            # Another process took this one for dead and packs the rows itself.
            return
        if not pack.rows:
            await self.book.remove(pack.record)
            return
        record = await self.book.save(
            pack.record,
            state="sending",
            rows=pack.rows,
            sha256=pack.sha256.hexdigest(),
            price_usd=pack.price_usd,
            sent=time.time(),
        )
        try:
            provider_id = await self._provider.create(record.id, pack.file, record.rows)
        except JobRefusedError as error:
            await self.book.remove(record)
            self._pause(error)
        except JobUncertainError as error:
            self._pause(_uncertain(record, error))
        else:
            await self.book.save(record, state="sent", provider_id=provider_id)

    async def _look_at(self, record: JobRecord) -> None:
        try:
            if record.state == "packing":
                await self._look_at_unsent(record)
                return
            if record.state == "sending":
                found = await self._find(record)
                if found is None:
                    return
                record = found
            await self._poll(record)
            self._failed_polls = 0
        except ProviderError as error:
            self._failed_polls += 1
            passes = isinstance(error, UnreachableError) and self.request.wait
            if not passes or self._failed_polls > MAX_FAILED_POLLS:
                self._pause(error)

    async def _look_at_unsent(self, record: JobRecord) -> None:
        if record.is_abandoned or record.owner == self.owner:
            await self.book.remove(record)
            return
        raise LeaseError(
            f"a job of the batch {self.batch} is being packed by {record.owner}",
            hint="wait for it, or end that process",
        )

    async def _find(self, record: JobRecord) -> JobRecord | None:
        """Ask the provider for a job that may have been created; None while nobody can know."""
        since = record.sent or record.created
        try:
            found = await self._provider.find(record.id, since, record.rows)
        except ProviderError as error:
            raise _uncertain(record, error) from error
        if isinstance(found, Found):
            return await self.book.save(record, state="sent", provider_id=found.provider_id)
        if found is None and time.time() - since > LIST_SECONDS:
            await self.book.remove(record)
        return None

    async def _poll(self, record: JobRecord) -> None:
        if self.request.cancel and not record.cancelled:
            await self._provider.cancel(record.provider_id)
            record = await self.book.save(record, cancelled=True)
        status = await self._provider.status(record.provider_id)
        ended = status.state == "ended"
        record = await self.book.save(
            record,
            state="reading" if ended else "sent",
            ends_by=status.ends_by,
            succeeded=status.succeeded,
            failed=status.failed,
            message=status.message,
        )
        if not ended:
            return
        failed = len(self.reader.failed)
        await self.reader.read(record, self._provider, counts=not status.no_room)
        await self.book.save(record, state="done", ended=time.time())
        with suppress(ProviderError):
            await self._provider.forget(record.provider_id)
        if status.no_room and len(self.reader.failed) - failed < record.rows:
            self._no_room = status.message or "no reason was given"

    async def _release(self, job: str) -> None:
        """Let the rows of a job be sent again of which nobody knows whether it was created."""
        record = doubtful_job(self.records, job)
        await self.book.remove(record)
        self.records.remove(record)

    def _pause(self, error: ProviderError) -> None:
        self.breaker.error = self.breaker.error or error


def doubtful_job(records: Sequence[JobRecord], job: str) -> JobRecord:
    """Return the job of which nobody knows whether it was created; raises InputError for any other."""
    unknown = {each.id: each for each in records if each.state == "sending"}
    if job not in unknown:
        listed = f"it could be {', '.join(unknown)}" if unknown else "there is none such"
        raise InputError(
            f"{job!r:.80} is no job of this batch that may be missing at the provider",
            hint=f"{listed}; leave --resend out otherwise",
        )
    return unknown[job]


def _uncertain(record: JobRecord, error: ProviderError) -> JobUncertainError:
    return JobUncertainError(
        f"nobody knows whether the job {record.id} was created: {error.message}",
        hint="give the same command again in some minutes: it asks the provider before anything is"
        f" sent; `--resend {record.id}` sends it again in any case",
    )
