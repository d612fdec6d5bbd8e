"""Selects a part of a sheet's rows: the first ones, or a random sample that the sheet alone decides."""

from __future__ import annotations

import hashlib
import heapq
import json
from itertools import islice
from typing import TYPE_CHECKING

from callsheet.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from callsheet.batches.row_parser import Row


class RowSelection:
    """The first `limit` rows, or a `sample` of so many; all rows without either."""

    def __init__(self, limit: int | None, sample: int | None) -> None:
        if limit is not None and sample is not None:
            raise InputError(
                "`--limit` and `--sample` do not go together", hint="leave one of them out"
            )
        self.total = 0
        self._limit, self._sample = limit, sample
        self._drawn: list[tuple[bytes, int]] = []

    def add(self, row: Row) -> None:
        """Count a row of the sheet, in its order."""
        if self._sample is None:
            self.total += self._limit is None or self.total < self._limit
            return
        content = json.dumps(dict(row.cells), sort_keys=True).encode()
        drawn = (hashlib.sha256(content).digest(), -row.number)
        if len(self._drawn) < self._sample:
            heapq.heappush(self._drawn, drawn)
        else:
            heapq.heappushpop(self._drawn, drawn)
        self.total = len(self._drawn)

    def of(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield those of a sheet's rows that are selected."""
        if self._sample is None:
            return islice(rows, self._limit)
        numbers = {-number for _, number in self._drawn}
        return (row for row in rows if row.number in numbers)
