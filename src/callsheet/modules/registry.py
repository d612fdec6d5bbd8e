"""Finds modules by id: the built-in ones in a table, others in installed packages."""

from __future__ import annotations

from importlib import import_module

from callsheet.errors import UnknownNameError
from callsheet.modules.contract import Module
from callsheet.plugins import MODULES as POINT

BUILT_IN = {
    "user.form": "callsheet.modules.user.form",
    "user.select_model_groups": "callsheet.modules.user.select_model_groups",
    "user.choose": "callsheet.modules.user.choose",
    "user.picture": "callsheet.modules.user.picture",
    "user.review": "callsheet.modules.user.review",
    "prompt.plan_writing": "callsheet.modules.prompt.plan_writing",
    "prompt.settle_aspect_ratio": "callsheet.modules.prompt.settle_aspect_ratio",
    "prompt.collect": "callsheet.modules.prompt.collect",
    "prompt.build_grouped_prompt": "callsheet.modules.prompt.build_grouped_prompt",
    "prompt.template": "callsheet.modules.prompt.template",
    "transform.build_dynamic_schema": "callsheet.modules.transform.build_dynamic_schema",
    "api.llm": "callsheet.modules.api.llm",
    "api.openai": "callsheet.modules.api.openai",
}


def find_module(module_id: str) -> Module:
    """The module of this id, built in or installed; raises UnknownNameError listing all of them."""
    if module_id in BUILT_IN:
        module = import_module(BUILT_IN[module_id]).module
        assert isinstance(module, Module)  # noqa: S101  # each file of the table ends with one
        return module
    entries = POINT.entries()
    if module_id not in entries:
        raise UnknownNameError("module", module_id, [*BUILT_IN, *entries])
    return POINT.load(entries[module_id], Module)
