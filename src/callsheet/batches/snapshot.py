"""Reads the outcomes of a batch's rows from the stored runs alone, whoever executes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from callsheet.batches.outcomes import OutcomeRules, RowOutcome
from callsheet.batches.row_runs import stored_outcomes
from callsheet.batches.writers import writer_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from callsheet.batches.batch import Batch


async def current_outcomes(batch: Batch) -> AsyncIterator[RowOutcome]:
    """Yield every row's current outcome in the sheet's order, and count it in `batch.progress`."""
    rules = OutcomeRules(batch.setup.bundle, batch.request.strict)
    async for outcome in stored_outcomes(batch.service.store, batch.name, batch.rows(), rules):
        batch.progress.add(outcome)
        yield outcome


async def current_output(batch: Batch, suffix: str) -> bytes:
    """Return the file that `callsheet batch` would have written by now."""
    writer = writer_for(Path(f"{batch.name}.{suffix}"), batch)
    written = [writer.head()]
    written += [writer.body(outcome) async for outcome in current_outcomes(batch)]
    return "".join(written).encode("utf-8", "replace") + writer.tail()
