"""Executes batches inside the test's own process."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from callsheet.batches.batch import Batch
from callsheet.batches.outcomes import RowOutcome
from callsheet.batches.output_file import execute_into, open_output_file
from callsheet.batches.request import BatchRequest
from callsheet.batches.row_parser import RowDefaults
from callsheet.llm.port import LLM
from callsheet.runs.service import RunService
from callsheet.settings import Settings, read_settings
from callsheet.store.port import Store
from callsheet.store.sql import SqlStore


def write_sheet(path: Path, rows: Sequence[dict[str, str]]) -> Path:
    """Write a CSV with these rows."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)
    return path


def ideas(number: int) -> list[dict[str, str]]:
    """Return this many rows, each with an idea of its own."""
    return [{"idea": f"a heron by the river, number {n}"} for n in range(1, number + 1)]


def read_csv(path: Path) -> list[dict[str, str]]:
    """Return the rows of a written file."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


JOBS_DIFFER_IN = ("cost_usd", "tokens", "run")
"""The columns of the output in which a batch in provider jobs may differ from an ordinary one."""


def without_cost(path: Path) -> list[dict[str, str]]:
    """Return the rows of a written file without what a batch in provider jobs has of its own."""
    return [{k: v for k, v in row.items() if k not in JOBS_DIFFER_IN} for row in read_csv(path)]


@dataclass
class SharedStore:
    """A store that several executions of a batch share."""

    store: Store
    llm: LLM | None = None
    defaults: RowDefaults = field(default_factory=lambda: RowDefaults(("leonardo",)))
    settings: Settings = field(default_factory=read_settings)

    @classmethod
    def with_llm(cls, llm: LLM | None = None) -> SharedStore:
        """Create a bench over a store in memory."""
        return cls(SqlStore.in_memory(), llm)

    def batch(self, path: Path, **changes: Any) -> Batch:
        """Open the sheet as a batch that was checked."""
        service = RunService(self.settings, store=self.store, llm=self.llm)
        return Batch(service, replace(BatchRequest(path, defaults=self.defaults), **changes))

    async def execute(self, path: Path, **changes: Any) -> tuple[Batch, list[RowOutcome]]:
        """Execute a batch once, and return its outcomes in order."""
        batch = self.batch(path, **changes)
        return batch, [outcome async for outcome in batch.execute()]

    async def write(self, path: Path, output: Path, **changes: Any) -> Batch:
        """Execute a batch once, and write its outcomes to a file."""
        batch = self.batch(path, **changes)
        async for _ in execute_into(batch, open_output_file(output, batch)):
            pass
        return batch
