"""Writes a run's results to a folder: `prompts.json` for programs, `prompts.md` for people."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

from callsheet.cli.printing import set_this, texts
from callsheet.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
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
    _write(folder / "prompts.json", json.dumps(document, ensure_ascii=False, indent=2) + "\n")
    _write(folder / "prompts.md", "\n".join(_markdown(document)) + "\n")


def _markdown(document: Mapping[str, Any]) -> Iterator[str]:
    brief = document["brief"]
    yield f"# {brief.get('idea', document['run'])}"
    yield ""
    for key, value in brief.items():
        if key != "idea":
            yield f"* {key.replace('_', ' ')}: {value}"
    yield f"* written by: {document['llm']}, run {document['run']}"
    for category, prompts in document["prompts"].items():
        if prompts:
            yield f"\n## {category.replace('_', ' ').capitalize()}"
        for model, prompt in prompts.items():
            yield from _sections(model, prompt, document["settings"].get(model, ()))


def _sections(model: str, prompt: Any, settings: Sequence[str]) -> Iterator[str]:
    """A model's texts, each under a heading; above the first, what is to be set outside them."""
    told = set_this(settings)
    for name, text in texts({model: prompt}):
        fence = "`" * (1 + max(map(len, re.findall("`{2,}", text)), default=2))
        yield f"\n### {name}\n"
        if told:
            yield f"{told[:1].upper()}{told[1:]}.\n"
            told = ""
        yield f"{fence}text\n{text}\n{fence}"


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
