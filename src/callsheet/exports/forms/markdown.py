"""The prompts as a Markdown page: a section for each text."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from callsheet.exports.export_format import ExportFormat
from callsheet.exports.texts import code_fence, inert_markdown, settings_sentence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.exports.prompt_set import ExportedPrompt, PromptSet


def write(prompts: PromptSet) -> str:
    """The brief, then each text in a fence, under its category, its name and its group."""
    return "\n".join(_lines(prompts)) + "\n"


def _lines(prompts: PromptSet) -> Iterator[str]:
    idea = prompts.brief.get("idea", prompts.run)
    yield f"# {inert_markdown(str(prompts.noted.get('title', idea)))}"
    yield ""
    if "title" in prompts.noted:
        yield f"* idea: {inert_markdown(str(idea))}"
    for key, value in prompts.brief.items():
        if key != "idea":
            open_value = f"{prompts.chosen.get(key, '')} (left open)".strip()
            yield f"* {inert_markdown(key.replace('_', ' '))}: {inert_markdown(str(value or open_value))}"
    yield f"* written by: {inert_markdown(prompts.llm)}, run {prompts.run}"
    if "text" in prompts.noted:
        yield f"* note: {inert_markdown(str(prompts.noted['text']))}"
    for category, entries in groupby(prompts.entries, lambda entry: entry.category):
        yield f"\n## {category.replace('_', ' ').capitalize()}"
        for entry in entries:
            yield from _sections(entry)


def _sections(entry: ExportedPrompt) -> Iterator[str]:
    """A model's texts, each under a heading; above the first, its group and what is to be set."""
    settings = settings_sentence(entry.settings)
    beside = [f"{part}." for part in (entry.label, settings[:1].upper() + settings[1:]) if part]
    for text in entry.texts:
        yield f"\n### {inert_markdown(text.name)}\n"
        if beside:
            yield f"{inert_markdown(' '.join(beside))}\n"
            beside = []
        yield code_fence(text.text)
    if entry.image:
        yield f"\n![{inert_markdown(entry.model)}]({entry.image.file})"


EXPORT = ExportFormat("md", "Markdown", "md", "text/markdown", write, names_images=True)
