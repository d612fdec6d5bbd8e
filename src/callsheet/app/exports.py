"""The forms in which a run's prompts leave callsheet: an extension is an entry in the table."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from callsheet.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


@dataclass(frozen=True)
class Export:
    """A form: what a person calls it, the end of its file's name, and how a document is written so."""

    title: str
    suffix: str
    media_type: str
    write: Callable[[Mapping[str, Any]], str]


def texts(prompts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each text with its name; a prompt of several fields gives several."""
    for name, prompt in prompts.items():
        if isinstance(prompt, dict):
            for inner, text in texts(prompt):
                yield f"{name}.{inner}", text
        else:
            yield name, str(prompt)


def find_export(name: str) -> Export:
    """The form of this name; raises UnknownNameError."""
    if name not in EXPORTS:
        raise UnknownNameError("export", name, EXPORTS)
    return EXPORTS[name]


def as_json(document: Mapping[str, Any]) -> str:
    """The whole document."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def as_markdown(document: Mapping[str, Any]) -> str:
    """A page to read and to copy from."""
    return "\n".join(_markdown(document)) + "\n"


def as_csv(document: Mapping[str, Any]) -> str:
    """One line for each text; nothing in it is a formula to a spreadsheet."""
    import csv
    import io

    table = io.StringIO()
    lines = csv.writer(table)
    lines.writerow(("category", "model", "characters", "prompt"))
    for category, prompts in document["prompts"].items():
        for name, text in texts(prompts):
            lines.writerow((category, name, len(text), _harmless(text)))
    return table.getvalue()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def set_this(lines: Sequence[str]) -> str:
    """What a person sets beside the prompt, in one line; nothing where there is nothing."""
    return f"set: {'; '.join(lines)}" if lines else ""


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


EXPORTS: Mapping[str, Export] = {
    "markdown": Export("Markdown", "md", "text/markdown", as_markdown),
    "json": Export("JSON", "json", "application/json", as_json),
    "csv": Export("CSV", "csv", "text/csv", as_csv),
}
