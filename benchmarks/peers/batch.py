"""callsheet's own batch: a sheet of ideas is judged, carried out and written, on a store of its own."""

from __future__ import annotations

import csv
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from benchmarks.peers.contest import IDEA, Ask, Given, Opened, compete
from callsheet.batches.batch import Batch
from callsheet.batches.output_file import execute_into, open_output_file
from callsheet.batches.request import BatchRequest
from callsheet.batches.row_parser import RowDefaults
from callsheet.llm.concurrency import ConcurrencyLimiter
from callsheet.llm.provider_llm import ProviderLLM
from callsheet.runs.run_pool import tune_interpreter
from callsheet.runs.service import RunService
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from callsheet.fidelity import IdeaCheckMode

IN_MEMORY, UNCHECKED = "in memory", "without the idea check"
"""Options: nothing is written to the disk; no prompt is judged by its idea."""


def write_ideas(path: Path, number: int, mark: str = "") -> None:
    """A sheet of so many ideas."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["idea"])
        writer.writerows([f"{IDEA} {mark} {place}"] for place in range(number))


@asynccontextmanager
async def opened(given: Given, ask: Ask) -> AsyncIterator[Opened]:
    del ask
    tune_interpreter()
    base_url = given.url.removesuffix("/chat/completions")
    pace = ConcurrencyLimiter(50)
    client = ProviderLLM("openai", "any", base_url=base_url, limiter=pace)
    store = SqlStore.in_memory() if given.option == IN_MEMORY else SqlStore(given.file)
    service = RunService(read_settings(), store=store, llm=client)
    mode: IdeaCheckMode | None = "off" if given.option == UNCHECKED else None

    async def whole(name: str, concurrency: int, rows: int) -> None:
        sheet = given.file.with_name(f"{given.file.stem}-{name}.csv")
        write_ideas(sheet, rows, name)
        request = BatchRequest(
            sheet, defaults=RowDefaults(("sora",)), concurrency=concurrency, idea_check=mode
        )
        batch = Batch(service, request)
        output = open_output_file(sheet.with_suffix(".out.csv"), batch)
        async for _ in execute_into(batch, output):
            pass
        if batch.progress.done != rows:
            raise RuntimeError(f"of {rows} rows {batch.progress.done} were written")

    yield Opened(None, given.journal, given.synchronous, whole)
    await pace.close()
    service.store.close()


if __name__ == "__main__":
    compete(opened)
