"""Writes a run's results to a folder: `prompts.json` for programs, `prompts.md` for people."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from callsheet.app.exports import as_json, as_markdown
from callsheet.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def make_folder(folder: Path) -> None:
    """The folder, made where it is missing; raises StorageError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"the folder {folder} cannot be made: {error.strerror}", hint="name another --output"
        ) from error


def write_results(folder: Path, document: Mapping[str, Any]) -> None:
    """Both files, each whole or not at all; raises StorageError."""
    _write(folder / "prompts.json", as_json(document))
    _write(folder / "prompts.md", as_markdown(document))


def _write(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, "utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageError(
            f"{path} cannot be written: {error.strerror}",
            hint="free that place or name another --output; `callsheet show` has the prompts",
        ) from error
