"""A ceiling on what a run may cost: each call's worst case is priced before anything is sent."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

from callsheet.catalog.schemas import models_in, schema_text
from callsheet.costs.image_tokens import request_image_tokens
from callsheet.costs.prices import price
from callsheet.costs.tokens import count_tokens, tokenizer_factor
from callsheet.errors import CallsheetError, CostCeilingError, InputError, PriceUnknownError
from callsheet.llm.providers import parse_spec
from callsheet.llm.retry_policy import CallLimits
from callsheet.llm.schema_adapter import count_texts
from callsheet.loader.rendering import render_instructions, render_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.engine.run_view import RunView
    from callsheet.llm.port import LLM, Reply, Request, TextListener
    from callsheet.loader.bundle import WorkflowBundle
    from callsheet.questions import Question

FRAMING = 200
"""Tokens that a provider puts around a request; a generous guess, for a worst case."""

MOST_NAMED = 3


def worst_cost(spec: str, request: Request) -> float | None:
    """The price of a call with its input counted and its output at the maximum; None if unknown."""
    try:
        named = parse_spec(spec)
    except InputError:
        return None
    shown = request_image_tokens(named.provider, named.name, request.picture)
    if shown is None:
        return None
    limits = CallLimits()
    factor = tokenizer_factor(spec)
    texts = (request.system, request.user, schema_text(request.schema))
    sent = round(sum(map(count_tokens, texts)) * factor) + shown + FRAMING
    most = limits.base_tokens + limits.tokens_per_text * count_texts(request.schema)
    return price(named.provider, named.name, sent, most)


class BudgetedLLM:
    """An LLM that is not called where the call could lift the run's cost over the ceiling.

    Raises CostCeilingError naming the choices that would fit, PriceUnknownError where nobody knows
    what a call costs.
    """

    def __init__(self, llm: LLM, ceiling: float, view: RunView, bundle: WorkflowBundle) -> None:
        self._llm = llm
        self._ceiling = ceiling
        self._view = view
        self._bundle = bundle

    @property
    def spec(self) -> str:
        return self._llm.spec

    async def compose(
        self, request: Request, heard: TextListener | None = None
    ) -> Reply | Question:
        spent = self._view.spent.cost_usd
        worst = worst_cost(self.spec, request)
        if spent is None or worst is None:
            what = "what the picture takes" if request.picture else "the price"
            raise PriceUnknownError(
                f"{what} of `{self.spec}` is unknown, so a ceiling cannot be kept",
                hint="run it without --max-cost, or with an LLM whose price is known",
            )
        left = self._ceiling - spent
        if worst > left:
            raise CostCeilingError(
                f"the next call could cost ${worst:.4f}; ${max(left, 0):.4f} of"
                f" ${self._ceiling:.4f} is left, so nothing was sent",
                hint=self._what_fits(request, left),
            )
        return await self._llm.compose(request, heard)

    def _what_fits(self, request: Request, left: float) -> str:
        fitting = [", ".join(groups) for groups in self._fitting(request, left)]
        if not fitting:
            return "no smaller choice of groups fits either; raise --max-cost"
        return f"these would fit: {'; or '.join(fitting[:MOST_NAMED])}; or raise --max-cost"

    def _fitting(self, request: Request, left: float) -> Iterator[tuple[str, ...]]:
        """The choices among the groups of a request that fit, larger ones first."""
        catalog = self._bundle.resources.catalog
        try:
            groups = {
                catalog.group_of(model).name: None for model in models_in(dict(request.schema))
            }
            for size in range(len(groups) - 1, 0, -1):
                for chosen in combinations(groups, size):
                    system = render_instructions(self._bundle, chosen)
                    schema = render_schema(self._bundle, chosen)
                    less = replace(request, system=system, schema=schema)
                    worst = worst_cost(self.spec, less)
                    if worst is not None and worst <= left:
                        yield chosen
        except CallsheetError:
            # A workflow of another make has no groups to choose fewer of.
            return
