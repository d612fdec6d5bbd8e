"""Reports what selections have saved so far, in total and by run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from callsheet.costs.receipt import Receipt
from callsheet.costs.receipt_writer import HISTORY_RUNS, ReceiptWriter, history_of, times_of
from callsheet.costs.savings import InstructionSavings
from callsheet.engine.run_view import RunView, fold
from callsheet.loader.bundle import built_in_workflows, load_workflow

if TYPE_CHECKING:
    from callsheet.store.port import Store

ROWS = 20
"""Newest runs that are listed one by one by default."""


@dataclass(frozen=True)
class SavingsRow:
    """One run that called an LLM."""

    view: RunView
    groups: list[str]
    receipt: Receipt
    instructions: InstructionSavings

    @property
    def reported(self) -> bool:
        """Whether a provider reported the usage of its calls; offline and pasted runs have none."""
        return bool(self.receipt.paid.tokens)

    def to_json(self) -> dict[str, Any]:
        """As in the document of `savings`."""
        usage = self.view.usage
        return {
            "run": self.view.run,
            "workflow": self.view.workflow,
            "started": self.view.started,
            "llm": self.view.llm,
            "groups": self.groups,
            "calls": usage.calls,
            "repairs": usage.repairs,
            "instructions": self.instructions.to_json(),
            "receipt": self.receipt.to_json() if self.reported else None,
        }


async def savings_report(
    store: Store, workflow: str | None = None, *, newest: int = ROWS
) -> dict[str, Any]:
    """Return totals over all runs, or those of one workflow, and the newest runs one by one.

    Raises UnknownNameError for a workflow that neither exists nor has a run.
    """
    events = await store.billing_events()
    views = [fold(run, recorded) for run, recorded in events.items()]
    receipts = ReceiptWriter(store, history_of(views[:HISTORY_RUNS]), times_of(views))
    workflow_id = _workflow_id(workflow, views)
    rows = [
        await _row(receipts, view)
        for view in views
        if view.recorded_calls and (workflow_id is None or view.workflow == workflow_id)
    ]
    return {
        "workflow": workflow_id,
        **_totals(rows),
        "rows": [row.to_json() for row in rows[:newest]],
    }


async def _row(receipts: ReceiptWriter, view: RunView) -> SavingsRow:
    report = await receipts.write(view.recorded_calls)
    return SavingsRow(view, [*report.groups], report.receipt, report.instructions)


def _workflow_id(workflow: str | None, views: list[RunView]) -> str | None:
    """Return the id of the workflow with this name."""
    known = {view.workflow for view in views} | {*built_in_workflows()}
    return workflow if workflow is None or workflow in known else load_workflow(workflow).name


def _totals(rows: list[SavingsRow]) -> dict[str, Any]:
    paid = [row for row in rows if row.reported]
    priced = [row.receipt for row in paid if row.receipt.saved_usd is not None]
    tokens = sum((row.receipt for row in paid), start=Receipt())
    money = sum(priced, start=Receipt())
    whole = Receipt(
        replace(tokens.paid, cost_usd=money.paid.cost_usd if priced else None),
        replace(tokens.repair, cost_usd=money.repair.cost_usd if priced else None),
        replace(tokens.every, cost_usd=money.every.cost_usd if priced else None),
        tokens.basis,
        money.saved_input_usd if priced else None,
    )
    return {
        "runs": len(rows),
        "reported_runs": len(paid),
        "priced_runs": len(priced),
        "calls": sum(row.view.usage.calls for row in rows),
        "repairs": sum(row.view.usage.repairs for row in rows),
        "instructions": sum(
            (row.instructions for row in rows), start=InstructionSavings()
        ).to_json(),
        "receipt": whole.to_json() if paid else None,
    }
