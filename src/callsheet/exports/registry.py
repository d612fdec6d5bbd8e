"""Finds export forms: the built-in ones in `exports/forms`, others in installed packages."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from callsheet.errors import CallsheetError, InputError, UnknownNameError
from callsheet.exports import forms
from callsheet.exports.export_format import ExportFormat
from callsheet.exports.syntax import misread
from callsheet.plugins import EXPORTS as POINT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from callsheet.exports.prompt_set import PromptSet

_ORDER = ("midjourney", "a1111", "comfyui", "csv", "md", "json")
"""The forms are listed in this order, any other behind them by name."""


def _built_in() -> Mapping[str, ExportFormat]:
    names = (f"{forms.__name__}.{file.name}" for file in iter_modules(forms.__path__))
    found = {export.name: export for name in names for export in [import_module(name).EXPORT]}
    ordered = [name for name in _ORDER if name in found]
    return {name: found[name] for name in [*ordered, *sorted({*found} - {*ordered})]}


EXPORTS: Mapping[str, ExportFormat] = _built_in()
"""The built-in forms by name: one for each file in `exports/forms`."""


def all_exports() -> dict[str, ExportFormat]:
    """The built-in forms, then the installed ones that can be loaded."""
    found = dict(EXPORTS)
    for name in POINT.entries():
        try:
            found.setdefault(name, find_export(name))
        except CallsheetError:
            continue  # `callsheet doctor` lists it with the reason
    return found


def find_export(name: str) -> ExportFormat:
    """The form of this name, built in or installed; raises UnknownNameError."""
    if name in EXPORTS:
        return EXPORTS[name]
    entries = POINT.entries()
    if name not in entries:
        raise UnknownNameError("export format", name, [*EXPORTS, *entries])
    return POINT.load(entries[name], ExportFormat)


def available_exports(prompts: PromptSet) -> list[str]:
    """The forms that take at least one of these prompts."""
    return [
        name
        for name, export in all_exports().items()
        if prompts.entries and (not export.selective or any(True for _ in export.accepted(prompts)))
    ]


def render_export(name: str, prompts: PromptSet) -> str:
    """The prompts in this form; raises InputError where it takes none of them."""
    export = find_export(name)
    available = available_exports(prompts)
    if not available:
        raise InputError(
            f"{prompts.run} has no prompts yet", hint=f"`callsheet resume {prompts.run}`"
        )
    if name not in available:
        raise InputError(
            f"none of these prompts is written for {export.title}",
            hint=f"formats that take them: {', '.join(available)}",
        )
    return export.write(prompts)


def misread_parts(name: str, prompts: PromptSet) -> list[str]:
    """What this form's tools would not read as text in these prompts, a line for each."""
    export = find_export(name)
    texts = [text for _, text in export.accepted(prompts)] if export.selective else []
    negatives = [text.negative for text in texts if text.negative]
    return [
        f"{text.name}: {line}"
        for text in dict.fromkeys((*texts, *negatives))
        for _, line in misread(text.text, name)
    ]


def skipped_prompts(name: str, prompts: PromptSet) -> list[str]:
    """The models whose prompts this form does not take."""
    export = find_export(name)
    if not export.selective:
        return []
    accepted = [text for _, text in export.accepted(prompts)]
    used = {each.name for text in accepted for each in (text, text.negative) if each}
    return [
        entry.model
        for entry in prompts.entries
        if not any(text.name in used for text in entry.texts)
    ]
