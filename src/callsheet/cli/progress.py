"""How far a batch has come: a bar in a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from callsheet.cli.output import note

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rich.progress import Progress, TaskID

    from callsheet.batches.outcomes import BatchProgress

BAR_SECONDS, LINE_SECONDS = 0.2, 15.0

_MINUTE, _HOUR = 60, 3_600


@asynccontextmanager
async def shown(tally: BatchProgress) -> AsyncIterator[None]:
    """Shows the tally on stderr while the batch is carried out."""
    began = time.monotonic()
    draw = _bar(tally, began) if sys.stderr.isatty() else _lines(tally, began)
    task = asyncio.create_task(draw)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _lines(tally: BatchProgress, began: float) -> None:
    while True:
        await asyncio.sleep(LINE_SECONDS)
        left = time_left(tally, time.monotonic() - began)
        note(f"{tally.ended:,} of {tally.total:,} rows; {told(tally)}; {left}")


async def _bar(tally: BatchProgress, began: float) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        BarColumn(bar_width=None, complete_style="yellow", finished_style="green"),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TextColumn("[dim]{task.fields[left]}"),
    )
    with Progress(
        *columns, console=Console(stderr=True), auto_refresh=False, expand=True
    ) as progress:
        task = progress.add_task("", total=tally.total, left="")
        try:
            while True:
                _draw(progress, task, tally, began)
                await asyncio.sleep(BAR_SECONDS)
        finally:
            _draw(progress, task, tally, began)


def _draw(progress: Progress, task: TaskID, tally: BatchProgress, began: float) -> None:
    failed = f"[red]{tally.failed:,} failed[/]  " if tally.failed else ""
    repaired = f"{tally.repaired:,} repaired  " if tally.repaired else ""
    progress.update(
        task,
        completed=tally.ended,
        description=f"rows  {failed}{repaired}{spending(tally)}",
        left=time_left(tally, time.monotonic() - began),
    )
    progress.refresh()


def told(tally: BatchProgress) -> str:
    """What became of the rows so far, and what they took."""
    return f"{tally.failed:,} failed, {tally.repaired:,} repaired; {spending(tally)}"


def spending(tally: BatchProgress) -> str:
    """Tokens and cost so far."""
    usage = tally.usage
    cost = "price unknown" if usage.cost_usd is None else f"${usage.cost_usd:.2f}"
    return f"{_short(usage.tokens)} tokens, {cost}"


def time_left(tally: BatchProgress, seconds: float) -> str:
    """How long the rest takes if it goes on as until now."""
    rest = tally.total - tally.ended
    if not rest:
        return "done"
    if not tally.fresh:
        return "time left unknown"
    return f"{_span(seconds / tally.fresh * rest)} left"


def _span(seconds: float) -> str:
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 2 * _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.1f} h"


def _short(number: int) -> str:
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= 10 * size:
            return f"{number / size:.0f}{unit}"
    return f"{number:,}"
