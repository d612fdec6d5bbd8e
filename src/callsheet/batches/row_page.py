"""Lists the rows of a batch, a page at a time, from the stored runs: found by status and by text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from callsheet.batches.outcomes import OutcomeRules, row_outcome
from callsheet.engine.journal import read_view
from callsheet.engine.run_view import RunView
from callsheet.runs.inputs import brief_fields
from callsheet.runs.listing import row_status
from callsheet.store.owners import has_live_owner

if TYPE_CHECKING:
    from callsheet.batches.batch import Batch
    from callsheet.batches.row_parser import Row
    from callsheet.store.port import RunRow

BatchRowStatus = Literal["succeeded", "failed", "running", "left"]


@dataclass(frozen=True)
class RowFilter:
    """Which rows: of this status, with this text in a cell or a prompt, after this row number."""

    status: BatchRowStatus | None = None
    search: str = ""
    after: int = 0
    limit: int = 50


async def row_page(batch: Batch, wanted: RowFilter) -> tuple[list[dict[str, Any]], int | None]:
    """Return the rows that fit, and the number after which the next page begins."""
    store = batch.service.store
    existing = set(await store.names_starting_with(f"{batch.name}."))
    rules = OutcomeRules(batch.setup.bundle)
    titled = next(iter(brief_fields(batch.setup.bundle)), "")
    found: list[dict[str, Any]] = []
    for row in batch.rows():
        if row.number <= wanted.after:
            continue
        stored = await store.run(row.run) if row.run in existing else None
        status = _status(stored)
        if wanted.status not in (None, status):
            continue
        in_cells = _has_text(row.cells, wanted.search)
        if not in_cells and not stored:
            continue
        view = await read_view(store, row.run) if stored else RunView(row.run)
        described = _described(rules, row, view, status) | {"title": _title(row, titled)}
        if not in_cells and not _has_text(described["prompts"], wanted.search):
            continue
        if len(found) == wanted.limit:
            return found, found[-1]["row"]
        found.append(described)
    return found, None


def _has_text(value: object, search: str) -> bool:
    """Whether a text is in one of these values, or of those within them."""
    words = search.casefold()
    if isinstance(value, Mapping):
        return not words or any(_has_text(each, words) for each in value.values())
    return words in str(value).casefold()


def _title(row: Row, key: str) -> str:
    """Return the idea of a row: the answer to the first field of the brief."""
    return str(row.answers.get(key, ""))


def _status(stored: RunRow | None) -> BatchRowStatus:
    if stored and stored.last_event == "call_submitted":
        return "left"
    match row_status(stored) if stored else None:
        case "succeeded" | "stopped":
            return "succeeded"
        case "failed" | "waiting":
            return "failed"
        case _:
            return "running" if stored and has_live_owner(stored) else "left"


def _described(
    rules: OutcomeRules, row: Row, view: RunView, status: BatchRowStatus
) -> dict[str, Any]:
    outcome = row_outcome(rules, row, view, fresh=False, paused=False)
    return {
        "row": row.number,
        "id": row.id,
        "run": row.run,
        "status": status,
        "prompts": dict(outcome.prompts),
        "problems": [*outcome.problems],
        "warnings": [*outcome.warnings],
        "code": outcome.code,
        "usage": asdict(outcome.usage),
    }
