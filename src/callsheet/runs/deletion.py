"""Deletes runs and batches, but nothing whose calls are in a provider job."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from callsheet.engine.journal import read_view
from callsheet.errors import StateConflictError
from callsheet.runs.job_records import JobRecords, check_in_no_job
from callsheet.runs.session import acquire_lease
from callsheet.store.owners import owner_name
from callsheet.store.port import UnreadableRunError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callsheet.store.port import Store


async def delete_run(store: Store, run: str) -> None:
    """Delete a run; raises StateConflictError while its call is in a provider job."""
    # What cannot be read can be deleted nevertheless.
    with suppress(UnreadableRunError):
        await check_in_no_job(store, await read_view(store, run))
    await _delete(store, run)


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
        await _delete(store, run)
    for record in jobs:
        await records.remove(record)
    await records.set_terms(batch, None)


async def _delete(store: Store, run: str) -> None:
    # Deleting needs the lease, so that nobody else goes on appending to the run.
    await acquire_lease(store, run, owner_name())
    await store.delete(run)
