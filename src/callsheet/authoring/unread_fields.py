"""Finds fields of a form that nothing reads: an answer to them would never reach the LLM."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

from callsheet.jsonc import NotJsonError, parse
from callsheet.modules.support.drafts import drafts_path
from callsheet.templates import names_read
from callsheet.workflow.references import reads_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import JsonValue

    from callsheet.errors import Problem
    from callsheet.loader.bundle import WorkflowBundle
    from callsheet.workflow.definition import ModuleUse

FORM_MODULE = "user.form"

PASSED_ON = {
    "prompt.plan_writing": ("basis",),
    FORM_MODULE: ("previous",),
}
"""Inputs that take the whole brief and send nothing of it."""

EVERYTHING = "*"


def find_unread_fields(bundle: WorkflowBundle) -> Iterator[Problem]:
    """Each field of each form that no template, draft, setting or module reads."""
    for number, step in enumerate(bundle.definition.workflow.steps):
        for index, use in enumerate(step.modules):
            key = use.outputs_to_state.get("values")
            fields = use.inputs.get("fields")
            if use.module_id != FORM_MODULE or key is None or not isinstance(fields, list):
                continue
            read = _fields_read(bundle, key)
            for place, field in enumerate(fields):
                name = field.get("key") if isinstance(field, dict) else None
                if isinstance(name, str) and not {name, EVERYTHING} & read:
                    yield bundle.definition.problem(
                        f"$.steps[{number}].modules[{index}].inputs.fields[{place}]",
                        f"nothing reads the field `{name}`: an answer to it is never sent",
                        f"use `$state.{key}.{name}` or {{{{ {name} }}}}, or remove the field",
                    )


def _fields_read(bundle: WorkflowBundle, key: str) -> set[str]:
    """The fields of the form's values that anything reads; `*` where a module gets all of them."""
    read = set(
        _names(
            line
            for group in bundle.resources.catalog.groups()
            for line in chain.from_iterable(group.settings.values())
        )
    )
    for step in bundle.definition.workflow.steps:
        for use in step.modules:
            for name, value in use.inputs.items():
                if name not in PASSED_ON.get(use.module_id, ()):
                    read |= _read_by(bundle, use, (name, value), key)
    return read


def _read_by(
    bundle: WorkflowBundle, use: ModuleUse, given: tuple[str, JsonValue], key: str
) -> set[str]:
    """What one input reads: single fields, or those that the module's templates name."""
    read: set[str] = set()
    for path, text in _texts(given[1]):
        if found := re.fullmatch(rf"\$state\.{re.escape(key)}\.([A-Za-z0-9_-]+)(?:\..*)?", text):
            read.add(found[1])
        elif text == f"$state.{key}":
            names = _template_names(bundle, use)
            prefix = f"{path}." if path else ""
            whole = given[0] != "variables" or EVERYTHING in names or (path and path in names)
            read |= (
                {EVERYTHING}
                if whole
                else {
                    name.removeprefix(prefix).partition(".")[0]
                    for name in names
                    if name.startswith(prefix)
                }
            )
    return read


def _template_names(bundle: WorkflowBundle, use: ModuleUse) -> set[str]:
    """The names that a module's templates read; `*` where they are not known beforehand."""
    template, drafts = use.inputs.get("template"), use.inputs.get("drafts")
    texts = [text for _, text in _texts(drafts)]
    if isinstance(template, str):
        if reads_state(template):
            return {EVERYTHING}
        texts.append(template)
    if use.inputs.get("drafts_of") is not None:
        files = bundle.resources.files
        for group in bundle.resources.catalog.groups():
            path = drafts_path(group.category, group.name)
            texts += [text for _, text in _texts(_parsed(files.read_if_there(path), path))]
    return set(_names(texts))


def _parsed(text: str, file: str) -> JsonValue:
    try:
        return parse(text, file)
    except NotJsonError:
        return None


def _names(templates: Iterable[str]) -> Iterator[str]:
    for template in templates:
        yield from names_read(template)


def _texts(value: JsonValue, path: str = "") -> Iterator[tuple[str, str]]:
    """Each text inside a value, with the names that lead to it."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, path)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, f"{path}.{name}" if path else name)
