"""What the choice of groups has saved so far, in all and run by run; plain data for every face."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from callsheet.app.productions import built_in_workflows, open_production
from callsheet.app.receipts import REMEMBERED, Receipts, history_of
from callsheet.engine.view import View, fold
from callsheet.meter.receipt import Receipt
from callsheet.meter.savings import Savings

if TYPE_CHECKING:
    from callsheet.store.port import Store

ROWS = 20
"""How many of the newest runs are told one by one, if nobody says."""


@dataclass(frozen=True)
class Row:
    """One run that asked an LLM."""

    view: View
    groups: list[str]
    receipt: Receipt
    instructions: Savings

    @property
    def reported(self) -> bool:
        """Whether a provider told what its calls took: offline and pasted runs have none."""
        return bool(self.receipt.paid.tokens)

    def to_json(self) -> dict[str, Any]:
        """As in the document of `savings`."""
        spent = self.view.spent
        return {
            "run": self.view.run,
            "workflow": self.view.workflow,
            "started": self.view.started,
            "llm": self.view.llm,
            "groups": self.groups,
            "calls": spent.calls,
            "repairs": spent.repairs,
            "instructions": self.instructions.to_json(),
            "receipt": self.receipt.to_json() if self.reported else None,
        }


async def savings(
    store: Store, workflow: str | None = None, *, newest: int = ROWS
) -> dict[str, Any]:
    """Totals over every run, or those of one workflow, and the newest of them one by one.

    Raises UnknownNameError for a workflow that neither exists nor has a run.
    """
    facts = await store.spending()
    views = [fold(run, kept) for run, kept in facts.items()]
    receipts = Receipts(store, history_of(views[:REMEMBERED]))
    wanted = _named(workflow, views)
    rows = [
        await _row(receipts, view)
        for view in views
        if view.bought and (wanted is None or view.workflow == wanted)
    ]
    return {
        "workflow": wanted,
        **_totals(rows),
        "rows": [row.to_json() for row in rows[:newest]],
    }


async def _row(receipts: Receipts, view: View) -> Row:
    told = await receipts.write(view.bought)
    return Row(view, [*told.groups], told.receipt, told.instructions)


def _named(workflow: str | None, views: list[View]) -> str | None:
    """What the workflow of this name calls itself."""
    known = {view.workflow for view in views} | {*built_in_workflows()}
    return workflow if workflow is None or workflow in known else open_production(workflow).name


def _totals(rows: list[Row]) -> dict[str, Any]:
    paid = [row for row in rows if row.reported]
    priced = [row.receipt for row in paid if row.receipt.saved_usd is not None]
    tokens = sum((row.receipt for row in paid), start=Receipt())
    money = sum(priced, start=Receipt())
    whole = Receipt(
        replace(tokens.paid, cost_usd=money.paid.cost_usd if priced else None),
        replace(tokens.repair, cost_usd=money.repair.cost_usd if priced else None),
        replace(tokens.every, cost_usd=money.every.cost_usd if priced else None),
        tokens.basis,
    )
    return {
        "runs": len(rows),
        "reported_runs": len(paid),
        "priced_runs": len(priced),
        "calls": sum(row.view.spent.calls for row in rows),
        "repairs": sum(row.view.spent.repairs for row in rows),
        "instructions": sum((row.instructions for row in rows), start=Savings()).to_json(),
        "receipt": whole.to_json() if paid else None,
    }
