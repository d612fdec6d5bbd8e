"""Estimates a whole batch: each selection of groups measured, each idea counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from callsheet.costs.planned_prices import EstimatedTokens
from callsheet.llm.tokens import count_tokens, is_exact, tokenizer_factor
from callsheet.modules.support.generation import MAX_REPAIRS
from callsheet.runs.estimate import SAMPLE_IDEA, measure_run, planned_prices
from callsheet.runs.options import RunOptions

if TYPE_CHECKING:
    from callsheet.batches.batch import Batch


@dataclass(frozen=True)
class BatchEstimate:
    """Tokens and cost of the rows that are not finished; an unknown price is None.

    `least_usd` is without repairs, with replies of usual length and with the provider's cache holding
    `cached_input_tokens`; `most_usd` without cache, and with every row repaired as often as allowed.
    """

    rows: int
    finished: int
    calls: int
    input_tokens: int
    output_tokens: int
    exact: bool
    least_usd: float | None
    most_usd: float | None
    cached_input_tokens: int


async def estimate_batch(batch: Batch) -> BatchEstimate:
    """Estimate all rows that are not finished; needs no key and no network."""
    spec = batch.setup.llm.spec
    selections: Counter[tuple[str, ...]] = Counter()
    texts = finished = 0
    done = await batch.finished_runs()
    for row in batch.rows():
        if row.run in done:
            finished += 1
            continue
        selections[row.groups] += 1
        texts += sum(count_tokens(str(v)) for k, v in row.answers.items() if "." not in k)
    texts -= selections.total() * count_tokens(SAMPLE_IDEA)
    total, cached, kept = EstimatedTokens(), 0, 0
    request = batch.request
    asked = RunOptions(call_options=request.call_options)
    plan = partial(planned_prices, spec, batch.service.settings, asked, request.base_url)
    prices = plan(jobs=request.jobs)
    repairs = plan(jobs=request.jobs and request.repair == "job")
    for groups, rows in selections.items():
        options = RunOptions(brief={"idea": SAMPLE_IDEA}, groups=groups)
        one = await measure_run(spec, options, batch.request.workflow, batch.service.settings)
        total += one.times(rows)
        cached += prices.held(one) * (rows - 1)
        kept += prices.held(one) * (rows > 1 and prices.writes)
    # The text of a row is part of each of its messages.
    extra = texts * (total.calls // max(selections.total(), 1))
    sent = total.input + round(max(extra, 0) * tokenizer_factor(spec))
    least = prices.price(sent, total.output, read=cached, kept=kept).usd
    most, more = (each.price(sent, total.output).usd for each in (prices, repairs))
    return BatchEstimate(
        rows=batch.progress.total,
        finished=finished,
        calls=total.calls,
        input_tokens=sent,
        output_tokens=total.output,
        exact=is_exact(spec),
        least_usd=least,
        most_usd=None if most is None or more is None else most + MAX_REPAIRS * more,
        cached_input_tokens=cached,
    )
