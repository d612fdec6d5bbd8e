"""What the finished rows of a batch took: the measure for those that are left."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from statistics import fmean, linear_regression, variance
from typing import TYPE_CHECKING

from callsheet.engine.journal import read_view
from callsheet.errors import StorageError
from callsheet.llm.price_list import BATCH
from callsheet.usage import NO_USAGE, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from callsheet.batches.row_parser import Row
    from callsheet.engine.run_view import RunView
    from callsheet.store.port import Store

MAX_MEASURED = 500
"""Finished rows that are read, evenly from the whole sheet."""


FEWEST_FOR_SLOPE = 3
"""Rows that must be measured to say how far a row depends on its texts, or differs from others."""


@dataclass(frozen=True)
class Forecast:
    """A sum over rows that are not written yet, and its variance; None where that is unknown."""

    expected: float
    variance: float | None


@dataclass(frozen=True)
class CachedTokens:
    """Input tokens of so many calls that a provider's cache held and kept."""

    read: int = 0
    kept: int = 0

    def __add__(self, other: CachedTokens) -> CachedTokens:
        return CachedTokens(self.read + other.read, self.kept + other.kept)

    def times(self, share: float) -> CachedTokens:
        """Return what so many times the calls hold and keep."""
        return CachedTokens(round(self.read * share), round(self.kept * share))


@dataclass
class MeasuredRows:
    """Finished rows of one choice of groups; `predicted` are the input tokens that they were to send.

    `texts` is how long each row's own texts are, and `first` its usage without its repairs. `repairs`
    is the usage of all repairs, `repaired` the number of rows that had any. `caches` is what each
    step's calls read and kept, one by one, as far as they were made as the others will be.
    """

    predicted: int = 0
    texts: list[int] = field(default_factory=list)
    first: list[Usage] = field(default_factory=list)
    repairs: Usage = NO_USAGE
    repaired: int = 0
    caches: dict[str, list[CachedTokens]] = field(default_factory=lambda: defaultdict(list))

    def __len__(self) -> int:
        return len(self.first)

    @property
    def input_ratio(self) -> float:
        """How many tokens the provider counts for one that was predicted."""
        return sum(each.input_tokens for each in self.first) / self.predicted

    def output(self, rows: int, texts: int) -> Forecast:
        """Return the output of so many further rows without repairs, whose texts are so long together.

        A reply is as long as the average one, and longer or shorter with its row's texts.
        """
        number, outputs = len(self), [each.output_tokens for each in self.first]
        slope = 0.0
        if number >= FEWEST_FOR_SLOPE and len(set(self.texts)) > 1:
            slope = linear_regression(self.texts, outputs).slope
        left = [out - slope * text for out, text in zip(outputs, self.texts, strict=True)]
        expected = fmean(left) * rows + slope * texts
        if number < FEWEST_FOR_SLOPE:
            return Forecast(expected, None)
        # The average is off by what its rows differ in, and so is the sum of the others.
        return Forecast(expected, variance(left) * (rows * rows / number + rows))

    def repaired_rows(self, rows: int) -> Forecast:
        """Return how many of so many further rows will be repaired."""
        number = len(self)
        # So few rows without a repair do not say that there will be none.
        share = (self.repaired + 0.5) / (number + 1)
        return Forecast(
            self.repaired / number * rows,
            share * (1 - share) * (rows * rows / number + rows),
        )

    def cached(self, rows: int) -> CachedTokens | None:
        """Return what caches hold and keep for so many further rows; None where that is not measured.

        The first of them finds nothing: earlier rows are out of the cache's time.
        """
        if not self.caches:
            return None
        read = kept = 0.0
        for calls in self.caches.values():
            readers = [each.read for each in calls if each.read]
            writers = [each.kept for each in calls if each.kept]
            later = max(len(calls) - 1, 1)
            hits = (rows - 1) * min(len(readers) / later, 1)
            read += hits * fmean(readers) if readers else 0
            first = max(len(writers) - 1, 0) / later * (rows - 1) + 1
            kept += first * fmean(writers) if writers else 0
        return CachedTokens(round(read), round(kept))

    def add(self, view: RunView, spec: str, predicted: int, texts: int, *, jobs: bool) -> None:
        """Add a finished run, unless its provider reported no usage."""
        calls = [each.call for each in view.recorded_calls if each.llm == spec]
        first = [call for call in calls if not call.repair]
        usage = sum((call.usage for call in first), start=NO_USAGE)
        if not (predicted and usage.input_tokens and usage.output_tokens):
            return
        self.predicted += predicted
        self.texts.append(texts)
        self.first.append(usage)
        self.repaired += len(first) < len(calls)
        self.repairs = sum((call.usage for call in calls if call.repair), start=self.repairs)
        for call in first:
            if (call.tier == BATCH) is jobs:
                cached = CachedTokens(call.cached_input_tokens, call.cache_write_tokens)
                self.caches[f"{call.step} {call.number}"].append(cached)


async def finished_views(store: Store, rows: list[Row]) -> list[tuple[Row, RunView]]:
    """Read the runs of finished rows: all, or some of very many."""
    found = []
    for row in _some(rows):
        try:
            found.append((row, await read_view(store, row.run)))
        except StorageError:
            # An estimate goes on without it; showing that run names what is wrong with it.
            continue
    return found


def _some(rows: list[Row]) -> Iterable[Row]:
    return rows[:: -(-len(rows) // MAX_MEASURED) or 1]
