"""Writes an Agent Skill: how an assistant writes prompts with callsheet, with a sheet per group.

The form is that of the specification at agentskills.io (August 2026): a folder with `SKILL.md`, whose
name is the folder's, and files that are read only when they are needed.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from callsheet.catalog.formats import find_format
from callsheet.catalog.schemas import models_in
from callsheet.errors import InputError
from callsheet.loader.bundle import built_in_workflows, load_workflow
from callsheet.loader.rendering import own_instructions, render_instructions, render_schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from callsheet.catalog.groups import Group
    from callsheet.loader.bundle import WorkflowBundle

NAME = "callsheet"

DESCRIPTION = (
    "Writes prompts for image and video models (Midjourney, FLUX, GPT Image, Nano Banana, Stable"
    " Diffusion, Veo, Kling, Seedance and others) from one idea, and checks each by its model's rules."
    " Use it when the user wants prompts for pictures or clips, or wants such prompts checked."
)

MARK = "generated-by: callsheet"

_HEAD = """---
name: {name}
description: {description}
license: MIT
metadata:
  {mark}
  version: "{version}"
---

# Prompts for image and video models

You write the prompts, callsheet instructs and checks them. Take the user's idea in their own words and in full; ask which models they want if they have not said so.

## With the MCP server

Call `begin` with the idea and the groups, do what its answer says, and call `submit` with your JSON. Repeat while the answer asks you to write something: it says what is wrong alone, or what the next step is.

## With the command line

1. `callsheet run WORKFLOW --idea "THE IDEA" --groups GROUP,GROUP --llm paste --yes </dev/null` prints the instructions and the name of the run.
2. Write the JSON to a file, then `callsheet resume RUN < reply.json`. What is wrong is asked for again; do the same until it ends.
3. Without a shell that keeps runs: write by the sheets below and check each prompt with `callsheet lint FILE --model MODEL --idea "THE IDEA"`. An error must be mended, a warning may stay with a reason.

## Showing the result

Show each prompt word for word, in a code block, with the settings (`set:` lines) beside it. Say which warnings are left. Never claim that a prompt was checked when it was not.

## Groups

Read the sheet of a chosen group only. `shared-CATEGORY.md` of its workflow holds for every group of that category.
"""


def write_skill(folder: Path) -> list[Path]:
    """Write the skill into a folder of its own within this one; returns the files.

    Raises InputError where another skill of that name stands there.
    """
    target = folder / NAME
    _check_free(target)
    written = []
    for name, text in {"SKILL.md": _skill(), **dict(_references())}.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        written.append(path)
    for path in target.glob("references/*.md"):
        if path not in written:
            path.unlink()
    return written


def _check_free(target: Path) -> None:
    skill = target / "SKILL.md"
    if not target.exists() or (skill.is_file() and MARK in skill.read_text("utf-8")):
        return
    raise InputError(
        f"{target} is not a skill that callsheet wrote", hint="name another folder, or move it away"
    )


def _skill() -> str:
    head = _HEAD.format(name=NAME, description=DESCRIPTION, mark=MARK, version=version("callsheet"))
    lines = [
        f"- [{group.label}](references/{_file(bundle, group.name)}): `{group.name}` in `{bundle.name}`"
        f" ({', '.join(group.models)})"
        for bundle, group in _groups()
    ]
    return head + "\n" + "\n".join(lines) + "\n"


def _groups() -> Iterator[tuple[WorkflowBundle, Group]]:
    """The current groups of the workflows that come with callsheet."""
    for name in built_in_workflows():
        bundle = load_workflow(name)
        catalog = bundle.resources.catalog
        for current in catalog.current(group.name for group in catalog.groups()):
            yield bundle, catalog.group(current)


def _file(bundle: WorkflowBundle, name: str) -> str:
    return f"{bundle.name}-{name}.md"


def _references() -> Iterator[tuple[str, str]]:
    shared: dict[str, str] = {}
    for bundle, group in _groups():
        file = f"references/{_file(bundle, f'shared-{group.category}')}"
        if file not in shared:
            shared[file] = render_instructions(bundle, [group.name])
        own = own_instructions(bundle, group) or ""
        shared[file] = shared[file].removesuffix(own).strip()
        yield f"references/{_file(bundle, group.name)}", _sheet(bundle, group, own)
    yield from ((name, f"{text}\n") for name, text in shared.items())


def _sheet(bundle: WorkflowBundle, group: Group, own: str) -> str:
    """A group's instructions, its rules in words, and what is set outside the prompt."""
    parts = [own, "## Rules: errors must be mended", "\n".join(_rules(bundle, group))]
    settings = [
        f"- {model}: {line.replace('{{ still }}', 'your still')}"
        for model, lines in group.settings.items()
        for line in lines
    ]
    if settings:
        parts += ["## Set outside the prompt", "\n".join(settings)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _rules(bundle: WorkflowBundle, group: Group) -> Iterator[str]:
    for model, node in models_in(render_schema(bundle, [group.name])).items():
        yield from _node_rules(model, node)


def _node_rules(name: str, node: Any) -> Iterator[str]:
    fields = node.get("properties")
    if isinstance(fields, dict):
        for field, child in fields.items():
            yield from _node_rules(f"{name}.{field}", child)
        return
    bounds = [
        f"{word} {node[key]:,} characters"
        for key, word in (("minLength", "at least"), ("maxLength", "at most"))
        if key in node
    ]
    yield f"- {name}: {', '.join(bounds) or 'any length'}"
    named = find_format(str(node.get("format", "")))
    for rule in named.rules if named else ():
        yield f"  - {rule.severity} ({rule.kind}): {rule.words}"
