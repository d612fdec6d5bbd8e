"""Lists the rows of a batch, a page at a time, from the stored runs: found by status and by text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

from callsheet.batches.outcomes import OutcomeRules, row_outcome
from callsheet.engine.journal import read_view
from callsheet.engine.run_view import RunView
from callsheet.runs.inputs import brief_fields
from callsheet.runs.listing import row_status
from callsheet.store.owners import has_live_owner
from callsheet.store.texts import has_words, wanted_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.batches.batch import Batch
    from callsheet.batches.row_parser import Row
    from callsheet.store.port import RunRow

BatchRowStatus = Literal["succeeded", "failed", "running", "left"]


@dataclass(frozen=True)
class RowFilter:
    """Which rows: of this status, with all these words in cells, replies or edits, after this row number."""

    status: BatchRowStatus | None = None
    search: str = ""
    after: int = 0
    limit: int = 50


async def row_page(batch: Batch, wanted: RowFilter) -> tuple[list[dict[str, Any]], int | None]:
    """Return the rows that fit, and the number after which the next page begins."""
    store = batch.service.store
    existing = set(await store.names_starting_with(f"{batch.name}."))
    words = wanted_words(wanted.search)
    having = {word: await store.runs_with(word, f"{batch.name}.") for word in words}
    rules = OutcomeRules(batch.setup.bundle)
    titled = next(iter(brief_fields(batch.setup.bundle)), "")
    found: list[dict[str, Any]] = []
    for row in batch.rows():
        if row.number <= wanted.after:
            continue
        if having and not has_words(row.run, having, "\n".join(_texts(row.cells))):
            continue
        stored = await store.run(row.run) if row.run in existing else None
        status = _status(stored)
        if wanted.status not in (None, status):
            continue
        if len(found) == wanted.limit:
            return found, found[-1]["row"]
        view = await read_view(store, row.run) if stored else RunView(row.run)
        found.append(_described(rules, row, view, status) | {"title": _title(row, titled)})
    return found, None


def _texts(value: object) -> Iterator[str]:
    """Yield the texts of these cells; a cell of a JSON row may hold several."""
    match value:
        case Mapping():
            yield from chain.from_iterable(map(_texts, value.values()))
        case list():
            yield from chain.from_iterable(map(_texts, value))
        case _:
            yield str(value)


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
