"""Reads what became of a batch's rows from their runs alone, whoever carries it out, or nobody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from callsheet.batches.outcomes import OutcomeRules, RowOutcome, row_outcome
from callsheet.batches.writers import writer_for
from callsheet.engine.journal import read_view
from callsheet.engine.run_view import RunView

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from callsheet.batches.batch import Batch

FORMATS = ("csv", "jsonl", "md")


async def current_outcomes(batch: Batch) -> AsyncIterator[RowOutcome]:
    """Every row in the sheet's order, as its run stands; the batch's tally counts along."""
    store = batch.service.store
    begun = set(await store.names_starting_with(f"{batch.name}."))
    standard = OutcomeRules(batch.setup.bundle, batch.request.strict)
    for row in batch.rows():
        view = await read_view(store, row.run) if row.run in begun else RunView(row.run)
        outcome = row_outcome(standard, row, view, fresh=False, paused=False)
        batch.progress.add(outcome)
        yield outcome


async def current_output(batch: Batch, suffix: str) -> str:
    """The file that `callsheet batch` would have written by now."""
    form = writer_for(Path(f"{batch.name}.{suffix}"), batch)
    bodies = [form.body(outcome) async for outcome in current_outcomes(batch)]
    return form.head() + "".join(bodies)
