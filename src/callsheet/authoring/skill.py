"""Writes an Agent Skill: how an assistant writes prompts with callsheet, with a sheet per group.

The form is that of the specification at agentskills.io (August 2026): a folder with `SKILL.md`, whose
name is the folder's, and files that are read only when they are needed.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from callsheet.catalog.formats import find_format
from callsheet.catalog.ratios import COMMON
from callsheet.catalog.schemas import models_in
from callsheet.errors import InputError
from callsheet.loader.bundle import built_in_workflows, load_workflow
from callsheet.loader.rendering import own_instructions, render_instructions, render_schema
from callsheet.modules.prompt.settle_aspect_ratio import ASPECT_RATIO
from callsheet.runs.document import STILL, YOUR_STILL
from callsheet.templates import fill

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from callsheet.catalog.groups import Group
    from callsheet.loader.bundle import WorkflowBundle

NAME = "callsheet"

DESCRIPTION = (
    "Writes prompts for image and video models (Midjourney, FLUX, GPT Image, Nano Banana, Stable"
    " Diffusion, Veo, Kling, Seedance and others) from one idea, and checks each by its model's rules."
    " Use it when the user wants prompts for pictures or clips, or wants such prompts checked."
)

_HOLE = re.compile(r"\{\{.*\}\}")

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

You write the prompts; callsheet instructs you and checks them. Take the user's idea in their own words and in full. If they named no models, ask which of the groups below they want. All groups of a run are of one workflow.

Work in the first of these ways that is open to you.

## 1. With the MCP server

If callsheet's tools are there (`begin`, `submit`): call `begin` with the idea and the groups, do what its answer says, and call `submit` with your JSON. Repeat while the answer asks for something: it says what is wrong alone, or what the next step is.

## 2. With the command line

If `callsheet --version` works in a shell that keeps files:

1. Write the idea to `idea.txt`, so that the shell reads nothing into its quotes and dollar signs. Then

   `callsheet run WORKFLOW --idea "$(cat idea.txt)" --groups GROUP,GROUP --llm paste --yes </dev/null`

   It prints the instructions (where it speaks of a chat to paste into, that is you) and, last, the name of the run. Exit code 3: it waits. What the user said beside the idea goes into options such as `--set mood=hushed`, `--set aspect_ratio=16:9`, `--set aesthetic=woodcut`.
2. Write what it asks for to `reply.json`, then `callsheet resume RUN <reply.json`. If it exits with 3 again, it asks for what is wrong, or for the next step: write that alone, and resume again.
3. At exit code 0 it has printed the prompts. `callsheet show RUN` prints them again.

## 3. By the sheets

Without a run: read the shared sheet of the workflow and category, then that of each chosen group, and write one prompt for each of its models. (The JSON reply that they mention is for runs.) Motion prompts come last: each moves the picture of an image prompt, where there is one.

Check each prompt: write it alone to a file (the JSON object where a model has several texts), then `callsheet lint FILE --workflow WORKFLOW --model MODEL --idea "$(cat idea.txt)"`. Mend errors; a warning may stay if you can say why. Where callsheet is not installed, go through the sheet's rules yourself, and say that no program checked the prompts.

## Showing the result

Show each prompt word for word, in a code block, with the settings that belong to it (`set:` lines, or "Set outside the prompt"). Say which warnings are left.

## Groups

Read the sheets of the chosen groups only. The installed callsheet knows better than these files if its version is another than {version}.
"""

IN_A_SHEET = "## Rules: mend errors; a warning may stay for a reason"


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
    lines = []
    for bundle, group in _groups():
        place = f"{bundle.name}, {group.category.replace('_', ' ')}"
        shared = f"references/{_file(bundle, f'shared-{group.category}')}"
        if (title := f"\n### {place}; for all of them: [shared]({shared})\n") not in lines:
            lines.append(title)
        sheet = f"references/{_file(bundle, group.name)}"
        lines.append(
            f"- `{group.name}`: [{group.label}]({sheet}), models {', '.join(group.models)}"
        )
    return head + "\n".join(lines) + "\n"


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
    texts_of: dict[str, list[str]] = {}
    for name, node in _texts(bundle, group):
        for rule in _rules(node):
            texts_of.setdefault(rule, []).append(name)
    rules_of: dict[str, list[str]] = {}
    for rule, names in texts_of.items():
        rules_of.setdefault(", ".join(names), []).append(f"  - {rule}")
    lines = [line for names, rules in rules_of.items() for line in (f"- {names}", *rules)]
    parts = [own, IN_A_SHEET, "\n".join(lines)]
    if settings := [*_settings(group)]:
        parts += ["## Set outside the prompt", "\n".join(settings)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _texts(bundle: WorkflowBundle, group: Group) -> Iterator[tuple[str, Any]]:
    """Each text that is written for a group, with its schema."""
    nodes: dict[str, Any] = models_in(render_schema(bundle, [group.name]))
    for model, node in nodes.items():
        fields = node.get("properties")
        if isinstance(fields, dict):
            yield from ((f"{model}.{field}", child) for field, child in fields.items())
        else:
            yield model, node


def _rules(node: Mapping[str, Any]) -> Iterator[str]:
    bounds = [
        f"{word} {node[key]:,} characters"
        for key, word in (("minLength", "at least"), ("maxLength", "at most"))
        if key in node
    ]
    if bounds:
        yield ", ".join(bounds)
    named = find_format(str(node.get("format", "")))
    for rule in named.rules if named else ():
        yield f"{rule.severity} ({rule.kind}): {rule.words}"


def _settings(group: Group) -> Iterator[str]:
    for model, lines in group.settings.items():
        for line in lines:
            yield f"- {model}: {_in_words(line, group.aspect_ratios or COMMON)}"


def _in_words(line: str, ratios: Sequence[str]) -> str:
    """A setting with what its template gives for each aspect ratio."""
    found = _HOLE.search(line)
    if found is None or ASPECT_RATIO not in line:
        return fill(line, {STILL: YOUR_STILL})
    values: dict[str, list[str]] = {}
    for ratio in ratios:
        values.setdefault(fill(found[0], {ASPECT_RATIO: ratio}), []).append(ratio)
    if [*values] == [*ratios]:
        told = f"as chosen ({', '.join(ratios)})"
    else:
        told = ", ".join(f"{value} ({', '.join(of)})" for value, of in values.items())
    return f"{line[: found.start()]}{told}{line[found.end() :]}"
