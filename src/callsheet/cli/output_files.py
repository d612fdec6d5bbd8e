"""Writes results to files, each whole or not at all: `prompts.json`, `prompts.md`, an export."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from callsheet.errors import StorageError
from callsheet.exports.forms import markdown
from callsheet.exports.texts import as_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from callsheet.exports.prompt_set import PromptSet


def make_folder(folder: Path) -> None:
    """The folder, made where it is missing; raises StorageError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"the folder {folder} cannot be made: {error.strerror}", hint="name another --output"
        ) from error


def write_results(folder: Path, document: Mapping[str, Any], sheet: PromptSet) -> None:
    """`prompts.json` for programs, the whole document, and `prompts.md` for people."""
    write_file(folder / "prompts.json", as_json(document))
    write_file(folder / "prompts.md", markdown.write(sheet))


def write_file(path: Path, text: str) -> None:
    """The text in this file, its line ends as they are; raises StorageError."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, "utf-8", errors="replace", newline="")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageError(
            f"{path} cannot be written: {error.strerror}",
            hint="free that place or name another --output; `callsheet show` has the prompts",
        ) from error
