"""Counts the rows that share instructions and schema, so that a provider's cache can serve them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from callsheet.batches.row_parser import Row

ROWS_IN_CACHE_TIME = 30
"""Rows that one after the other take five minutes, the time that a cache keeps a prefix for."""

Choice = tuple[tuple[str, ...], tuple[str, ...]]


class RepeatedChoices:
    """How many rows of each choice are still to come, of those that follow each other closely.

    Rows have the same choice where they select the same groups and leave the same fields open.
    """

    def __init__(self, concurrency: int, open_choices: Callable[[Row], list[str]]) -> None:
        self._reach = ROWS_IN_CACHE_TIME * concurrency
        self._open_choices = open_choices
        self._last: dict[Choice, int] = {}
        self._left: Counter[Choice] = Counter()
        self._shared: set[Choice] = set()

    def add(self, row: Row) -> None:
        """Count a row of the sheet, in its order."""
        choice = self._choice(row)
        last = self._last.get(choice)
        if last is not None:
            self._shared.add(choice)
        if last is not None and row.number - last <= self._reach:
            self._left[choice] += 1 if self._left[choice] else 2
        self._last[choice] = row.number

    def is_shared(self, row: Row) -> bool:
        """Return whether several rows of the sheet have this row's choice."""
        return self._choice(row) in self._shared

    def left(self, row: Row) -> int:
        """Return how many calls with this row's choice are expected, this one included."""
        return max(1, self._left[self._choice(row)])

    def end(self, row: Row) -> None:
        """Take off a row that has ended."""
        self._left[self._choice(row)] -= 1

    def _choice(self, row: Row) -> Choice:
        return row.groups, tuple(self._open_choices(row))
