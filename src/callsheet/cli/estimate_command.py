"""`estimate`: estimate the tokens and cost of a selection of groups."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from callsheet.cli.options import (
    build_settings,
    debug_option,
    image_option,
    json_option,
    max_output_tokens_option,
    split_names,
    tier_option,
    workflow_option,
)
from callsheet.cli.output import dollars, note, print_json
from callsheet.cli.tables import build_table, print_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table


@click.command()
@click.option(
    "--groups",
    required=True,
    callback=split_names,
    metavar="A,B",
    help="Model groups, GROUP/MODEL, or all.",
)
@click.option(
    "--llm", metavar="SPEC", help="LLM whose tokens and prices apply (default: CALLSHEET_LLM)."
)
@max_output_tokens_option
@tier_option
@click.option("--idea", help="The idea; if omitted, a sentence of typical length is assumed.")
@image_option
@workflow_option
@json_option
@debug_option
def estimate(groups: tuple[str, ...], llm: str | None, **options: Any) -> None:
    """Estimate tokens and cost of a run, compared with all groups of the same categories.

    No LLM call is made.
    """
    from callsheet.runs.estimate import estimate_selection

    estimated = asyncio.run(
        estimate_selection(
            groups,
            build_settings(options),
            workflow=options["workflow"],
            llm=llm,
            idea=options["idea"],
            image=options["image"],
            tier=options["tier"],
        )
    )
    if options["json"]:
        print_json(estimated)
        return
    print_table(_table(estimated))
    for line in _notes(estimated):
        note(line)


def _table(estimated: dict[str, Any]) -> Table:
    table = build_table(estimated["llm"], selection="these groups", every="all groups")
    sides = (estimated["selection"], estimated["all"])
    approximate = "" if estimated["exact"] else "~"
    has_picture = any(side["picture_tokens"] != 0 for side in sides)
    for label, key in (
        ("instructions", "instruction_tokens"),
        ("schema", "schema_tokens"),
        ("message", "message_tokens"),
        *([("image", "picture_tokens")] if has_picture else []),
        ("input tokens", "input_tokens"),
    ):
        table.add_row(label, *(_count(side[key], approximate) for side in sides))
    ranges = [(side["output_tokens_low"], side["output_tokens_high"]) for side in sides]
    table.add_row("output tokens", *(_range(f"{low:,}", f"{high:,}") for low, high in ranges))
    table.add_row("cost", *map(_cost, sides))
    return table


def _notes(estimated: dict[str, Any]) -> Iterator[str]:
    selected, saved, llm = estimated["selection"], estimated["saved"], estimated["llm"]
    method = (
        "counted with the o200k tokenizer"
        if estimated["exact"]
        else f"estimated: o200k count plus 15 %, because the tokenizer of {llm} differs"
    )
    yield f"{estimated['saved_percent']:.0f} % fewer input tokens than all groups; {method}"
    yield {
        "history": "output tokens: the lowest and highest of your own runs",
        "schema": "output tokens: the limits in the schemas, where your own runs give no figures",
        "reported": "no output tokens: the prompts are not written by an LLM",
    }[selected["output_from"]]
    if selected["picture_tokens"] is None:
        yield f"cost unknown, because the image tokens of {llm} are unknown"
    elif selected["cost_usd"] is None:
        yield f"cost unknown, because the price of {llm} is unknown"
    elif saved["cost_usd"]:
        typical = f"{selected['output_tokens']:,} output tokens, {dollars(selected['cost_usd'])}"
        yield f"typically about {typical}; {dollars(saved['cost_usd'])} less than all groups"
        yield from _cache_notes(selected, estimated["all"])


def _cache_notes(selected: dict[str, Any], complete: dict[str, Any]) -> Iterator[str]:
    """What a further call costs while the provider's cache holds the beginning of the last one."""
    if not complete["cached_input_tokens"]:
        return
    cost, every = selected["cached_cost_usd"], complete["cached_cost_usd"]
    yield (
        f"a further call within the cache's time: about {dollars(cost)} with"
        f" {selected['cached_input_tokens']:,} tokens cached, all groups {dollars(every)} with"
        f" {complete['cached_input_tokens']:,}"
    )
    own, whole = selected["cached_input_cost_usd"], complete["cached_input_cost_usd"]
    if own > whole:
        yield (
            f"then these groups cost more on input ({dollars(own)}) than all groups"
            f" ({dollars(whole)}), which alone are long enough for the cache; with output"
            f" {dollars(cost)} and {dollars(every)}"
        )


def _count(tokens: int | None, approximate: str) -> str:
    return "unknown" if tokens is None else f"{approximate}{tokens:,}"


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


def _cost(side: dict[str, Any]) -> str:
    if side["cost_usd"] is None:
        return "unknown"
    if not side["cost_usd_high"]:
        return "none"
    bound = "at most " if side["cost_at_most"] else ""
    return bound + _range(dollars(side["cost_usd_low"]), dollars(side["cost_usd_high"]))
