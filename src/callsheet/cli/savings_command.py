"""`savings`: report the tokens and cost saved by selecting groups."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from callsheet.cli.options import debug_option, json_option
from callsheet.cli.output import (
    OUTPUT_BASIS,
    counted,
    dollars,
    note,
    print_json,
    repairs_text,
    saved_text,
    usage_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

BAR_LENGTH = 10

PIPE_WIDTH = 200
"""Columns of the table in a pipe, which has no width of its own: nothing is cut."""

GROUPS_LISTED = 1
"""How many groups a row names; the others are counted."""

COLUMNS = ("run", "started (UTC)", "groups", "tokens", "all groups", "cost", "saved")
NUMBER_COLUMNS = COLUMNS[3:]

FULL_WIDTH = 110
"""Columns of a terminal that has room for the whole table."""

OPTIONAL_COLUMNS = ("started (UTC)", "all groups")
"""Columns that a narrower terminal omits: the order and the bar show them roughly."""


@click.command()
@click.option("--workflow", metavar="NAME", help="Count only runs of this workflow.")
@click.option(
    "--last",
    type=click.IntRange(0, 10_000),
    default=20,
    show_default=True,
    metavar="N",
    help="Number of recent runs to list.",
)
@json_option
@debug_option
def savings(workflow: str | None, last: int, *, json: bool) -> None:
    """Report the tokens and cost saved by selecting groups, in total and for recent runs.

    Tokens are those that the providers reported. The figures for all groups are estimates.
    """
    from callsheet.costs.savings_report import savings_report
    from callsheet.settings import read_settings
    from callsheet.store.factory import open_store

    store = open_store(read_settings())
    report = asyncio.run(savings_report(store, workflow, newest=last))
    for row in report["rows"]:
        row["started"] = datetime.fromtimestamp(row["started"], UTC).isoformat(timespec="seconds")
    if json:
        print_json(report)
    elif not report["runs"]:
        note("no run has written prompts yet; `callsheet estimate` shows what a selection saves")
    else:
        for line in _totals(report):
            click.echo(line)
        if report["rows"]:
            click.echo()
            _print_table(report["rows"])
        if any(row["receipt"] is None for row in report["rows"]):
            note("in parentheses: instruction tokens only, because no provider reported tokens")


def _totals(report: dict[str, Any]) -> Iterator[str]:
    receipt, runs = report["receipt"], counted(report["runs"], "run")
    if receipt is None:
        instructions = report["instructions"]
        sent, every = instructions["instruction_tokens"], instructions["instruction_tokens_all"]
        yield f"{runs}, offline or pasted: no provider reported tokens, and nothing was paid"
        yield f"{sent:,} of {every:,} instruction tokens, {instructions['percent']:.0f} % saved"
        return
    yield f"{runs}, {counted(report['calls'], 'call')}"
    basis = OUTPUT_BASIS[receipt["all"]["output_from"]]
    yield f"  paid        {usage_text(receipt['paid'])}{_repairs(report, receipt)}"
    yield f"  all groups  about {usage_text(receipt['all'])} ({basis})"
    yield f"  saved       {saved_text(receipt['saved'])}"
    yield from _exclusions(report)


def _repairs(report: dict[str, Any], receipt: dict[str, Any]) -> str:
    tokens = receipt["repair"]["input_tokens"] + receipt["repair"]["output_tokens"]
    return repairs_text({"repairs": report["repairs"], "repair_tokens": tokens})


def _exclusions(report: dict[str, Any]) -> Iterator[str]:
    """The runs that the totals do not include, and why."""
    unreported = report["runs"] - report["reported_runs"]
    unpriced = report["reported_runs"] - report["priced_runs"]
    if unreported:
        yield f"  not included: {counted(unreported, 'run')}, offline or pasted, without reported tokens"
    if unpriced and report["priced_runs"]:
        yield f"  not included in the cost: {counted(unpriced, 'run')} with unknown price"


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    in_terminal = sys.stdout.isatty()
    console = Console(highlight=False, width=None if in_terminal else PIPE_WIDTH)
    columns = [
        name for name in COLUMNS if console.width >= FULL_WIDTH or name not in OPTIONAL_COLUMNS
    ]
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, justify="right" if name in NUMBER_COLUMNS else "left", no_wrap=True)
    if in_terminal:
        table.add_column("", no_wrap=True)
    for row in rows:
        cells = dict(zip(COLUMNS, _cells(row), strict=True))
        table.add_row(*(cells[name] for name in columns), *([_bar(row)] if in_terminal else []))
    console.print(table)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    from callsheet.llm.providers import writes_drafts

    started = row["started"].replace("T", " ")[:16]
    hidden = len(row["groups"]) - GROUPS_LISTED
    more = f" + {hidden}" if hidden > 0 else ""
    first = (row["run"], started, ", ".join(row["groups"][:GROUPS_LISTED]) + more)
    receipt, instructions = row["receipt"], row["instructions"]
    if receipt is None:
        sent, every = instructions["instruction_tokens"], instructions["instruction_tokens_all"]
        cost = "none" if writes_drafts(row["llm"]) else "unknown"
        return (*first, f"({sent:,})", f"({every:,})", cost, f"({instructions['percent']:.0f} %)")
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
    """The share of the tokens for all groups that the run used, as a bar."""
    saved = row["receipt"]["saved"] if row["receipt"] else row["instructions"]
    used = round(BAR_LENGTH * (100 - min(max(saved["percent"], 0), 100)) / 100)
    colour = "yellow" if row["receipt"] else "dim yellow"
    return f"[{colour}]{'█' * used}[/][dim]{'░' * (BAR_LENGTH - used)}[/]"
