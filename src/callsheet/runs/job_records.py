"""The records of provider jobs in the store: what was intended, what was sent, and how it stands.

Beside them stands for each batch that has rows in jobs on which terms it goes on, for whoever continues it.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from callsheet.errors import StateConflictError
from callsheet.runs.names import batch_of
from callsheet.store.owners import is_dead
from callsheet.store.port import JOB_MARK

if TYPE_CHECKING:
    from callsheet.engine.run_view import RunView
    from callsheet.store.port import Store

RecordState = Literal["packing", "sending", "sent", "reading", "done"]
"""A job in the state `sending` may exist at the provider; one that is `packing` does not."""

RepairBy = Literal["live", "job"]
"""Whether what breaks a rule is asked for by ordinary calls, or in another job."""

Hold = Literal["", "stopped", "cancelled"]
"""Whether a person has stopped a batch in jobs, or cancelled its jobs: then nothing new is sent."""

TERMS_MARK = "batch jobs "

FOREIGN_PACKING_SECONDS = 3_600.0
"""How long a job may be packed on another machine until its process counts as dead."""


@dataclass(frozen=True)
class JobRecord:
    """A provider job of a batch; times are Unix seconds.

    `price_usd` is the most that its rows may cost, None where that is unknown; `command` is what was
    given to start it. `succeeded` and `failed` are the provider's counts, `message` its words.
    """

    batch: str
    llm: str
    base_url: str | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(4))
    state: RecordState = "packing"
    owner: str = ""
    created: float = field(default_factory=time.time)
    rows: int = 0
    sha256: str = ""
    sent: float | None = None
    ends_by: float | None = None
    ended: float | None = None
    provider_id: str = ""
    succeeded: int = 0
    failed: int = 0
    cancelled: bool = False
    price_usd: float | None = 0.0
    message: str = ""
    command: str = ""

    @property
    def is_live(self) -> bool:
        """Whether rows may still wait for it."""
        return self.state != "done"

    @property
    def is_abandoned(self) -> bool:
        """Whether the process that was packing it has died: it was never sent."""
        silent = time.time() - self.created > FOREIGN_PACKING_SECONDS
        return self.state == "packing" and (is_dead(self.owner) or silent)

    def document(self) -> dict[str, Any]:
        """Return the job as every interface shows it."""
        shown = ("id", "state", "rows", "succeeded", "failed", "created", "sent", "ends_by")
        more = ("ended", "cancelled", "llm", "provider_id", "message")
        return {name: getattr(self, name) for name in (*shown, *more)}


@dataclass(frozen=True)
class BatchTerms:
    """On which terms a batch in jobs goes on: where repairs go, and what all rows may cost."""

    repair: RepairBy = "live"
    max_cost: float | None = None
    hold: Hold = ""


class JobRecords:
    """The records of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def all(self) -> list[JobRecord]:
        """List every record, oldest first."""
        return await self._listed(JOB_MARK)

    async def of(self, batch: str) -> list[JobRecord]:
        """List the records of a batch, oldest first."""
        return await self._listed(_name(batch))

    async def live_of(self, view: RunView) -> JobRecord | None:
        """Return the job that a run waits for; None where it waits for none that is live."""
        text = await self._store.mark(_name(batch_of(view.run), view.job)) if view.job else ""
        record = JobRecord(**json.loads(text)) if text else None
        return record if record and record.is_live else None

    async def exists(self, record: JobRecord) -> bool:
        """Return whether nobody has removed the record."""
        return bool(await self._store.mark(_name(record.batch, record.id)))

    async def save(self, record: JobRecord, **changes: Any) -> JobRecord:
        """Store a record with these changes, and return it."""
        changed = replace(record, **changes)
        await self._store.set_mark(_name(record.batch, record.id), json.dumps(asdict(changed)))
        return changed

    async def remove(self, record: JobRecord) -> None:
        """Remove a record: rows that wait for it are packed anew."""
        await self._store.set_mark(_name(record.batch, record.id), "")

    async def under_way(self) -> dict[str, BatchTerms]:
        """Return the terms of every batch that has rows in jobs, or to go on with after a job."""
        marks = await self._store.marks(TERMS_MARK)
        return {
            name.removeprefix(TERMS_MARK): BatchTerms(**json.loads(text))
            for name, text in marks.items()
        }

    async def set_terms(self, batch: str, terms: BatchTerms | None) -> None:
        """Store the terms of a batch; None once nothing of it is in jobs any more."""
        text = json.dumps(asdict(terms)) if terms else ""
        if await self._store.mark(TERMS_MARK + batch) != text:
            await self._store.set_mark(TERMS_MARK + batch, text)

    async def stop(self, batch: str) -> None:
        """Note that a person has stopped a batch: nobody continues it unasked."""
        if text := await self._store.mark(TERMS_MARK + batch):
            await self.set_terms(batch, replace(BatchTerms(**json.loads(text)), hold="stopped"))

    async def _listed(self, prefix: str) -> list[JobRecord]:
        texts = (await self._store.marks(prefix)).values()
        return sorted((JobRecord(**json.loads(each)) for each in texts), key=lambda r: r.created)


async def check_in_no_job(store: Store, view: RunView) -> None:
    """Raise StateConflictError while the call of a run is in a provider job."""
    if record := await JobRecords(store).live_of(view):
        raise StateConflictError(
            f"the run {view.run} waits for the provider job {record.id}, which is paid for",
            hint="give the command of its batch again, with `--cancel` to end the job",
        )


def _name(batch: str, job: str = "") -> str:
    return f"{JOB_MARK}{batch} {job}"
