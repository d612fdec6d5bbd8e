"""`groups review`: check what a model group claims, and write down what was found."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from callsheet.cli.line_reader import is_terminal
from callsheet.cli.options import (
    date_or_today,
    debug_option,
    json_option,
    today_option,
    workflow_option,
)
from callsheet.cli.output import counted, note, print_json, wrapped
from callsheet.errors import InputError
from callsheet.exports.texts import printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from callsheet.authoring.review import Claim, GroupReview

EXIT_INVALID = 2

NOT_CHECKED = "?"
"""What a person enters for a claim that was not checked."""


@click.command(short_help="Check what a group claims against its sources.")
@click.argument("name")
@click.option(
    "--checked",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="Write that all claims were checked on DATE and hold.",
)
@click.option(
    "--claim", type=click.IntRange(1), metavar="N", help="Change the claim with this number."
)
@click.option("--text", default="", metavar="TEXT", help="What the claim says now.")
@click.option("--source", default="", metavar="TEXT", help="Its source now, or a source's address.")
@click.option("--grade", default="", metavar="GRADE", help="Its grade now: A, B, C or ?.")
@workflow_option
@today_option
@json_option
@debug_option
def review(name: str, workflow: str, *, json: bool, **options: Any) -> int:
    """List what the model group NAME claims: each claim with its source, date and grade.

    In a terminal, asks whether each claim still holds. In scripts, --claim N with --text, --source
    or --grade changes one, and --checked DATE confirms all. Changes files only in a workflow of
    your own or in a source checkout, then checks the workflow. Exits with 2 if there are problems.
    """
    from callsheet.authoring.review import GroupReview

    reviewed, today = GroupReview(name, workflow), date_or_today(options["today"]).isoformat()
    if options["claim"] or options["checked"]:
        _apply(reviewed, options, today)
        left = [] if options["checked"] else [NOT_CHECKED]
    else:
        claims = reviewed.claims()
        if json:
            print_json([{"number": n, **_as_json(each)} for n, each in enumerate(claims, start=1)])
            return 0
        _print_claims(reviewed, claims)
        reviewed.folder()
        if not is_terminal():
            return 0
        left = _ask(reviewed, claims, today)
    return _report(GroupReview(name, workflow), left, json=json)


def _apply(reviewed: GroupReview, options: dict[str, Any], today: str) -> None:
    """Changes one claim, confirms all, or both."""
    from callsheet.authoring.review import GRADES, Correction

    checked: datetime | None = options["checked"]
    day = checked.date().isoformat() if checked else today
    if day > today:
        raise InputError(f"{day} is in the future", hint="give the day of the check")
    if options["claim"]:
        claims = reviewed.claims()
        parts = {name: options[name].strip() for name in ("text", "source", "grade")}
        if options["claim"] > len(claims):
            raise InputError(
                f"there are {counted(len(claims), 'claim')}", hint="--claim N names one"
            )
        if not any(parts.values()):
            raise InputError("nothing to change", hint="add --text, --source or --grade")
        if parts["grade"] not in ("", *GRADES):
            raise InputError(f"{parts['grade']!r:.40} is no grade", hint=f"use {', '.join(GRADES)}")
        reviewed.change(claims[options["claim"] - 1], Correction(day, **parts))
    if checked:
        reviewed.confirm(day)


def _ask(reviewed: GroupReview, claims: Sequence[Claim], today: str) -> list[str]:
    """Asks about each claim and writes each answer at once; returns the numbers of those left."""
    from callsheet.authoring.review import Correction

    note(f"Enter: it still holds; {NOT_CHECKED}: not checked; or enter what holds now")
    left: list[str] = []
    for number, claim in enumerate(claims, start=1):
        answer = ""
        while True:
            question = f"{number}/{len(claims)} {claim.about}: {claim.text}"
            answer = click.prompt(printable(question), "", show_default=False, err=True).strip()
            try:
                if answer not in ("", NOT_CHECKED):
                    reviewed.change(claim, Correction(today, answer))
                break
            except InputError as error:
                note(f"{error.message}; {error.hint}")
        left += [str(number)] if answer == NOT_CHECKED else []
    if not left:
        reviewed.confirm(today)
    return left


def _report(reviewed: GroupReview, left: Sequence[str], *, json: bool) -> int:
    """Checks the workflow and says what is left to be done."""
    from callsheet.authoring.check import check_workflow

    problems = check_workflow(reviewed.workflow)
    if json:
        claims = enumerate(reviewed.claims(), start=1)
        print_json([{"number": n, **_as_json(each)} for n, each in claims])
    elif not left:
        click.echo(f"{reviewed.group.name}: checked on {reviewed.group.checked}")
    else:
        which = "" if NOT_CHECKED in left else f"; not checked: {', '.join(left)}"
        date = f"the date of the check stays {reviewed.group.checked}"
        click.echo(f"{reviewed.group.name}: {date}{which}")
    for problem in problems:
        note(str(problem), indent="  ")
    return EXIT_INVALID if problems else 0


def _print_claims(reviewed: GroupReview, claims: Sequence[Claim]) -> None:
    group = reviewed.group
    checked = f"checked on {group.checked}" if group.checked else "never checked"
    click.echo(f"{group.label} ({group.name}), {checked}: {counted(len(claims), 'claim')}\n")
    for number, claim in enumerate(claims, start=1):
        graded = f"grade {claim.grade}" if claim.grade else ""
        line = printable(f"[ ] {number}. {claim.about}: {claim.text}")
        date = "" if claim.date in claim.source else claim.date
        known = printable(", ".join(part for part in (claim.source, date, graded) if part))
        click.echo(wrapped(line, indent="       "))
        click.echo(wrapped(f"       {known}", indent="       "))


def _as_json(claim: Claim) -> dict[str, Any]:
    """A claim without its place, which is of use to this program alone."""
    fields = asdict(claim)
    return {name: fields[name] for name in fields if name != "place"}
