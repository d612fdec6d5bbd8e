"""`groups`: list the model groups of a workflow."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click

from callsheet.cli.options import (
    date_or_today,
    debug_option,
    json_option,
    today_option,
    workflow_option,
)
from callsheet.cli.output import counted, note, note_command, print_json
from callsheet.cli.review_command import review
from callsheet.cli.scaffold_commands import new
from callsheet.cli.tables import build_table, print_table

if TYPE_CHECKING:
    from datetime import date, datetime


@click.group(invoke_without_command=True)
@workflow_option
@click.option("--older", is_flag=True, help="Also list the groups that newer ones replace.")
@today_option
@json_option
@debug_option
@click.pass_context
def groups(
    context: click.Context, workflow: str, today: datetime | None, *, older: bool, json: bool
) -> None:
    """List the model groups: name, models, tokens that each adds, and age of the last check."""
    if context.invoked_subcommand is not None:
        return
    from callsheet.authoring.groups import list_groups

    day = date_or_today(today)
    every = list_groups(workflow, today=day)
    found = [group for group in every if older or not group["successor"]]
    if json:
        print_json(found)
        return
    for category in dict.fromkeys(group["category"] for group in found):
        members = [group for group in found if group["category"] == category]
        _print_category(category.replace("_", " "), members, day)
    if hidden := len(every) - len(found):
        command = shlex.join(["callsheet", "groups", "--workflow", workflow, "--older"])
        note_command(f"to also list {counted(hidden, 'older group')}", command)


groups.add_command(new)
groups.add_command(review)


def _print_category(title: str, groups: list[dict[str, Any]], today: date) -> None:
    table = build_table(title, "description", "models", tokens="tokens", age="checked")
    for group in groups:
        description = f"{group['label']}\n[dim]{group['description']}[/]"
        tokens = "-" if group["tokens"] is None else f"{group['tokens']:,}"
        models = "\n".join(group["models"])
        table.add_row(group["name"], description, models, tokens, _freshness(group, today))
    print_table(table)
    click.echo()
    for group in groups:
        if group["notice"]:
            note(f"{group['notice']}\n")
        if group["problems"]:
            note(f"{group['name']} cannot be used yet: {group['problems'][0]}\n")


def _freshness(group: dict[str, Any], today: date) -> str:
    """How long ago a group was checked, or why one should take another."""
    if group["closed"] and group["closed"]["date"] <= today.isoformat():
        return "[red]closed[/]"
    if group["successor"]:
        return "[dim]replaced[/]"
    if group["problems"]:
        return "[yellow]unfinished[/]"
    age = group["age"] or "-"
    return f"[yellow]{age}[/]" if group["outdated"] else age
