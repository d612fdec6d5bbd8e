"""`export`: write the prompts of a run in the format of another tool."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from callsheet.cli.options import RUN_HELP, debug_option, split_names
from callsheet.cli.output import note
from callsheet.errors import InputError
from callsheet.exports.registry import (
    EXPORTS,
    all_exports,
    find_export,
    misread_parts,
    render_export,
    skipped_prompts,
)
from callsheet.exports.texts import printable, settings_sentence

if TYPE_CHECKING:
    from callsheet.exports.prompt_set import PromptSet
    from callsheet.runs.service import RunService

STDOUT = "-"


@click.command(epilog=RUN_HELP)
@click.argument("name", metavar="RUN")
@click.option(
    "--format",
    "format_name",
    metavar="FORMAT",
    help=f"{', '.join(EXPORTS)}. Default: from the file extension of --output.",
)
@click.option(
    "--model", "models", metavar="A,B", callback=split_names, help="Export only these models."
)
@click.option(
    "--output",
    metavar="FILE|-",
    help="File to write, or folder for a file named after the run (default: stdout).",
)
@click.option("--clipboard", is_flag=True, help="Copy the export to the clipboard.")
@click.option("--json", is_flag=True, help="Same as --format json.")
@debug_option
def export(
    name: str, format_name: str | None, output: str | None, *, clipboard: bool, **options: Any
) -> None:
    """Export the prompts of a run for Midjourney, A1111 or ComfyUI, or as CSV, Markdown or JSON."""
    from callsheet.runs.service import RunService
    from callsheet.settings import read_settings

    format_name = _choose_format(format_name or ("json" if options["json"] else None), output)
    service = RunService(read_settings())
    prompts = asyncio.run(service.prompt_set(name))
    if options["models"]:
        prompts = prompts.only(options["models"])
    text = render_export(format_name, prompts)
    if output not in (None, STDOUT):
        path = _write(text, str(output), f"{prompts.run}.{find_export(format_name).suffix}")
        if find_export(format_name).names_images:
            _write_images(service, prompts, path.parent)
    if clipboard:
        from callsheet.cli.clipboard import copy

        note(f"copied to the clipboard with {copy(text)}")
    if output == STDOUT or (output is None and not clipboard):
        click.echo(printable(text) if sys.stdout.isatty() else text, nl=False)
    _note_omitted(format_name, prompts)


def _choose_format(given: str | None, output: str | None) -> str:
    """The name of the format: given explicitly, or the file extension; raises InputError."""
    known = all_exports()
    name = given or Path(output or "").suffix.lower().removeprefix(".")
    if given is None and name not in known:
        unknown = f", and no format has the file extension '.{name}'" if name else ""
        raise InputError(
            f"--format is missing{unknown}",
            hint=f"one of {', '.join(known)}, or --output FILE.csv",
        )
    find_export(name)
    return name


def _write(text: str, output: str, default_name: str) -> Path:
    """Writes the file, or one of the default name into a folder; a name that ends with `/` is one."""
    from callsheet.cli.output_files import create_folder, write_file

    path = Path(output)
    if output.endswith("/"):
        create_folder(path)
    path = path / default_name if path.is_dir() else path
    replaced = " (replaced the existing file)" if path.exists() else ""
    write_file(path, text)
    note(f"wrote {path}{replaced}")
    return path


def _write_images(service: RunService, prompts: PromptSet, folder: Path) -> None:
    """Writes the rendered images beside the file that names them."""
    from callsheet.cli.output_files import write_file
    from callsheet.runs.notes import rendered_files

    for name, content in asyncio.run(rendered_files(service.store, prompts)).items():
        write_file(folder / name, content)
        note(f"wrote {folder / name}")


def _note_omitted(format_name: str, prompts: PromptSet) -> None:
    """Notes what the format cannot hold: prompts for other models, texts as they are, and settings."""
    export = find_export(format_name)
    if others := skipped_prompts(format_name, prompts):
        note(f"omitted, not written for {export.title}: {', '.join(others)}")
    for line in misread_parts(format_name, prompts):
        note(line)
    if not export.shows_settings:
        settings = {entry.model: entry.settings for entry, _ in export.accepted(prompts)}
        for model, lines in settings.items():
            if lines:
                note(f"{model}: {settings_sentence(lines)}")
