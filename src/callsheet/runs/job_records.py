"""The records of provider jobs in the store: what was intended, what was sent, and how it stands."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from callsheet.errors import StateConflictError
from callsheet.runs.session import acquire_lease
from callsheet.store.owners import is_dead, owner_name
from callsheet.store.port import JOB_MARK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callsheet.store.port import Store

RecordState = Literal["packing", "sending", "sent", "reading", "done"]
"""A job in the state `sending` may exist at the provider; one that is `packing` does not."""

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


async def delete_batch(store: Store, batch: str, runs: Sequence[str]) -> None:
    """Delete a batch's runs and the records of its jobs; raises StateConflictError while one is live."""
    records = JobRecords(store)
    jobs = await records.of(batch)
    if live := [record.id for record in jobs if record.is_live and not record.is_abandoned]:
        raise StateConflictError(
            f"rows of {batch} are in the provider job {', '.join(live)}, which is paid for",
            hint="give the command of the batch again, with `--cancel` to end the job",
        )
    for run in runs:
        await acquire_lease(store, run, owner_name())
        await store.delete(run)
    for record in jobs:
        await records.remove(record)


class JobRecords:
    """The records of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def all(self) -> list[JobRecord]:
        """List every record, oldest first."""
        texts = (await self._store.marks(JOB_MARK)).values()
        return sorted((JobRecord(**json.loads(each)) for each in texts), key=lambda r: r.created)

    async def of(self, batch: str) -> list[JobRecord]:
        """List the records of a batch, oldest first."""
        return [record for record in await self.all() if record.batch == batch]

    async def exists(self, record: JobRecord) -> bool:
        """Return whether nobody has removed the record."""
        return bool(await self._store.mark(JOB_MARK + record.id))

    async def save(self, record: JobRecord, **changes: Any) -> JobRecord:
        """Store a record with these changes, and return it."""
        changed = replace(record, **changes)
        await self._store.set_mark(JOB_MARK + record.id, json.dumps(asdict(changed)))
        return changed

    async def remove(self, record: JobRecord) -> None:
        """Remove a record: rows that wait for it are packed anew."""
        await self._store.set_mark(JOB_MARK + record.id, "")
