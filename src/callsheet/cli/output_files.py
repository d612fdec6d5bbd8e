"""Writes results to files atomically: `prompts.json`, `prompts.md` or an export."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from callsheet.errors import OutputUnwritableError
from callsheet.exports.forms import markdown
from callsheet.exports.texts import as_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from callsheet.exports.prompt_set import PromptSet


def create_folder(folder: Path) -> None:
    """Creates the folder if it does not exist; raises OutputUnwritableError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputUnwritableError(
            f"cannot create the folder {folder}: {error.strerror}", hint="choose another --output"
        ) from error


def write_results(folder: Path, document: Mapping[str, Any], prompts: PromptSet) -> None:
    """Writes the document to `prompts.json` and the prompts to `prompts.md`."""
    write_file(folder / "prompts.json", as_json(dict(document)))
    write_file(folder / "prompts.md", markdown.write(prompts))


def write_file(path: Path, content: str | bytes) -> None:
    """Writes a text with its line ends unchanged, or bytes; raises OutputUnwritableError."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(
            content if isinstance(content, bytes) else content.encode("utf-8", "replace")
        )
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OutputUnwritableError(
            f"cannot write {path}: {error.strerror}",
            hint="choose another --output; `callsheet show` prints the prompts of a run",
        ) from error
