"""`init` and `groups new`: create a workflow or a model group of your own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from callsheet.cli.options import debug_option
from callsheet.cli.output import note_command


@click.command()
@click.argument("folder", metavar="DIR")
@click.option(
    "--from",
    "source",
    default="studio",
    metavar="WORKFLOW",
    help="Workflow to copy: studio or oms (default: studio).",
)
@debug_option
def init(folder: str, source: str) -> None:
    """Copy a workflow and its groups to the new folder DIR to customize them."""
    from callsheet.authoring.scaffold import copy_workflow

    written = copy_workflow(source, Path(folder))
    click.echo(f"copied {source} to {folder}: {len(written)} files")
    note_command("to run it", f"callsheet run {folder} --idea ...")
    note_command("to add a group", f"callsheet groups new NAME --category ... --workflow {folder}")


@click.command()
@click.argument("folder", metavar="DIR")
@debug_option
def skill(folder: str) -> None:
    """Write an Agent Skill for assistants to DIR/callsheet.

    It has instructions and a sheet for each current model group. Assistants read skills from folders
    such as `.claude/skills` and `.agents/skills`.
    """
    from callsheet.authoring.skill import write_skill

    written = write_skill(Path(folder))
    click.echo(f"wrote {written[0].parent}: {len(written)} files")


@click.command(short_help="Create a model group in your own workflow.")
@click.argument("name")
@click.option("--category", required=True, help="image_generation or video_generation.")
@click.option(
    "--workflow",
    default=".",
    metavar="DIR",
    help="Folder of your workflow (default: the current folder).",
)
@debug_option
def new(name: str, category: str, workflow: str) -> None:
    """Create the files of the model group NAME in your own workflow.

    The files contain placeholders; `callsheet check` lists what is still to be written.
    """
    from callsheet.authoring.scaffold import new_group

    for path in new_group(name, category, Path(workflow), datetime.now(UTC).date()):
        click.echo(Path(workflow) / path)
    note_command("to list what is still to be written", f"callsheet check {workflow}")
