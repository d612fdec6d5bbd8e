"""`savings`: what the choice of groups has saved so far, as text, as a table with bars, as JSON."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from callsheet.cli.options import debug_option, json_option
from callsheet.cli.output import BASIS, as_json, bill, dollars, note, repaired

if TYPE_CHECKING:
    from collections.abc import Iterator

BAR, WIDE = 10, 200

SHOWN = 1
"""How many groups are named in a row; the rest is a number."""

COLUMNS = ("run", "started (UTC)", "groups", "tokens", "all groups", "cost", "saved")
NUMBERS = COLUMNS[3:]

ROOM = 110
"""Columns of a terminal that all of it needs."""

LEFT_OUT = ("started (UTC)", "all groups")
"""What a narrow terminal does without: the order tells the one, the bar the other."""


@click.command()
@click.option("--workflow", metavar="NAME", help="Only runs of this workflow.")
@click.option(
    "--last",
    type=click.IntRange(0, 10_000),
    default=20,
    show_default=True,
    metavar="N",
    help="How many of the newest runs to list.",
)
@json_option
@debug_option
def savings(workflow: str | None, last: int, *, json: bool) -> None:
    """Tell what the choice of groups has saved so far, in all and run by run.

    Tokens are those that the providers reported. What all groups would have taken is an estimate.
    """
    from callsheet.costs.savings_report import savings_report as add_up
    from callsheet.settings import read_settings
    from callsheet.store.factory import open_store

    store = open_store(read_settings())
    told = asyncio.run(add_up(store, workflow, newest=last))
    for row in told["rows"]:
        row["started"] = datetime.fromtimestamp(row["started"], UTC).isoformat(timespec="seconds")
    if json:
        as_json(told)
    elif not told["runs"]:
        note("no run has asked an LLM yet; `callsheet estimate` tells what a choice would save")
    else:
        for line in _totals(told):
            click.echo(line)
        if told["rows"]:
            click.echo()
            _table(told["rows"])


def _totals(told: dict[str, Any]) -> Iterator[str]:
    receipt, runs = told["receipt"], f"{told['runs']} run" + ("s" if told["runs"] != 1 else "")
    if receipt is None:
        sent, every = (
            told["instructions"][key] for key in ("instruction_tokens", "instruction_tokens_all")
        )
        yield f"{runs}, offline or pasted: no provider told tokens, and nothing was paid"
        yield f"{sent:,} of {every:,} instruction tokens, {told['instructions']['percent']:.0f} % less"
        return
    yield f"{runs}, {told['calls']} call" + ("s" if told["calls"] != 1 else "")
    yield f"  paid        {bill(receipt['paid'])}{_repaired(told, receipt)}"
    yield f"  all groups  about {bill(receipt['all'])} ({BASIS[receipt['all']['output_from']]})"
    saved = receipt["saved"]
    money = "" if saved["cost_usd"] is None else f", {dollars(saved['cost_usd'])}"
    yield f"  saved       about {saved['tokens']:,} tokens, {saved['percent']:.0f} %{money}"
    yield from _left_out(told)


def _repaired(told: dict[str, Any], receipt: dict[str, Any]) -> str:
    took = receipt["repair"]["input_tokens"] + receipt["repair"]["output_tokens"]
    return repaired({"repairs": told["repairs"], "repair_tokens": took})


def _left_out(told: dict[str, Any]) -> Iterator[str]:
    """What the totals do not hold, and why."""
    unreported = told["runs"] - told["reported_runs"]
    unpriced = told["reported_runs"] - told["priced_runs"]
    if unreported:
        yield f"  without {unreported} offline or pasted: no provider told their tokens"
    if unpriced and told["priced_runs"]:
        yield f"  the amounts are without {unpriced} whose price is unknown"


def _table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    # A pipe has no width of its own, and nothing is to be cut there.
    drawn = sys.stdout.isatty()
    console = Console(highlight=False, width=None if drawn else WIDE)
    shown = [name for name in COLUMNS if console.width >= ROOM or name not in LEFT_OUT]
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in shown:
        table.add_column(name, justify="right" if name in NUMBERS else "left", no_wrap=True)
    if drawn:
        table.add_column("", no_wrap=True)
    for row in rows:
        cells = dict(zip(COLUMNS, _cells(row), strict=True))
        table.add_row(*(cells[name] for name in shown), *([_bar(row)] if drawn else []))
    console.print(table)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    from callsheet.llm.providers import writes_drafts

    started = row["started"].replace("T", " ")[:16]
    more = f" + {len(row['groups']) - SHOWN}" if len(row["groups"]) > SHOWN else ""
    first = (row["run"], started, ", ".join(row["groups"][:SHOWN]) + more)
    receipt, counted = row["receipt"], row["instructions"]
    if receipt is None:
        sent, every = counted["instruction_tokens"], counted["instruction_tokens_all"]
        cost = "nothing" if writes_drafts(row["llm"]) else "unknown"
        return (*first, f"({sent:,})", f"({every:,})", cost, f"({counted['percent']:.0f} %)")
    sent = receipt["paid"]["input_tokens"] + receipt["paid"]["output_tokens"]
    every = receipt["all"]["input_tokens"] + receipt["all"]["output_tokens"]
    cost = receipt["paid"]["cost_usd"]
    return (
        *first,
        f"{sent:,}",
        f"{every:,}",
        "unknown" if cost is None else dollars(cost),
        f"{receipt['saved']['percent']:.0f} %",
    )


def _bar(row: dict[str, Any]) -> str:
    """What was taken of what all groups would have, as a bar."""
    told = row["receipt"]["saved"] if row["receipt"] else row["instructions"]
    taken = round(BAR * (100 - min(max(told["percent"], 0), 100)) / 100)
    colour = "yellow" if row["receipt"] else "dim yellow"
    return f"[{colour}]{'█' * taken}[/][dim]{'░' * (BAR - taken)}[/]"
