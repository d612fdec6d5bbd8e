"""Builds the instructions for a selection: the shared text, then each chosen group's."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

_TODO = re.compile(r"\bTODO:\s*([^\"\n]*)")

_HEADING = re.compile(r"^##[ \t]+(\S.*?)[ \t\r]*$", re.MULTILINE)

MIN_SIMILARITY = 0.8
"""How similar a heading must be to a model's name to count as a misspelling of it."""


def join_instructions(shared: str, groups: Iterable[str]) -> str:
    """The shared instructions and the groups' in their order, one blank line between."""
    return "\n\n".join(text.strip() for text in (shared, *groups) if text.strip())


def instructions_for_models(text: str, models: Sequence[str], only: Collection[str]) -> str:
    """A group's instructions for some of its models: the text before the first mark, and their parts.

    A mark is a line `## MODEL`, or `## MODEL, MODEL` for a part that several models share. Without
    marks, and for all models, the text is whole.
    """
    marks = [found for found in _HEADING.finditer(text) if {*_names(found[1])} <= {*models}]
    if not marks or {*models} <= {*only}:
        return text
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    parts = [text[: marks[0].start()]]
    for mark, end in zip(marks, ends, strict=True):
        if {*_names(mark[1])} & {*only}:
            parts.append(text[mark.start() : end])
    return "\n\n".join(part.strip() for part in parts if part.strip())


def find_wrong_marks(text: str, models: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Each line that looks like a mark and names no model of the group, where other lines do."""
    headings = [*_HEADING.finditer(text)]
    if not any({*_names(found[1])} <= {*models} for found in headings):
        return
    for found in headings:
        for name in _names(found[1]):
            near = get_close_matches(name, models, n=1, cutoff=MIN_SIMILARITY)
            if name not in models and near:
                number = text.count("\n", 0, found.start()) + 1
                yield number, f"marks a part for `{name:.80}`; is `{near[0]}` meant?"


def _names(heading: str) -> list[str]:
    return heading.replace(",", " ").split()


def instructions_path(shared_path: str, group: str) -> str:
    """Where a group's instructions are in the plan's file layout: beside the shared file."""
    return f"{shared_path.rpartition('/')[0]}/{group}_instructions.txt".lstrip("/")


def find_todo_lines(text: str) -> Iterator[tuple[int, str]]:
    """Each line that contains `TODO:`: its number, and what is to be written there."""
    if "TODO:" not in text:
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _TODO.search(line):
            yield number, found[1].strip().rstrip(",")
