"""The prompts for a program: one object for each, with all that is told of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from callsheet.exports.prompt_set import ExportedPrompt, PromptSet


def write(sheet: PromptSet) -> str:
    """The run, its brief, and its prompts in order; a prompt of several fields is an object."""
    return as_json(
        {
            "run": sheet.run,
            "workflow": sheet.workflow,
            "llm": sheet.llm,
            "brief": sheet.brief,
            "prompts": [_entry(entry) for entry in sheet.entries],
        }
    )


def as_json(value: Mapping[str, Any]) -> str:
    """A JSON document for a file, its letters as they are."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _entry(entry: ExportedPrompt) -> dict[str, Any]:
    return {
        "category": entry.category,
        "group": entry.group,
        "model": entry.model,
        "prompt": entry.prompt,
        "set": list(entry.settings),
    }
