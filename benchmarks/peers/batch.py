"""callsheet's own batch: a sheet of ideas is judged, carried out and written, on a store of its own."""

from __future__ import annotations

import csv
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from benchmarks.peers.contest import IDEA, Ask, Given, Opened, compete
from callsheet.app.batch.batch import Batch, Order
from callsheet.app.batch.forms import form_for
from callsheet.app.batch.output import Output
from callsheet.app.batch.rows import Told
from callsheet.app.runs import Office
from callsheet.app.tuning import tune_process
from callsheet.llm.client import Client
from callsheet.llm.pace import Pace
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


def write_ideas(path: Path, number: int, mark: str = "") -> None:
    """A sheet of so many ideas."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["idea"])
        writer.writerows([f"{IDEA} {mark} {place}"] for place in range(number))


@asynccontextmanager
async def opened(given: Given, ask: Ask) -> AsyncIterator[Opened]:
    del ask
    tune_process()
    base_url = given.url.removesuffix("/chat/completions")
    pace = Pace(50)
    client = Client("openai", "any", base_url=base_url, pace=pace)
    office = Office(read_settings(), store=SqlStore(given.file), llm=client)

    async def whole(name: str, concurrency: int, rows: int) -> None:
        sheet = given.file.with_name(f"{given.file.stem}-{name}.csv")
        write_ideas(sheet, rows, name)
        batch = Batch(office, Order(sheet, told=Told(("sora",)), concurrency=concurrency))
        path = sheet.with_suffix(".out.csv")
        output = Output(path, form_for(path, batch))
        async for outcome in batch.carry_out():
            output.add(outcome)
        output.close(whole=True)
        if batch.tally.done != rows:
            raise RuntimeError(f"of {rows} rows {batch.tally.done} were written")

    yield Opened(None, given.journal, given.synchronous, whole)
    await pace.end()
    office.store.close()


if __name__ == "__main__":
    compete(opened)
