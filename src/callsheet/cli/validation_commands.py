"""`check` and `lint`: validate a workflow, and check a prompt against its model's rules."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from callsheet.cli.options import (
    date_or_today,
    debug_option,
    json_option,
    split_names,
    today_option,
    workflow_option,
)
from callsheet.cli.output import counted, note, print_json, wrapped
from callsheet.errors import InputError
from callsheet.exports.syntax import FORMS
from callsheet.exports.texts import printable

if TYPE_CHECKING:
    from datetime import datetime

    from callsheet.catalog.rules import Finding
    from callsheet.errors import Problem

EXIT_FINDINGS = 1
EXIT_INVALID = 2


@click.command()
@click.argument("path", default="oms")
@today_option
@json_option
@debug_option
def check(path: str, today: datetime | None, *, json: bool) -> int:
    """Validate a workflow with its groups and schemas, and list every problem.

    PATH is a name, a folder or a file (default: oms). Exits with 2 if there are problems. A group
    that was last checked too long ago is only a warning.
    """
    from callsheet.authoring.check import check_workflow
    from callsheet.authoring.groups import find_outdated

    problems = check_workflow(path)
    outdated = find_outdated(path, today=date_or_today(today))
    if json:
        print_json(
            [_problem_json(problem, "error") for problem in problems]
            + [_problem_json(problem, "warning") for problem in outdated]
        )
        return EXIT_INVALID if problems else 0
    for problem in problems:
        click.echo(wrapped(printable(str(problem)), indent="  "))
    for problem in outdated:
        note(f"warning: {problem}", indent="  ")
    if problems:
        note(f"{path}: {counted(len(problems), 'problem')}")
        return EXIT_INVALID
    click.echo(f"{path}: no problems found")
    return 0


def _problem_json(problem: Problem, severity: str) -> dict[str, str]:
    return {
        "file": problem.file,
        "path": problem.path,
        "message": problem.message,
        "hint": problem.hint,
        "severity": severity,
    }


@click.command()
@click.argument("files", metavar="FILE|-...", nargs=-1, required=True)
@click.option(
    "--model", required=True, metavar="MODEL", help="Model whose rules apply, such as SORA_2_A."
)
@click.option(
    "--idea", default="", metavar="TEXT", help="Idea that the prompts must keep, in English."
)
@click.option(
    "--for",
    "tools",
    callback=split_names,
    metavar="A,B",
    help=f"Tools that the prompts go to: {', '.join(FORMS)}. Default: those that the group names.",
)
@workflow_option
@json_option
@debug_option
def lint(files: tuple[str, ...], model: str, workflow: str, *, json: bool, **options: Any) -> int:
    """Check prompts, one in each FILE or on stdin (-), against the rules of their model.

    Of a prompt with several fields, a file holds the JSON object, or the main field as plain text.
    With --idea, the prompts must also keep what the idea names: things, counts, sides and lettering.
    With --for, what a tool would read as syntax instead of text is a warning.
    Exits with 1 if there are errors; warnings alone exit with 0.
    """
    from callsheet.authoring.lint import lint as find_findings

    findings = [
        (file, finding)
        for file, text in [(file, _read_text(file)) for file in files]
        for finding in find_findings(text, model, workflow, options["idea"], options["tools"] or ())
    ]
    if json:
        print_json([_finding_json(file, model, finding) for file, finding in findings])
    else:
        for file, finding in findings:
            named = f"{file}: " if len(files) > 1 else ""
            click.echo(wrapped(printable(f"{named}{_finding_line(finding)}"), indent="  "))
        for file in [each for each in files if each not in {file for file, _ in findings}]:
            note(f"{file}: no findings" if len(files) > 1 else f"{model}: no findings")
    return EXIT_FINDINGS if any(each.severity == "error" for _, each in findings) else 0


def _finding_line(finding: Finding) -> str:
    severity = "warning: " if finding.severity == "warning" else ""
    source = f"; {finding.source}" if finding.source else ""
    known = f"({finding.rule}, {finding.kind}{source})"
    return f"{'.'.join(finding.path[1:])}: {severity}{finding.message} {known}"


def _finding_json(file: str, model: str, finding: Finding) -> dict[str, str]:
    return {
        "file": file,
        "model": model,
        "rule": finding.rule,
        "kind": finding.kind,
        "source": finding.source,
        "message": finding.message,
        "severity": finding.severity,
    }


def _read_text(file: str) -> str:
    from callsheet.batches.sheet_reader import encoding_of

    try:
        written = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return written.decode(encoding_of(written)).removeprefix("\ufeff").replace("\r\n", "\n")
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file} is not text: it is neither UTF-8 nor UTF-16", hint="save it as UTF-8"
        ) from error
