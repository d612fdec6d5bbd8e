"""A small workflow with an image and a video category, in which newer groups replace older ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

CHECKED = "2026-11-22"


def write_workflow(folder: Path, **changes: dict[str, Any]) -> Path:
    """Write the workflow; `changes` are merged into the entries of the groups that they name.

    `ink_1` is replaced by `ink_2`, and closes in 2099; `clip_1` is replaced by `clip_2`.
    """
    groups: dict[str, dict[str, dict[str, Any]]] = {
        "image_generation": {
            "ink_1": {"successor": "ink_2", "closed": {"date": "2099-03-01"}},
            "oil": {},
            "ink_2": {},
        },
        "video_generation": {"clip_1": {"successor": "clip_2"}, "clip_2": {}},
    }
    for entries in groups.values():
        for name, entry in entries.items():
            label = name.replace("_", " ").title()
            entries[name] = {
                "models": [name.upper()],
                "label": label,
                "description": f"what {label} is good for",
                "version": label[-1],
                "checked": CHECKED,
                "sources": [{"name": f"notes on {label}", "date": CHECKED, "grade": "A"}],
                **entry,
                **changes.get(name, {}),
            }
    files = {"config.json": {"model_groups": groups}, "workflow.json": _workflow([*groups])}
    for category, entries in groups.items():
        for name in entries:
            files |= _files(category, name)
        _write(folder / f"prompts/{category}/_shared_instructions.txt", "One text for each key.\n")
    for path, value in files.items():
        text = value if isinstance(value, str) else json.dumps(value, indent=2) + "\n"
        _write(folder / path, text)
    return folder


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def _files(category: str, name: str) -> dict[str, Any]:
    model = name.upper()
    longest = {"maxLength": {"source": "the notes, 2026-11-22"}}
    text = {"type": "string", "description": "A text.", "maxLength": 500, "x-rules": longest}
    closed = {"additionalProperties": False}
    prompts = {"type": "object", "properties": {model: text}, "required": [model], **closed}
    return {
        f"prompts/{category}/{name}_instructions.txt": f"{model}: one paragraph about the idea.\n",
        f"schemas/{category}/{name}_schema.json": {
            "type": "object",
            "properties": {"prompts": prompts},
            "required": ["prompts"],
            **closed,
        },
        f"drafts/{category}/{name}.json": {
            "prompts": {model: f"In the manner of {name}: {{{{ idea | phrase }}}}."}
        },
    }


def _workflow(categories: list[str]) -> dict[str, Any]:
    idea = {"key": "idea", "text": "What should be shown?"}
    form = _use("user.form", {"fields": [idea], "previous": "$state.brief"}, values="brief")
    steps = [{"step_id": "brief", "name": "The brief", "modules": [form]}]
    steps += [
        {"step_id": category, "name": category, "modules": _modules(category)}
        for category in categories
    ]
    results = {
        "brief": "$state.brief",
        "selection": {category: f"$state.groups_{category}" for category in categories},
        "prompts": {category: f"$state.reply_{category}.prompts" for category in categories},
    }
    return {"workflow_id": "older", "name": "Older", "steps": steps, "results": results}


def _modules(category: str) -> list[dict[str, Any]]:
    chosen, system, schema, reply = (
        f"{name}_{category}" for name in ("groups", "system", "schema", "reply")
    )
    return [
        _use(
            "user.select_model_groups",
            {
                "group_category": category,
                "previous_selection": f"$state.{chosen}",
                "may_skip": category == "video_generation",
            },
            selected_groups=chosen,
        ),
        _use(
            "prompt.build_grouped_prompt",
            {
                "shared_instructions_path": f"prompts/{category}/_shared_instructions.txt",
                "selected_groups": f"$state.{chosen}",
            },
            merged_prompt=system,
        ),
        _use(
            "transform.build_dynamic_schema",
            {"selected_groups": f"$state.{chosen}"},
            merged_schema=schema,
        ),
        _use(
            "api.openai",
            {
                "system_message": f"$state.{system}",
                "user_message": "$state.brief.idea",
                "output_schema": f"$state.{schema}",
                "drafts_of": f"$state.{chosen}",
                "variables": {"idea": "$state.brief.idea"},
            },
            response=reply,
        ),
    ]


def _use(module: str, inputs: dict[str, Any], **outputs: str) -> dict[str, Any]:
    return {"module_id": module, "inputs": inputs, "outputs_to_state": outputs}
