"""The status of a stored run, from its last event and its lease."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.store.owners import is_held

if TYPE_CHECKING:
    from callsheet.store.port import RunRow


def row_status(row: RunRow) -> str:
    """How a run stands, by its last fact and whether anyone alive holds it."""
    match row.last:
        case "run_finished":
            return row.result
        case "run_failed":
            return "failed"
        case "question_asked" | "run_parked":
            return "waiting"
        case _:
            return "running" if is_held(row) else "interrupted"
