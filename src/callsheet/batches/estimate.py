"""Estimates a batch: each selection of groups measured, each idea counted, and what finished rows took."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from callsheet.batches.measured_rows import CachedTokens, Forecast, MeasuredRows, finished_views
from callsheet.costs.planned_prices import EstimatedTokens
from callsheet.costs.receipt_writer import open_receipt_writer
from callsheet.llm.tokens import count_tokens, is_exact, tokenizer_factor
from callsheet.modules.support.generation import MAX_REPAIRS
from callsheet.runs.estimate import SAMPLE_IDEA, measure_run, planned_prices
from callsheet.runs.options import RunOptions

if TYPE_CHECKING:
    from callsheet.batches.batch import Batch
    from callsheet.batches.row_parser import Row
    from callsheet.costs.planned_prices import PlannedPrices
    from callsheet.documents import OutputBasis

Groups = tuple[str, ...]

MILLION = 1_000_000


@dataclass(frozen=True)
class BatchEstimate:
    """Tokens and cost of the rows that are not finished; an unknown price is None.

    `cost_usd` is what they will cost as far as that can be known: with the outputs, the cache and the
    repairs of `measured_rows` finished rows of this batch. Without any, and then `output_from` says
    where the output comes from, it is `least_usd`, which is without repairs and with the provider's
    cache holding `cached_input_tokens`. `most_usd` is without cache, and with every row repaired as
    often as allowed. `margin_usd` is by how much `cost_usd` may be off where rows go on to differ as
    the measured ones do (two standard deviations); None where too few are measured.
    """

    rows: int
    finished: int
    calls: int
    input_tokens: int
    output_tokens: int
    exact: bool
    cost_usd: float | None
    margin_usd: float | None
    least_usd: float | None
    most_usd: float | None
    cached_input_tokens: int
    output_from: OutputBasis
    measured_rows: int


@dataclass
class _Selection:
    """The rows of one choice of groups: the run that was measured, and the texts' own tokens."""

    one: EstimatedTokens
    rows: int = 0
    texts: int = 0
    measured: MeasuredRows = field(default_factory=MeasuredRows)

    def sent(self, rows: int, texts: int, factor: float) -> int:
        """Return the input of so many rows, whose texts have so many tokens together."""
        # The text of a row is part of each of its messages.
        extra = (texts - rows * count_tokens(SAMPLE_IDEA)) * self.one.calls
        return self.one.input * rows + round(extra * factor)


@dataclass
class _Prices:
    """Prices of the calls of a batch, and of its repairs; `in_jobs` says that those are in jobs, too."""

    first: PlannedPrices
    repairs: PlannedPrices
    in_jobs: bool
    factor: float


@dataclass
class _Total:
    """Sums over selections; `variance` is that of the price, None where it is unknown."""

    calls: int = 0
    sent: int = 0
    output: float = 0.0
    cached: CachedTokens = field(default_factory=CachedTokens)
    repairing_usd: float | None = 0.0
    variance: float | None = 0.0

    def add(self, selection: _Selection, prices: _Prices) -> None:
        """Add the rows of a selection, by its measured rows where there are any."""
        rows, one, measured = selection.rows, selection.one, selection.measured
        sent = selection.sent(rows, selection.texts, prices.factor)
        held = prices.first.held(one)
        cached = CachedTokens(held * (rows - 1), held * (rows > 1 and prices.first.writes))
        self.calls += one.calls * rows
        if measured:
            sent = round(sent * measured.input_ratio)
            output = measured.output(rows, selection.texts)
            cached = measured.cached(rows) or cached
            self._add_repairs(measured, rows, prices)
        else:
            output = Forecast(one.output * rows, None)
        self.sent += sent
        self.output += output.expected
        self.cached += CachedTokens(min(cached.read, sent - cached.kept), cached.kept)
        self._differ(output.variance, prices.first.price(0, MILLION).usd, MILLION)

    def _add_repairs(self, measured: MeasuredRows, rows: int, prices: _Prices) -> None:
        """Add the repairs of further rows: as many and as long as those of the measured ones."""
        repaired, done = measured.repaired_rows(rows), measured.repairs
        share = rows / len(measured)
        sent, output = round(done.input_tokens * share), round(done.output_tokens * share)
        cached = CachedTokens(done.cached_input_tokens, done.cache_write_tokens).times(share)
        if prices.in_jobs:
            # However many there are, the first one's prefix is kept for the others.
            cached = measured.cached(max(1, round(done.repairs * share))) or cached
            cached = CachedTokens(min(cached.read, sent), min(cached.kept, sent))
        usd = prices.repairs.price_calls(
            done.repairs * share, sent, output, read=cached.read, kept=cached.kept
        ).usd
        known = usd is not None and self.repairing_usd is not None
        self.repairing_usd = self.repairing_usd + usd if known else None  # type: ignore[operator]
        if done.repairs:
            one, of = usd, round(repaired.expected) or 1
        else:
            sent = sum(each.input_tokens for each in measured.first)
            output = sum(each.output_tokens for each in measured.first)
            one, of = prices.repairs.price_calls(len(measured), sent, output).usd, len(measured)
        self._differ(repaired.variance, one, of)

    def _differ(self, variance: float | None, usd: float | None, of: int) -> None:
        """Add the variance of a number of things, so many `of` which cost this price."""
        if self.variance is None or variance is None or usd is None:
            self.variance = None
        else:
            self.variance += variance * (usd / of) ** 2


async def estimate_batch(batch: Batch) -> BatchEstimate:
    """Estimate all rows that are not finished; needs no key and no network."""
    spec, request = batch.setup.llm.spec, batch.request
    selections, finished = await _selections(batch)
    asked = RunOptions(call_options=request.call_options)
    plan = partial(planned_prices, spec, batch.service.settings, asked, request.base_url)
    in_jobs = request.jobs and request.repair == "job"
    prices = _Prices(plan(jobs=request.jobs), plan(jobs=in_jobs), in_jobs, tokenizer_factor(spec))
    total, reply = _Total(), EstimatedTokens().reply
    for selection in selections:
        total.add(selection, prices)
        if not selection.measured:
            reply += selection.one.reply
    output, cached = round(total.output), total.cached
    tokens = total.calls, total.sent, output
    least = prices.first.price_calls(*tokens, read=cached.read, kept=cached.kept).usd
    most, more = (each.price_calls(*tokens).usd for each in (prices.first, prices.repairs))
    repairing = total.repairing_usd
    return BatchEstimate(
        rows=batch.progress.total,
        finished=finished,
        calls=total.calls,
        input_tokens=total.sent,
        output_tokens=output,
        exact=is_exact(spec),
        cost_usd=None if least is None or repairing is None else least + repairing,
        margin_usd=None if total.variance is None else 2 * math.sqrt(total.variance),
        least_usd=least,
        most_usd=None if most is None or more is None else most + MAX_REPAIRS * more,
        cached_input_tokens=cached.read,
        output_from="history" if all(each.measured for each in selections) else reply.basis,
        measured_rows=sum(len(each.measured) for each in selections),
    )


async def _selections(batch: Batch) -> tuple[list[_Selection], int]:
    """Return the choices of groups of the rows that are left, and how many rows are finished."""
    done = await batch.finished_runs()
    left: dict[Groups, list[int]] = defaultdict(list)
    finished: list[Row] = []
    for row in batch.rows():
        if row.run in done:
            finished.append(row)
        else:
            left[row.groups].append(_text_tokens(row))
    spec, settings, store = batch.setup.llm.spec, batch.service.settings, batch.service.store
    history = (await open_receipt_writer(store)).history
    found = {}
    for groups, texts in left.items():
        options = RunOptions(brief={"idea": SAMPLE_IDEA}, groups=groups)
        one = await measure_run(spec, options, batch.request.workflow, settings, history)
        found[groups] = _Selection(one, len(texts), sum(texts))
    factor, jobs = tokenizer_factor(spec), batch.request.jobs
    for row, view in await finished_views(store, [row for row in finished if row.groups in found]):
        selection = found[row.groups]
        own = _text_tokens(row)
        predicted = selection.sent(1, own, factor)
        selection.measured.add(view, spec, predicted, own, jobs=jobs)
    return [*found.values()], len(finished)


def _text_tokens(row: Row) -> int:
    return sum(count_tokens(str(v)) for k, v in row.answers.items() if "." not in k)
