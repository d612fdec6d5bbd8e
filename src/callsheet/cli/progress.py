"""Progress of a batch: a bar in a terminal, otherwise a line every few seconds."""

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
async def show_progress(progress: BatchProgress) -> AsyncIterator[None]:
    """Shows the progress on stderr while the batch is executed."""
    started = time.monotonic()
    show = _show_bar if sys.stderr.isatty() else _print_lines
    task = asyncio.create_task(show(progress, started))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _print_lines(progress: BatchProgress, started: float) -> None:
    last = ""
    while True:
        await asyncio.sleep(LINE_SECONDS)
        left = time_left(progress, time.monotonic() - started)
        rows = f"{progress.ended:,} of {progress.total:,} rows"
        line = f"{rows}; {progress_text(progress)}; {left}"
        # Jobs may take a day, in which nothing happens.
        if line != last:
            note(line)
        last = line


async def _show_bar(progress: BatchProgress, started: float) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        BarColumn(bar_width=None, complete_style="yellow", finished_style="green"),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TextColumn("[dim]{task.fields[left]}"),
    )
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False, expand=True) as bar:
        task = bar.add_task("", total=progress.total, left="")
        try:
            while True:
                _update_bar(bar, task, progress, started)
                await asyncio.sleep(BAR_SECONDS)
        finally:
            _update_bar(bar, task, progress, started)


def _update_bar(bar: Progress, task: TaskID, progress: BatchProgress, started: float) -> None:
    failed = f"[red]{progress.failed:,} failed[/]  " if progress.failed else ""
    repaired = f"{progress.repaired:,} repaired  " if progress.repaired else ""
    bar.update(
        task,
        completed=progress.ended,
        description=f"rows  {failed}{repaired}{usage_so_far(progress)}",
        left=time_left(progress, time.monotonic() - started),
    )
    bar.refresh()


def progress_text(progress: BatchProgress) -> str:
    """The failed and repaired rows so far, with tokens and cost."""
    return f"{progress.failed:,} failed, {progress.repaired:,} repaired; {usage_so_far(progress)}"


def usage_so_far(progress: BatchProgress) -> str:
    """Tokens and cost so far."""
    usage = progress.usage
    cost = "price unknown" if usage.cost_usd is None else f"${usage.cost_usd:.2f}"
    return f"{_short(usage.tokens)} tokens, {cost}"


def time_left(progress: BatchProgress, seconds: float) -> str:
    """The remaining time at the average speed so far; `seconds` have elapsed."""
    rows = progress.total - progress.ended
    if not rows:
        return "done"
    if progress.waiting:
        return f"{progress.waiting:,} wait for provider jobs"
    if not progress.fresh:
        return "time left unknown"
    return f"{duration(seconds / progress.fresh * rows)} left"


def duration(seconds: float) -> str:
    """A time in seconds, minutes or hours."""
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
