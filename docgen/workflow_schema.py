"""Generates `workflow.schema.json`, with which editors complete and check workflow files.

It is the schema that callsheet itself uses, with `{"$ref": path}` allowed in place of any value, and
with the inputs and outputs of each module. A file with a `step_id` is checked as a step.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from callsheet.modules.registry import BUILT_IN, find_module
from callsheet.workflow.definition import Workflow

FILE = Path(__file__).parents[1] / "docs" / "workflow.schema.json"

REFERENCE = {
    "description": "The content of a file: a path relative to the workflow's folder.",
    "type": "object",
    "properties": {"$ref": {"type": "string", "pattern": "^[^#/~].*$"}},
    "required": ["$ref"],
    "additionalProperties": False,
}

IS_REFERENCE = {"type": "object", "required": ["$ref"]}

Node = dict[str, Any]


def schema() -> Node:
    """Return the schema for workflow files and for files of one step."""
    whole = Workflow.model_json_schema()
    found = whole.pop("$defs")
    parts = {name: _open(part) for name, part in found.items() if name != "JsonValue"}
    parts["ModuleUse"]["properties"]["module_id"]["examples"] = [*BUILT_IN]
    parts["ModuleUse"]["allOf"] = [_of_module(module_id) for module_id in BUILT_IN]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A callsheet workflow, or one step of it",
        "if": {"required": ["step_id"]},
        "then": {"$ref": "#/$defs/Step"},
        "else": {"$ref": "#/$defs/Workflow"},
        "$defs": {"Reference": REFERENCE, "Workflow": _open(whole), **parts},
    }


def _open(node: Node) -> Node:
    """Return an object's schema with a reference allowed in place of each value."""
    properties = {name: _or_reference(child) for name, child in node["properties"].items()}
    return node | {"properties": properties}


def _or_reference(node: Node) -> Node:
    inner = {name: value for name, value in node.items() if value != "#/$defs/JsonValue"}
    for keyword in ("items", "additionalProperties"):
        if isinstance(inner.get(keyword), dict):
            inner[keyword] = _or_reference(inner[keyword])
    annotations: Node = {
        name: inner.pop(name) for name in ("title", "description", "default") if name in inner
    }
    if not inner:  # any JSON value is allowed, including a reference
        return annotations
    # `if` instead of `anyOf`, so that an editor reports the actual error.
    return annotations | {"if": IS_REFERENCE, "then": {"$ref": "#/$defs/Reference"}, "else": inner}


def _of_module(module_id: str) -> Node:
    """Return the inputs and outputs that a use of this module may have."""
    module = find_module(module_id)
    fields = module.inputs.model_fields
    inputs = {
        "properties": dict.fromkeys(fields, True),
        "required": [name for name, field in fields.items() if field.is_required()],
        "additionalProperties": False,
    }
    return {
        "if": {"properties": {"module_id": {"const": module_id}}, "required": ["module_id"]},
        "then": {
            "properties": {
                "inputs": {"if": IS_REFERENCE, "else": inputs},
                "outputs_to_state": {
                    "if": IS_REFERENCE,
                    "else": {"propertyNames": {"enum": [*module.outputs.model_fields]}},
                },
            },
        },
    }


def schema_text() -> str:
    """Return the content of the file."""
    return json.dumps(schema(), ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(schema_text(), "utf-8")
