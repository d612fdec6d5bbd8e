"""Builds the instructions for a selection: the shared text, then each chosen group's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TODO = re.compile(r"\bTODO:\s*([^\"\n]*)")


def join_instructions(shared: str, groups: Iterable[str]) -> str:
    """The shared instructions and the groups' in their order, one blank line between."""
    return "\n\n".join(text.strip() for text in (shared, *groups) if text.strip())


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
