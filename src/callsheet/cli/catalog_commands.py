"""`groups`, `estimate`, `check` and `lint`: look, and run nothing."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from callsheet.cli.options import debug_option, image_option, json_option, split_names
from callsheet.cli.output import as_json, dollars, note, plain
from callsheet.cli.scaffold_commands import new
from callsheet.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from rich.table import Table

    from callsheet.catalog.rules import Finding
    from callsheet.errors import Problem

workflow_option = click.option(
    "--workflow", default="oms", metavar="NAME", help="A name, a folder or a file (default: oms)."
)


today_option = click.option(
    "--today",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Tell ages as of this day (default: today).",
)


@click.group(invoke_without_command=True)
@workflow_option
@today_option
@json_option
@debug_option
@click.pass_context
def groups(context: click.Context, workflow: str, today: datetime | None, *, json: bool) -> None:
    """Show what can be chosen: name, models, the tokens each group adds, and when it was checked."""
    if context.invoked_subcommand is not None:
        return
    from callsheet.authoring.groups import list_groups

    found = list_groups(workflow, today=_day(today))
    if json:
        as_json(found)
        return
    for category in dict.fromkeys(group["category"] for group in found):
        title = category.replace("_", " ")
        table = _table(title, "what it is", "models", tokens="tokens", age="checked")
        members = [group for group in found if group["category"] == category]
        for group in members:
            what = f"{group['label']}\n[dim]{group['description']}[/]"
            tokens = "-" if group["tokens"] is None else f"{group['tokens']:,}"
            table.add_row(group["name"], what, "\n".join(group["models"]), tokens, _state(group))
        _print(table)
        click.echo()
        for group in members:
            if group["notice"]:
                note(f"{group['notice']}\n")
            if group["problems"]:
                note(f"{group['name']} cannot be used yet: {group['problems'][0]}\n")


groups.add_command(new)


def _state(group: dict[str, Any]) -> str:
    """How fresh a group is, in a cell of a table."""
    if group["closed"]:
        return "[red]closed[/]"
    if group["problems"]:
        return "[yellow]unfinished[/]"
    age = group["age"] or "-"
    return f"[yellow]{age}[/]" if group["outdated"] else age


def _day(told: datetime | None) -> date:
    return (told or datetime.now(UTC)).date()


@click.command()
@click.option(
    "--groups", required=True, callback=split_names, metavar="A,B", help="Groups by name, or all."
)
@click.option("--llm", metavar="SPEC", help="Whose tokens and prices (default: CALLSHEET_LLM).")
@click.option("--idea", help="The idea; a sentence of common length stands for it.")
@image_option
@workflow_option
@json_option
@debug_option
def estimate(groups: tuple[str, ...], llm: str | None, idea: str | None, **options: Any) -> None:
    """Tell tokens and cost before paying: these groups beside all of their categories."""
    from callsheet.runs.estimate import estimate_selection
    from callsheet.settings import read_settings

    told = asyncio.run(
        estimate_selection(
            groups,
            read_settings(),
            workflow=options["workflow"],
            llm=llm,
            idea=idea,
            image=options["image"],
        )
    )
    if options["json"]:
        as_json(told)
        return
    _print(_estimate_table(told))
    for line in _estimate_notes(told):
        note(line)


def _estimate_table(told: dict[str, Any]) -> Table:
    table = _table(told["llm"], these="these groups", every="all groups")
    sides = (told["selection"], told["all"])
    about = "" if told["exact"] else "~"
    for row, key in (
        ("instructions", "instruction_tokens"),
        ("schema", "schema_tokens"),
        ("message", "message_tokens"),
        *(
            [("picture", "picture_tokens")]
            if any(each["picture_tokens"] != 0 for each in sides)
            else []
        ),
        ("tokens sent", "input_tokens"),
    ):
        table.add_row(row, *(_count(side[key], about) for side in sides))
    spans = [(side["output_tokens_low"], side["output_tokens_high"]) for side in sides]
    table.add_row("tokens written", *(_span(f"{low:,}", f"{high:,}") for low, high in spans))
    table.add_row("cost", *map(_cost, sides))
    return table


def _estimate_notes(told: dict[str, Any]) -> Iterator[str]:
    selected = told["selection"]
    counted = (
        "counted with o200k"
        if told["exact"]
        else "an estimate: o200k counts plus 15 %, the LLM's own tokenizer differs"
    )
    yield f"{told['saved_percent']:.0f} % less is sent than for all; {counted}"
    yield {
        "history": "written: from the least to the most in your own runs",
        "schema": "written: what the schemas allow, where your own runs tell nothing",
        "reported": "nothing is written",
    }[selected["output_from"]]
    saved = told["saved"]
    if selected["picture_tokens"] is None:
        yield f"what {told['llm']} takes for a picture is unknown, and so is the cost"
    elif selected["cost_usd"] is None:
        yield f"the price of {told['llm']} is unknown"
    elif saved["cost_usd"]:
        usual = f"{selected['output_tokens']:,} tokens written, {dollars(selected['cost_usd'])}"
        yield f"usually about {usual}; {dollars(saved['cost_usd'])} less than all groups"


def _count(tokens: int | None, about: str) -> str:
    return "unknown" if tokens is None else f"{about}{tokens:,}"


def _span(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


def _cost(side: dict[str, Any]) -> str:
    if side["cost_usd"] is None:
        return "unknown"
    if not side["cost_usd_high"]:
        return "nothing"
    return _span(dollars(side["cost_usd_low"]), dollars(side["cost_usd_high"]))


@click.command()
@click.argument("path", default="oms")
@today_option
@json_option
@debug_option
def check(path: str, today: datetime | None, *, json: bool) -> int:
    """Find everything wrong with the workflow PATH: a name, a folder or a file (default: oms).

    A group that was checked too long ago is a warning, and a warning alone is exit 0.
    """
    from callsheet.authoring.check import check_workflow as find_problems
    from callsheet.authoring.groups import find_outdated

    problems = find_problems(path)
    old = find_outdated(path, today=_day(today))
    if json:
        as_json(
            [_told(problem, "error") for problem in problems]
            + [_told(each, "warning") for each in old]
        )
    else:
        for problem in problems:
            click.echo(plain(str(problem)))
        for each in old:
            note(f"warning: {each}")
        if problems:
            note(f"{path}: {len(problems)} problem" + ("s" if len(problems) > 1 else ""))
        else:
            click.echo(f"{path}: all is well")
    return 2 if problems else 0


def _told(problem: Problem, severity: str) -> dict[str, str]:
    return {
        "file": problem.file,
        "path": problem.path,
        "message": problem.message,
        "hint": problem.hint,
        "severity": severity,
    }


@click.command()
@click.argument("file", metavar="FILE|-")
@click.option("--model", required=True, metavar="MODEL", help="Whose rules: SORA_2_A, …")
@workflow_option
@json_option
@debug_option
def lint(file: str, model: str, workflow: str, *, json: bool) -> int:
    """Check one prompt against its model's rules: exit 0, or 1 with the findings.

    A warning alone is exit 0.
    """
    from callsheet.authoring.lint import lint as find_faults

    found = find_faults(_text(file), model, workflow)
    if json:
        as_json([_finding(model, each) for each in found])
    else:
        for finding in found:
            where = ".".join(finding.path[1:])
            mark = "warning: " if finding.severity == "warning" else ""
            click.echo(f"{where}: {mark}{plain(finding.message)} ({finding.rule})")
        if not found:
            note(f"{model}: the prompt keeps every rule")
    return 1 if any(finding.severity == "error" for finding in found) else 0


def _finding(model: str, found: Finding) -> dict[str, str]:
    told = {"model": model, "rule": found.rule, "message": found.message}
    return told | {"severity": found.severity}


def _text(file: str) -> str:
    try:
        if file == "-":
            return sys.stdin.read()
        return Path(file).read_text("utf-8")
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file} is not UTF-8 text") from error


def _table(*headings: str, **numbers: str) -> Table:
    """A table whose first column, the names, is never cut."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for place, heading in enumerate(headings):
        table.add_column(heading, no_wrap=place != 1)
    for heading in numbers.values():
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _print(table: Table) -> None:
    from rich.console import Console

    Console(highlight=False).print(table)
