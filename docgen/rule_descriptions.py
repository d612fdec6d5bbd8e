"""Describes each group's rules, from its schema and the formats that the schema names."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from callsheet import build_schema, load_groups
from callsheet.catalog.formats import find_format
from callsheet.catalog.rules import ABOUT, keyword_kind
from callsheet.catalog.schemas import models_in
from callsheet.templates import fill
from docgen.markdown import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.catalog.groups import Group

EVIDENCE = {
    "A": "vendor's page or code",
    "B": "vendor, quoted",
    "C": "practice",
    "?": "sources disagree",
    "ours": "",
}
"""What each grade of a source means."""

KINDS = ("limit", "idea", "form", "house")
"""The kinds of rules in the order of the tables: limits and the idea are errors, the others warnings."""

_COUNTED = {"minLength": "At least {:,} characters.", "maxLength": "At most {:,} characters."}


def group_rules(group: str, workflow: str = "oms") -> str:
    """Return the rules for the prompts of each of a group's models."""
    catalog = load_groups(workflow)
    found = next(groups[group] for groups in catalog.values() if group in groups)
    parts = [
        f"{found.description}. Models: {', '.join(f'`{each}`' for each in found.models)}.\n",
        *_known(found),
    ]
    for model, node in models_in(build_schema([group], workflow=workflow)).items():
        parts.append(f"## `{model}`\n")
        parts += _node(node)
        if lines := found.settings.get(model):
            parts.append(
                f"Settings outside the prompt: {'; '.join(_setting(line) for line in lines)}.\n"
            )
    return "\n".join(parts)


def _known(group: Group) -> Iterator[str]:
    """Yield the versions that a group is written for, when it was checked, and its sources."""
    if notice := group.notice(group.checked or dt.date.min):
        yield f"{notice}.\n"
    if group.checked is None:
        return
    yield f"Written for {group.version}. Last checked on {group.checked} against:\n"
    for source in group.sources:
        named = f"[{source}]({source.url})" if source.url else str(source)
        yield f"* {named} ({source.date}: {EVIDENCE[source.grade]})"
    yield ""


def _setting(line: str) -> str:
    """Return a setting, for the aspect ratio 2:3 if it depends on it."""
    filled = fill(line, {"aspect_ratio": "2:3", "still": "your still"})
    return f"{filled} (for 2:3)" if "aspect_ratio" in line else filled


def group_pages(workflow: str) -> str:
    """Return links to the pages of a workflow's groups."""
    folder = "models" if workflow == "oms" else f"models/{workflow}"
    return "".join(
        f"* [{group.label}]({folder}/{name}.md){_replaced(group)}\n"
        for groups in load_groups(workflow).values()
        for name, group in groups.items()
    )


def _replaced(group: Group) -> str:
    return f" (replaced by `{group.successor}`)" if group.successor else ""


def _node(node: Any, name: str = "") -> Iterator[str]:
    if name:
        yield f"### `{name}`\n"
    if "description" in node:
        yield f"{node['description']}\n"
    if "properties" in node:
        for field, child in node["properties"].items():
            yield from _node(child, field)
        return
    rows = sorted([*_keywords(node), *_format(node)], key=lambda row: KINDS.index(row[1]))
    yield table(["rule", "kind", "requirement", "source"], rows)


def _keywords(node: dict[str, Any]) -> Iterator[list[str]]:
    about = node.get(ABOUT, {})
    for keyword in ("minLength", "maxLength", "pattern", "not"):
        if keyword in node:
            own = about.get(keyword, {})
            wrong = f"Invalid if the prompt {own.get('words', 'breaks this')}."
            words = _COUNTED[keyword].format(node[keyword]) if keyword in _COUNTED else wrong
            yield [f"`{keyword}`", keyword_kind(own), words, own.get("source", "")]


def _format(node: dict[str, Any]) -> Iterator[list[str]]:
    named = find_format(node.get("format", ""))
    for rule in named.rules if named else ():
        how = f" ({EVIDENCE[rule.sure]})" if EVIDENCE[rule.sure] else ""
        name = f"`{node['format']}: {rule.name}`"
        yield [name, rule.kind, rule.words, f"{rule.known_from}{how}"]
