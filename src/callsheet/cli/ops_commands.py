"""`worker` and `doctor`: one more pair of hands, and what there is to work with."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from callsheet.cli.options import debug_option, json_option
from callsheet.cli.output import as_json, note, plain

if TYPE_CHECKING:
    from callsheet.workers.worker import Worker


@click.command()
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1000),
    default=20,
    show_default=True,
    metavar="N",
    help="Runs of a batch at once; as many again that people wait for.",
)
@click.option(
    "--in-all",
    type=click.IntRange(1, 100_000),
    metavar="N",
    help="Runs of a batch at once over all workers; the same for each of them.",
)
@click.option(
    "--drain",
    type=click.FloatRange(0, 3600),
    default=20,
    show_default=True,
    metavar="SECONDS",
    help="How long runs under way may go on when it is told to stop.",
)
@debug_option
def worker(concurrency: int, in_all: int | None, drain: float) -> int:
    """Carry on runs that others hand on, until told to stop: Ctrl-C or SIGTERM.

    Needs CALLSHEET_DATABASE_URL, and the keys of the LLMs that the runs are written with.
    """
    from callsheet.runs.run_pool import tune_interpreter
    from callsheet.runs.takeover import Takeover
    from callsheet.settings import read_settings
    from callsheet.workers.worker import Worker

    tune_interpreter()
    settings = read_settings()
    hired = Worker(
        settings, Takeover(settings), concurrency=concurrency, batch_limit=in_all, log=note
    )
    return 128 + asyncio.run(until_told(hired, drain))


async def until_told(hired: Worker, drain: float) -> int:
    """Works until a signal comes, and answers with it; a second one ends it at once."""
    stop, told = asyncio.Event(), []

    def hear(number: int) -> None:
        told.append(number)
        if len(told) > 1:
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, hear, number)
    await hired.run(stop, drain=drain)
    return told[0]


@click.command()
@json_option
@debug_option
def doctor(*, json: bool) -> int:
    """Tell what is found here: settings, keys, where runs are kept, workers, tokenizer."""
    from callsheet.doctor import examine

    found, status = asyncio.run(examine())
    if json:
        as_json([{**asdict(each), "well": each.well} for each in found])
        return status
    wide = max(len(each.what) for each in found)
    for each in found:
        mark = click.style("✓", fg="green") if each.well else click.style("✗", fg="red", bold=True)
        click.echo(f"{mark} {each.what:<{wide}}  {plain(each.found)}")
        if each.hint:
            click.echo(click.style(f"  {'':<{wide}}  {plain(each.hint)}", dim=True))
    return status
