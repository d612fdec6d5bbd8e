"""`init` and `groups new`: files to make one's own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from callsheet.cli.options import debug_option
from callsheet.cli.output import note


@click.command()
@click.argument("folder", metavar="DIR")
@click.option(
    "--from",
    "source",
    default="studio",
    metavar="WORKFLOW",
    help="Which workflow is copied: studio or oms (default: studio).",
)
@debug_option
def init(folder: str, source: str) -> None:
    """Copy a workflow into the new folder DIR, with its groups, to make it your own."""
    from callsheet.authoring.scaffold import copy_workflow

    written = copy_workflow(source, Path(folder))
    click.echo(f"{folder}: a copy of {source}, {len(written)} files")
    note(f"run it: callsheet run {folder} --idea ...")
    note(f"a group of your own: callsheet groups new NAME --category ... --workflow {folder}")


@click.command()
@click.argument("name")
@click.option(
    "--category", required=True, help="What it writes for: image_generation or video_generation."
)
@click.option(
    "--workflow",
    default=".",
    metavar="DIR",
    help="The folder of your workflow (default: this one).",
)
@debug_option
def new(name: str, category: str, workflow: str) -> None:
    """Begin the group NAME in a workflow of yours: all its files, to be filled in.

    `callsheet check` then tells line by line what is still to be written.
    """
    from callsheet.authoring.scaffold import new_group

    for path in new_group(name, category, Path(workflow), datetime.now(UTC).date()):
        click.echo(Path(workflow) / path)
    note(f"what is still to be written: callsheet check {workflow}")
