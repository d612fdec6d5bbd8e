"""`export`: a run's prompts in the form of the place where the pictures are made."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from callsheet.cli.options import debug_option, split_names
from callsheet.cli.output import note, plain
from callsheet.errors import InputError
from callsheet.exports.registry import (
    EXPORTS,
    all_exports,
    find_export,
    render_export,
    skipped_prompts,
)
from callsheet.exports.texts import settings_sentence

if TYPE_CHECKING:
    from callsheet.exports.prompt_set import PromptSet

STDOUT = "-"


@click.command()
@click.argument("name", metavar="RUN")
@click.option(
    "--format",
    "form",
    metavar="FORMAT",
    help=f"{', '.join(EXPORTS)}; where it is left out, the ending of --output says it.",
)
@click.option(
    "--model", "models", metavar="A,B", callback=split_names, help="These models' prompts alone."
)
@click.option(
    "--output",
    metavar="FILE|-",
    help="Write this file, or one named after RUN into this folder; default: stdout.",
)
@click.option("--clipboard", is_flag=True, help="Put it on the clipboard.")
@click.option("--json", is_flag=True, help="The same as --format json.")
@debug_option
def export(
    name: str, form: str | None, output: str | None, *, clipboard: bool, **options: Any
) -> None:
    """Write the prompts of RUN as Midjourney, A1111 or ComfyUI take them, or as a table.

    RUN is a run's name, its beginning, or `last`.
    """
    from callsheet.runs.service import RunService
    from callsheet.settings import read_settings

    form = _form(form or ("json" if options["json"] else None), output)
    sheet = asyncio.run(RunService(read_settings()).prompt_set(name))
    if options["models"]:
        sheet = sheet.only(options["models"])
    text = render_export(form, sheet)
    if output not in (None, STDOUT):
        _write(text, Path(str(output)), f"{sheet.run}.{find_export(form).suffix}")
    if clipboard:
        from callsheet.cli.clipboard import copy

        note(f"copied to the clipboard with {copy(text)}")
    if output == STDOUT or (output is None and not clipboard):
        click.echo(plain(text) if sys.stdout.isatty() else text, nl=False)
    _beside(form, sheet)


def _form(told: str | None, output: str | None) -> str:
    """The form's name, as told or as the file's ending says."""
    name = told or Path(output or "").suffix.lower().removeprefix(".")
    known = all_exports()
    if told is None and name not in known:
        raise InputError(
            "--format is missing", hint=f"one of {', '.join(known)}, or --output FILE.csv"
        )
    find_export(name)
    return name


def _write(text: str, path: Path, name: str) -> None:
    from callsheet.cli.output_files import write_file

    path = path / name if path.is_dir() else path
    there = path.exists()
    write_file(path, text)
    note(f"{path} is written" + (", in place of the file that was there" if there else ""))


def _beside(form: str, sheet: PromptSet) -> None:
    """What the form has no place for: prompts for other models, and what is to be set."""
    if others := skipped_prompts(form, sheet):
        note(f"left out, as they are not for {find_export(form).title}: {', '.join(others)}")
    export = find_export(form)
    if not export.shows_settings:
        told = {entry.model: entry.settings for entry, _ in export.accepted(sheet)}
        for model, settings in told.items():
            if settings:
                note(f"{model}: {settings_sentence(settings)}")
