"""The forms in which a run's prompts leave callsheet: an extension is an entry in the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from callsheet.errors import InputError, UnknownNameError
from callsheet.exports import a1111, comfyui, csv_file, json_file, markdown, midjourney

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from callsheet.exports.prompt_set import PromptSet


@dataclass(frozen=True)
class ExportFormat:
    """A form: what a person calls it, the end of its file's name, and how a sheet is written so.

    A `choosy` one takes only texts whose named format names it, and has no place for what a person
    must set beside them, unless it `tells` it.
    """

    title: str
    suffix: str
    media_type: str
    write: Callable[[PromptSet], str]
    choosy: bool = False
    tells: bool = True


EXPORTS: Mapping[str, ExportFormat] = {
    "midjourney": ExportFormat(
        "Midjourney", "midjourney.txt", "text/plain", midjourney.write, choosy=True, tells=False
    ),
    "a1111": ExportFormat(
        "A1111", "a1111.txt", "text/plain", a1111.write, choosy=True, tells=False
    ),
    "comfyui": ExportFormat(
        "ComfyUI", "comfyui.json", "application/json", comfyui.write, choosy=True
    ),
    "csv": ExportFormat("CSV", "csv", "text/csv", csv_file.write),
    "md": ExportFormat("Markdown", "md", "text/markdown", markdown.write),
    "json": ExportFormat("JSON", "json", "application/json", json_file.write),
}


def find_export(name: str) -> ExportFormat:
    """The form of this name; raises UnknownNameError."""
    if name not in EXPORTS:
        raise UnknownNameError("export format", name, EXPORTS)
    return EXPORTS[name]


def available_exports(sheet: PromptSet) -> list[str]:
    """The forms that have a place for at least one of the sheet's prompts."""
    if not sheet.entries:
        return []
    return [
        name
        for name, export in EXPORTS.items()
        if not export.choosy or any(True for _ in sheet.ready_for(name))
    ]


def render_export(name: str, sheet: PromptSet) -> str:
    """The sheet in this form; raises InputError where none of its prompts has a place there."""
    export = find_export(name)
    fit = available_exports(sheet)
    if not fit:
        raise InputError(f"{sheet.run} has no prompts yet", hint=f"`callsheet resume {sheet.run}`")
    if name not in fit:
        raise InputError(
            f"none of these prompts is written for {export.title}",
            hint=f"formats that take them: {', '.join(fit)}",
        )
    return export.write(sheet)


def skipped_prompts(name: str, sheet: PromptSet) -> list[str]:
    """The models whose prompts this form has no place for."""
    if not find_export(name).choosy:
        return []
    taken = [text for _, text in sheet.ready_for(name)]
    used = {each.name for text in taken for each in (text, text.negative) if each}
    return [
        entry.model for entry in sheet.entries if not any(text.name in used for text in entry.texts)
    ]
