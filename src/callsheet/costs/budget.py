"""Enforces a budget: the worst case of each call is priced and reserved before the call is sent."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from itertools import combinations, islice
from typing import TYPE_CHECKING

from callsheet.catalog.schemas import models_in, schema_text
from callsheet.costs.cached_input import cache_terms, written_tokens
from callsheet.costs.image_tokens import request_image_tokens
from callsheet.costs.prices import tier_price
from callsheet.errors import (
    BudgetExceededError,
    CallsheetError,
    DeadlineError,
    InputError,
    PriceUnknownError,
)
from callsheet.llm.output_limit import output_limit, thinks
from callsheet.llm.price_list import BATCH
from callsheet.llm.providers import parse_spec
from callsheet.llm.tokens import count_tokens, tokenizer_factor
from callsheet.loader.rendering import render_instructions, render_schema

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from callsheet.engine.run_view import RunView
    from callsheet.llm.port import LLM, Reply, Request, TextListener, Usage
    from callsheet.loader.bundle import WorkflowBundle
    from callsheet.questions import Question

FRAMING = 200
"""Tokens that a provider adds around a request; a generous estimate, for a worst case."""

MAX_SUGGESTIONS = 3


def worst_cost(
    spec: str, request: Request, most_tokens: int | None = None, *, batch: bool = False
) -> float | None:
    """Price a call in US dollars, input counted and output at its maximum; None if unknown.

    `most_tokens` is the output limit, where a person chose one; `batch` for a row of a batch job.
    """
    try:
        llm = parse_spec(spec)
    except InputError:
        return None
    image = request_image_tokens(llm.provider, llm.name, request.picture)
    if image is None:
        return None
    factor = tokenizer_factor(spec)
    texts = (request.system, request.user, schema_text(request.schema))
    sent = round(sum(map(count_tokens, texts)) * factor) + image + FRAMING
    thinking = thinks(spec, own=False)
    most = output_limit(request.schema, thinking=thinking, chosen=most_tokens)
    tier = BATCH if batch else ""
    terms = cache_terms(spec, tier)
    tokens = {"input_tokens": sent, "output_tokens": most}
    tokens |= written_tokens(terms, sent if terms and terms.marked else 0)
    return tier_price(llm.provider, llm.name, tokens, tier).usd


class Budget:
    """US dollars that calls may cost together, over one run or over all rows of a batch.

    `spent` is what recorded calls have cost, None where that of any is unknown. `suggest` returns the
    hint for a request that does not fit into what is left, `most_tokens` the chosen output limit.
    """

    def __init__(
        self,
        limit: float,
        spent: float | None,
        suggest: Callable[[str, Request, float], str],
        *,
        owner: str = "",
        most_tokens: int | None = None,
    ) -> None:
        self._limit = limit
        self._spent = spent
        self._suggest = suggest
        self._owner = owner
        self._most_tokens = most_tokens
        # Kept one by one: a sum of floats that is added to and taken from may never return to zero.
        self._reserved: list[float] = []
        self._released = asyncio.Condition()

    @asynccontextmanager
    async def reserve(
        self, spec: str, request: Request, *, batch: bool = False
    ) -> AsyncIterator[None]:
        """Reserve a call's worst case while it is in progress; `batch` for a row of a batch job.

        Waits while calls in progress may turn out cheaper than their worst case. Raises
        BudgetExceededError where the call does not fit, PriceUnknownError where a price is unknown.
        """
        worst = worst_cost(spec, request, self._most_tokens, batch=batch)
        async with self._released:
            while True:
                known, left = self._check_known(spec, request, worst)
                if known <= left - sum(self._reserved):
                    break
                if not self._reserved:
                    raise BudgetExceededError(
                        f"the next call could cost ${known:.4f}; ${max(left, 0):.4f} of"
                        f" {self._owner}${self._limit:.4f} is left, so nothing was sent",
                        hint=self._suggest(spec, request, left),
                    )
                await self._released.wait()
            self._reserved.append(known)
        try:
            yield
        except DeadlineError as error:
            if error.received is not None:
                # The provider may charge for what it wrote; nobody knows how much.
                self._spent = None
            raise
        finally:
            async with self._released:
                self._reserved.remove(known)
                self._released.notify_all()

    async def hold(self, spec: str, request: Request) -> None:
        """Take off a call's worst case whose reply comes with a provider job; raises as `reserve`."""
        async with self.reserve(spec, request, batch=True):
            worst = worst_cost(spec, request, self._most_tokens, batch=True)
            self._spent = None if self._spent is None or worst is None else self._spent + worst

    def _check_known(self, spec: str, request: Request, worst: float | None) -> tuple[float, float]:
        """Return the worst case and what is left of the budget; raises PriceUnknownError."""
        if worst is None:
            what = "what the picture takes" if request.picture else "the price"
            raise PriceUnknownError(
                f"{what} of `{spec}` is unknown, so the budget cannot be enforced",
                hint="leave --max-cost out, or choose an LLM whose price is known",
            )
        if self._spent is None:
            raise PriceUnknownError(
                "the cost of an earlier call is unknown, because it was cut off or its price is"
                " unknown, so the budget cannot be enforced",
                hint="leave --max-cost out to continue",
            )
        return worst, self._limit - self._spent

    def add(self, reply: Reply | Question) -> None:
        """Add what a call has cost; call it before its reservation ends."""
        usage: Usage | None = getattr(reply, "usage", None)
        if usage is None:
            return
        if self._spent is None or usage.cost_usd is None:
            self._spent = None
        else:
            self._spent += usage.cost_usd


class BudgetedLLM:
    """An LLM that sends no call which could exceed the budget."""

    def __init__(self, llm: LLM, budget: Budget) -> None:
        self._llm = llm
        self._budget = budget

    @property
    def spec(self) -> str:
        return self._llm.spec

    async def compose(
        self, request: Request, on_text: TextListener | None = None
    ) -> Reply | Question:
        async with self._budget.reserve(self.spec, request):
            reply = await self._llm.compose(request, on_text)
            self._budget.add(reply)
            return reply


def with_run_budget(llm: LLM, limit: float, view: RunView, bundle: WorkflowBundle) -> LLM:
    """Apply a run's own budget to its LLM; what the run has cost so far counts."""
    most = chosen_output_limit(llm)
    suggest = partial(_suggest_groups, bundle, most)
    return BudgetedLLM(llm, Budget(limit, view.usage.cost_usd, suggest, most_tokens=most))


def chosen_output_limit(llm: LLM) -> int | None:
    """The most tokens that a reply of this LLM may have, where a person chose that."""
    from callsheet.llm.provider_llm import ProviderLLM

    return llm.limits.max_tokens if isinstance(llm, ProviderLLM) else None


def _suggest_groups(
    bundle: WorkflowBundle, most: int | None, spec: str, request: Request, left: float
) -> str:
    cost = partial(worst_cost, spec, most_tokens=most)
    selections = islice(_affordable_selections(bundle, cost, request, left), MAX_SUGGESTIONS)
    fitting = "; or ".join(", ".join(groups) for groups in selections)
    if not fitting:
        return "no smaller choice of groups fits either; raise --max-cost"
    return f"these would fit: {fitting}; or raise --max-cost"


def _affordable_selections(
    bundle: WorkflowBundle, cost: Callable[[Request], float | None], request: Request, left: float
) -> Iterator[tuple[str, ...]]:
    """The selections among a request's groups that fit into the budget, larger ones first."""
    catalog = bundle.resources.catalog
    try:
        models = models_in(dict(request.schema))
        groups = {catalog.group_of(model).name: None for model in models}
        for size in range(len(groups) - 1, 0, -1):
            for some in combinations(groups, size):
                selection = tuple(catalog.names_of(some, models))
                system = render_instructions(bundle, selection)
                schema = render_schema(bundle, selection)
                worst = cost(replace(request, system=system, schema=schema))
                if worst is not None and worst <= left:
                    yield selection
    except CallsheetError:
        # A workflow that does not build its prompts from groups has no smaller selection.
        return
