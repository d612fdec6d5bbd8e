"""`runs`, `show` and `delete`: the runs that are kept."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from callsheet.cli.options import debug_option, json_option
from callsheet.cli.output import as_json, note, plain, show_document, show_prompts, summary
from callsheet.errors import UnknownNameError

if TYPE_CHECKING:
    from callsheet.runs.service import RunService


@click.command()
@json_option
@debug_option
def runs(*, json: bool) -> None:
    """List the runs that are kept, newest first."""
    kept = asyncio.run(_service().runs())
    for row in kept:
        row["started"] = datetime.fromtimestamp(row["started"], UTC).isoformat(timespec="seconds")
    if json:
        as_json(kept)
    elif not kept:
        note("no run is stored yet; `callsheet run` starts one")
    else:
        _table(kept)


@click.command()
@click.argument("name", metavar="RUN")
@click.option("--model", metavar="MODEL", help="Print this model's bare prompt and nothing else.")
@click.option("--attempts", is_flag=True, help="Show what every attempt of every step brought.")
@click.option("--follow", is_flag=True, help="Wait until it ends or asks, whoever carries it on.")
@json_option
@debug_option
def show(name: str, model: str | None, *, attempts: bool, follow: bool, json: bool) -> None:
    """Show RUN: a run's name, its beginning, or `last`."""
    service = _service()
    if follow:
        name = asyncio.run(_followed(service, name))
    document = asyncio.run(service.show(name))
    if model is not None:
        _bare(document, model)
    elif json:
        as_json(document)
    elif attempts:
        _attempts(document["attempts"])
    else:
        show_document(document)
        note(f"\n{document['run']}: {document['status']}, written by {document['llm']}")
        note(summary(document))
        if "error" in document:
            note(f"{document['error']['message']} ({document['error']['hint']})")


@click.command()
@click.argument("name", metavar="RUN")
@json_option
@debug_option
def delete(name: str, *, json: bool) -> None:
    """Forget RUN, or a batch with all its runs, for good."""
    run = asyncio.run(_service().delete(name))
    if json:
        as_json({"deleted": run})
    else:
        note(f"{run} is deleted")


async def _followed(service: RunService, name: str) -> str:
    """Waits while somebody carries the run on, and tells what happens; answers with its whole name."""
    from callsheet.cli.run_commands import RunOutput
    from callsheet.runs.follow import observe

    session = await observe(service, name, RunOutput(json=False, output=None).hear)
    run = session.view.run
    if session.holder and session.view.status == "running":
        note(f"{session.holder} carries it on; Ctrl-C leaves it running")
        if not await session.watch():
            note(f"nobody carries it on any more: callsheet resume {run}")
    return run


def _service() -> RunService:
    from callsheet.runs.service import RunService
    from callsheet.settings import read_settings

    return RunService(read_settings())


def _bare(document: dict[str, Any], model: str) -> None:
    prompts = {k: v for each in document["prompts"].values() for k, v in each.items()}
    if model not in prompts:
        raise UnknownNameError("prompt for the model", model, prompts)
    text = prompts[model]
    click.echo(
        plain(text) if isinstance(text, str) else json.dumps(text, ensure_ascii=False, indent=2)
    )


def _attempts(attempts: list[dict[str, Any]]) -> None:
    for each in attempts:
        ended = datetime.fromtimestamp(each["ended"], UTC).isoformat(" ", "seconds")[:19]
        click.echo(f"\n{each['step']}, attempt {each['attempt']}: {each['result']}, {ended} UTC")
        show_prompts(each["prompts"])


def _table(kept: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("run", "workflow", "status", "started (UTC)"):
        table.add_column(heading)
    for row in kept:
        started = row["started"].replace("T", " ").removesuffix("+00:00")
        many = f" [dim]({row['runs']:,} runs)[/]" if "runs" in row else ""
        table.add_row(row["run"] + many, row["workflow"], row["status"], started)
    Console(soft_wrap=True).print(table)
