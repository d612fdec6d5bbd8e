"""Writes each group's rules in words: from its schema, and from the formats that the schema names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from callsheet import build_schema, load_groups
from callsheet.catalog.formats import find_format
from callsheet.catalog.rules import ABOUT
from callsheet.catalog.schemas import models_in
from callsheet.templates import fill
from docgen.markdown import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.catalog.groups import Group

SURE = {
    "A": "the vendor's own page or code",
    "B": "quoted from the vendor",
    "C": "practice",
    "?": "sources disagree",
    "ours": "",
}
"""How a rule is known, in words."""

_COUNTED = {"minLength": "At least {:,} characters.", "maxLength": "At most {:,} characters."}


def group_rules(group: str, workflow: str = "oms") -> str:
    """A group's page below its title: what each of its models' prompts must be."""
    catalog = load_groups(workflow)
    found = next(groups[group] for groups in catalog.values() if group in groups)
    parts = [
        f"{found.description}. Its output: {', '.join(f'`{each}`' for each in found.models)}.\n",
        *_known(found),
    ]
    for model, node in models_in(build_schema([group], workflow=workflow)).items():
        parts.append(f"## `{model}`\n")
        parts += _node(node)
        if lines := found.settings.get(model):
            parts.append(f"Set beside it: {'; '.join(_setting(line) for line in lines)}.\n")
    return "\n".join(parts)


def _known(group: Group) -> Iterator[str]:
    """For which versions a group is written, when it was checked, and against what."""
    if group.closed is not None:
        yield f"{group.closed.words(group.label)}.\n"
    if group.checked is None:
        return
    yield f"Written for {group.version}. Last checked on {group.checked}, against:\n"
    for source in group.sources:
        named = f"[{source}]({source.url})" if source.url else str(source)
        yield f"* {named} ({source.date}: {SURE[source.grade]})"
    yield ""


def _setting(line: str) -> str:
    """A setting for a brief of the ratio 2:3, and that it depends on it."""
    filled = fill(line, {"aspect_ratio": "2:3"})
    return filled if filled == line else f"{filled} (for 2:3)"


def group_pages(workflow: str) -> str:
    """A list of links to the pages of a workflow's groups."""
    folder = "models" if workflow == "oms" else f"models/{workflow}"
    return "".join(
        f"* [{group.label}]({folder}/{name}.md)\n"
        for groups in load_groups(workflow).values()
        for name, group in groups.items()
    )


def _node(node: Any, name: str = "") -> Iterator[str]:
    if name:
        yield f"### `{name}`\n"
    if "description" in node:
        yield f"{node['description']}\n"
    if "properties" in node:
        for field, child in node["properties"].items():
            yield from _node(child, field)
        return
    yield table(
        ["rule", "what is right", "known from"], [*_keywords(node), *_format(node, "error")]
    )
    if told := [*_format(node, "warning")]:
        yield "Only told, never sent back to the LLM:\n"
        yield table(["rule", "what is better", "known from"], told)


def _keywords(node: dict[str, Any]) -> Iterator[list[str]]:
    about = node.get(ABOUT, {})
    for keyword in ("minLength", "maxLength", "pattern", "not"):
        if keyword in node:
            own = about.get(keyword, {})
            wrong = f"It is wrong if the prompt {own.get('words', 'breaks this')}."
            words = _COUNTED[keyword].format(node[keyword]) if keyword in _COUNTED else wrong
            yield [f"`{keyword}`", words, own.get("source", "")]


def _format(node: dict[str, Any], severity: str) -> Iterator[list[str]]:
    named = find_format(node.get("format", ""))
    for rule in named.rules if named else ():
        if rule.severity == severity:
            how = f" ({SURE[rule.sure]})" if SURE[rule.sure] else ""
            source = f"{rule.source}, {rule.date}{how}"
            yield [f"`{node['format']}: {rule.name}`", rule.words, source]
