"""Finds where a workflow's patterns stand, and those that are slow."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from callsheet.catalog.schemas import schema_path
from callsheet.errors import InputError, PatternTooSlowError, Problem
from callsheet.jsonc import NotJsonError, parse
from callsheet.patterns import check_pattern, patterns_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.modules.contract import Resources


@contextmanager
def pattern_places(resources: Resources) -> Iterator[None]:
    """Adds the file and the path to the error of a pattern that was too slow inside."""
    try:
        yield
    except PatternTooSlowError as error:
        found = (
            Problem(file, path, "")
            for file, path, pattern in _patterns(resources)
            if pattern == error.pattern
        )
        raise PatternTooSlowError(error.pattern, next(found, None)) from error


def find_slow_patterns(resources: Resources) -> Iterator[Problem]:
    """The patterns of a workflow's files that are too slow on some text, or cannot be used."""
    for file, path, pattern in _patterns(resources):
        try:
            check_pattern(pattern)
        except InputError as error:
            yield Problem(file, path, error.message, error.hint)


def _patterns(resources: Resources) -> Iterator[tuple[str, str, str]]:
    """File, path and text of each pattern: in the files read so far, and in every group's schema."""
    files = resources.files
    for group in resources.catalog.groups():
        files.has(schema_path(group.category, group.name))
    for file, text in files.files.items():
        if not file.endswith(".json"):
            continue
        try:
            content = parse(text, file)
        except NotJsonError:
            continue  # reported by whoever reads it
        yield from ((file, path, pattern) for path, pattern in patterns_in(content))
