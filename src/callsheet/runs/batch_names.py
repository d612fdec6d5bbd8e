"""Tells a batch's runs from a person's own, by their names: a list shows a batch as one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

STATUS_ORDER = ("running", "interrupted", "failed", "waiting", "stopped", "succeeded")
"""How a batch stands: as the run of it that stands first here."""


def batch_of(run: str) -> str:
    """The batch that a run belongs to, or nothing."""
    batch, dot, _ = run.partition(".")
    return batch if dot else ""


def group_batches(runs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Runs at a glance, each batch as one of them with `runs`, how many it has."""
    lines: dict[str, dict[str, Any]] = {}
    for run in runs:
        batch = batch_of(run["run"])
        if not batch:
            lines[run["run"]] = run
        elif batch not in lines:
            lines[batch] = {**run, "run": batch, "runs": 1}
        else:
            line = lines[batch]
            line["runs"] += 1
            line["started"] = min(line["started"], run["started"])
            line["status"] = min(line["status"], run["status"], key=STATUS_ORDER.index)
    return list(lines.values())
