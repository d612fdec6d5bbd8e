"""The prompts as JSON: one object for each, with its metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from callsheet.exports.export_format import ExportFormat
from callsheet.exports.texts import as_json

if TYPE_CHECKING:
    from callsheet.exports.prompt_set import ExportedPrompt, PromptSet


def write(prompts: PromptSet) -> str:
    """The run, its brief, and its prompts in order; a prompt of several fields is an object."""
    return as_json(
        {
            "run": prompts.run,
            "workflow": prompts.workflow,
            "llm": prompts.llm,
            "brief": prompts.brief,
            **({"chosen": prompts.chosen} if prompts.chosen else {}),
            **({"noted": prompts.noted} if prompts.noted else {}),
            "prompts": [_entry(entry) for entry in prompts.entries],
        }
    )


def _entry(entry: ExportedPrompt) -> dict[str, Any]:
    return {
        "category": entry.category,
        "group": entry.group,
        "model": entry.model,
        "prompt": entry.prompt,
        "set": list(entry.settings),
        **({"image": entry.image.to_json()} if entry.image else {}),
    }


EXPORT = ExportFormat("json", "JSON", "json", "application/json", write, names_images=True)
