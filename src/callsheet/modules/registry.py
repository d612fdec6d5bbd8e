"""Which modules there are: a table from module id to where it is found; guests add entry points."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from callsheet.errors import InputError, InternalError, UnknownNameError
from callsheet.modules.contract import Module

BUILT_IN = {
    "user.form": "callsheet.modules.user.form",
    "user.select_model_groups": "callsheet.modules.user.select_model_groups",
    "user.choose": "callsheet.modules.user.choose",
    "user.picture": "callsheet.modules.user.picture",
    "user.review": "callsheet.modules.user.review",
    "prompt.plan_writing": "callsheet.modules.prompt.plan_writing",
    "prompt.collect": "callsheet.modules.prompt.collect",
    "prompt.build_grouped_prompt": "callsheet.modules.prompt.build_grouped_prompt",
    "prompt.template": "callsheet.modules.prompt.template",
    "transform.build_dynamic_schema": "callsheet.modules.transform.build_dynamic_schema",
    "api.llm": "callsheet.modules.api.llm",
    "api.openai": "callsheet.modules.api.openai",
}

GUESTS = "callsheet.modules"
"""The entry point group: a name is a module id, its value `package.file:module`."""


@lru_cache(maxsize=256)
def find_module(module_id: str) -> Module:
    """The module of this id; raises UnknownNameError listing the known ones."""
    if module_id in BUILT_IN:
        found = import_module(BUILT_IN[module_id]).module
    else:
        guests = {guest.name: guest for guest in entry_points(group=GUESTS)}
        if module_id not in guests:
            raise UnknownNameError("module", module_id, [*BUILT_IN, *guests])
        found = _load(guests[module_id])
    if not isinstance(found, Module):
        raise InternalError(
            f"the module `{module_id}` is not a `Module`, but {type(found).__name__}"
        )
    return found


def _load(guest: EntryPoint) -> object:
    try:
        return guest.load()
    except Exception as error:
        raise InputError(
            f"the module `{guest.name}` cannot be loaded: {type(error).__name__}: {error!s:.200}",
            hint=f"mend or remove the package that brings it: {guest.value}",
        ) from error
