"""Reads what became of a batch's rows from their runs alone, whoever carries it out, or nobody."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from callsheet.app.batch.forms import form_for
from callsheet.app.batch.outcomes import Outcome, Standard, outcome_of
from callsheet.engine.journal import read_view
from callsheet.engine.view import View

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from callsheet.app.batch.batch import Batch

FORMATS = ("csv", "jsonl", "md")


async def outcomes_so_far(batch: Batch) -> AsyncIterator[Outcome]:
    """Every row in the sheet's order, as its run stands; the batch's tally counts along."""
    store = batch.office.store
    begun = set(await store.begun_with(f"{batch.name}."))
    standard = Standard(batch.ready.production, batch.order.strict)
    for row in batch.rows():
        view = await read_view(store, row.run) if row.run in begun else View(row.run)
        outcome = outcome_of(standard, row, view, fresh=False, shut=False)
        batch.tally.add(outcome)
        yield outcome


async def output_so_far(batch: Batch, suffix: str) -> str:
    """The file that `callsheet batch` would have written by now."""
    form = form_for(Path(f"{batch.name}.{suffix}"), batch)
    bodies = [form.body(outcome) async for outcome in outcomes_so_far(batch)]
    return form.head() + "".join(bodies)
