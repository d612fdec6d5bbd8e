"""`runs`, `show` and `delete`: list, show and delete stored runs."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from callsheet.cli.batch_reporter import job_text
from callsheet.cli.exit import print_error
from callsheet.cli.options import RUN_HELP, debug_option, json_option
from callsheet.cli.output import (
    counted,
    note,
    note_command,
    print_document,
    print_json,
    print_prompts,
    summary,
)
from callsheet.errors import StorageError, UnknownNameError
from callsheet.exports.texts import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from callsheet.documents import RunDocument
    from callsheet.runs.job_records import JobRecord
    from callsheet.runs.listing import RunFilter
    from callsheet.runs.service import RunService

MAX_TITLE, LEAST_TITLE = 60, 20
"""How wide a title of the list may be, and how wide it is on a terminal however narrow."""

GAP = "  "


@click.command()
@click.option(
    "--rescue",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Copy what can be read of a damaged store into a new one. FILE itself is kept as it is.",
)
@click.option(
    "--search",
    default="",
    metavar="TEXT",
    help="Only runs with all these words in their brief, groups, models, prompts, title or note.",
)
@click.option("--favourite", is_flag=True, help="Only favourites.")
@json_option
@debug_option
def runs(*, rescue: Path | None, search: str, favourite: bool, json: bool) -> int | None:
    """List the stored runs, newest first.

    A search takes words of any script, whatever their case and accents, and lists rows of batches
    one by one.
    """
    if rescue is not None:
        return _rescue(rescue, json=json)
    from callsheet.runs.listing import RunFilter

    wanted = RunFilter(search, favourite=favourite)
    rows, jobs = asyncio.run(_runs_and_jobs(_service(), wanted))
    for row in rows:
        row["started"] = datetime.fromtimestamp(row["started"], UTC).isoformat(timespec="seconds")
    if json:
        print_json(rows)
    elif not rows:
        narrow = wanted != RunFilter()
        note("no run matches" if narrow else "no run is stored yet; `callsheet run` starts one")
    else:
        _print_table(rows)
        for job in jobs:
            note(f"\njob {job.id} of {job.batch}: {job_text(job)}")
            if job.command:
                note_command("to continue", job.command)
    return None


async def _runs_and_jobs(
    service: RunService, wanted: RunFilter
) -> tuple[list[dict[str, Any]], list[JobRecord]]:
    from callsheet.runs.job_records import JobRecords

    jobs = await JobRecords(service.store).all()
    return await service.runs(wanted), [job for job in jobs if job.is_live]


@click.command(epilog=RUN_HELP)
@click.argument("name", metavar="RUN")
@click.option("--model", metavar="MODEL", help="Print only the prompt of this model.")
@click.option("--attempts", is_flag=True, help="Show the result of every attempt of every step.")
@click.option("--follow", is_flag=True, help="Wait until the run ends or asks a question.")
@json_option
@debug_option
def show(name: str, model: str | None, *, attempts: bool, follow: bool, json: bool) -> None:
    """Show the prompts of a run."""
    service = _service()
    if follow:
        name = asyncio.run(_follow(service, name))
    document = asyncio.run(service.show(name))
    if model is not None:
        _print_prompt(document, model)
    elif json:
        print_json(dict(document))
    elif attempts:
        _print_attempts(document["attempts"])
    else:
        _print_whole(document)


def _print_whole(document: RunDocument) -> None:
    print_document(document)
    note(f"\n{document['run']}: {document['status']}, written by {document['llm']}")
    if (noted := document.noted) and (noted.title or noted.text or noted.favourite):
        parts = ("favourite" if noted.favourite else "", noted.title, noted.text)
        note("noted: " + "; ".join(filter(None, parts)))
    if "job" in document:
        note(f"it waits for the provider job {document['job']}; `callsheet runs` lists the jobs")
    if line := summary(document):
        note(line)
    if "error" in document:
        print_error(document["error"]["message"], document["error"]["hint"])


@click.command(epilog=RUN_HELP)
@click.argument("name", metavar="RUN")
@json_option
@debug_option
def delete(name: str, *, json: bool) -> None:
    """Delete a run permanently, or a batch with all its runs."""
    run = asyncio.run(_service().delete(name))
    if json:
        print_json({"deleted": run})
    else:
        note(f"deleted {run}")


def _rescue(file: Path, *, json: bool) -> int:
    """Copies what can be read, and says what could not; returns the exit status."""
    from callsheet.runs.rescue import rescue_runs
    from callsheet.settings import read_settings

    report = asyncio.run(rescue_runs(read_settings(), file))
    rescued = report.rescued
    if json:
        places = {"damaged": str(report.damaged), "store": report.store}
        print_json(places | asdict(rescued))
    else:
        count = len(rescued.complete) + len(rescued.partial)
        note(f"{counted(count, 'run')} copied to {report.store}")
        for run, (copied, last) in rescued.partial.items():
            lost = f" of {last}" if last > copied else "; it was not finished, or its end is lost"
            note(f"{run}: only its first {copied} events{lost}")
        for run in rescued.unreadable:
            note(f"{run}: cannot be read")
        for run in rescued.without_files:
            note(f"{run}: its workflow's files are lost; `callsheet retry` uses the current ones")
        for run in rescued.present:
            note(f"{run}: was there already")
        note(f"the damaged file is kept as {report.damaged}")
    return 0 if rescued.complete or rescued.partial or rescued.present else StorageError.exit_code


async def _follow(service: RunService, name: str) -> str:
    """Shows the run's progress while another process executes it; returns the run's full name."""
    from callsheet.cli.run_reporter import RunReporter
    from callsheet.runs.follow import observe

    reporter = RunReporter(json=False, output=None)
    session = await observe(service, name, reporter.on_event)
    run = session.view.run
    if session.holder and session.view.status == "running":
        reporter.note_following(session.holder)
        if not await session.watch():
            note_command(
                "no process is executing the run any more; to resume it", f"callsheet resume {run}"
            )
    return run


def _service() -> RunService:
    from callsheet.runs.service import RunService
    from callsheet.settings import read_settings

    return RunService(read_settings())


def _print_prompt(document: Mapping[str, Any], model: str) -> None:
    prompts = {k: v for each in document["prompts"].values() for k, v in each.items()}
    if model not in prompts:
        raise UnknownNameError("prompt for the model", model, prompts)
    prompt = prompts[model]
    click.echo(
        printable(prompt)
        if isinstance(prompt, str)
        else json.dumps(prompt, ensure_ascii=False, indent=2)
    )


def _print_attempts(attempts: list[dict[str, Any]]) -> None:
    for attempt in attempts:
        ended = datetime.fromtimestamp(attempt["ended"], UTC).isoformat(" ", "seconds")[:19]
        click.echo(
            f"\n{attempt['step']}, attempt {attempt['attempt']}: {attempt['result']}, {ended} UTC"
        )
        print_prompts(attempt["prompts"])


def _print_table(rows: list[dict[str, Any]]) -> None:
    """Prints a line for each run: thousands of them at once, which a table of Rich takes seconds for."""
    from rich.cells import cell_len, chop_cells

    printed: list[str] = []
    lines = [("run", "workflow", "status", "started (UTC)", "title"), *map(_cells, rows)]
    widths = [max(map(cell_len, column)) for column in list(zip(*lines, strict=True))[:-1]]
    room = MAX_TITLE
    if sys.stdout.isatty():
        left = shutil.get_terminal_size().columns - sum(width + len(GAP) for width in widths)
        room = min(room, max(left, LEAST_TITLE))
    for number, (*cells, title) in enumerate(lines):
        padded = [
            cell + " " * (width - cell_len(cell)) for cell, width in zip(cells, widths, strict=True)
        ]
        short = f"{chop_cells(title, room - 1)[0]}…" if cell_len(title) > room else title
        line = GAP.join([*padded, short]).rstrip()
        printed.append(line if number else click.style(line, dim=True))
    click.echo("\n".join(printed))


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    name = f"{row['run']} ({row['runs']:,} runs)" if "runs" in row else row["run"]
    started = row["started"].replace("T", " ").removesuffix("+00:00")
    title = ("★ " if row["favourite"] else "") + printable(" ".join(row["title"].split()))
    return name, row["workflow"], row["status"], started, title
