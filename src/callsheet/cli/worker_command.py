"""`worker`: execute runs from the queue."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

import click

from callsheet.cli.options import debug_option
from callsheet.cli.output import note

if TYPE_CHECKING:
    from callsheet.workers.worker import Worker


@click.command()
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1000),
    default=20,
    show_default=True,
    metavar="N",
    help="Maximum number of concurrent batch runs. Interactive runs have as many slots of their own.",
)
@click.option(
    "--in-all",
    type=click.IntRange(1, 100_000),
    metavar="N",
    help="Maximum number of concurrent batch runs over all workers; use the same value for each.",
)
@click.option(
    "--drain",
    type=click.FloatRange(0, 3600),
    default=20,
    show_default=True,
    metavar="SECONDS",
    help="How long active runs may continue after the worker is told to stop.",
)
@debug_option
def worker(concurrency: int, in_all: int | None, drain: float) -> int:
    """Execute queued runs until stopped with Ctrl-C or SIGTERM, and read provider jobs of batches.

    Requires CALLSHEET_DATABASE_URL and the API keys of the LLMs that the runs use.
    """
    from callsheet.batches.job_visits import JobVisits
    from callsheet.runs.run_pool import tune_interpreter
    from callsheet.runs.takeover import Takeover
    from callsheet.settings import read_settings
    from callsheet.workers.worker import Worker

    tune_interpreter()
    settings = read_settings()
    executor = Worker(
        settings,
        Takeover(settings),
        concurrency=concurrency,
        batch_limit=in_all,
        log=note,
        visit_jobs=JobVisits(settings, note),
    )
    return 128 + asyncio.run(work_until_signal(executor, drain))


async def work_until_signal(worker: Worker, drain: float) -> int:
    """Works until SIGINT or SIGTERM; returns the signal. A second one ends the process."""
    stop, received = asyncio.Event(), []

    def handle(number: int) -> None:
        received.append(number)
        if len(received) > 1:
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, handle, number)
    await worker.run(stop, drain=drain)
    return received[0]
