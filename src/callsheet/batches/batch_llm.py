"""The LLM of a whole batch: one ceiling for all its calls, and one door that can be shut.

Where a provider refuses the key or the account, every row would meet the same: the door is shut
with that error, and each row that comes to it ends with the same, having paid nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from callsheet.costs.budget import worst_cost
from callsheet.errors import (
    BillingError,
    CostCeilingError,
    KeyMissingError,
    KeyRefusedError,
    ModelNotFoundError,
    OverloadedError,
    PriceUnknownError,
    ProviderError,
    QuotaError,
    UnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from callsheet.llm.port import LLM, Reply, Request, TextListener
    from callsheet.questions import Question

FATAL_ERRORS = (
    KeyMissingError,
    KeyRefusedError,
    BillingError,
    QuotaError,
    ModelNotFoundError,
    CostCeilingError,
    PriceUnknownError,
)
"""Failures that the next row would meet as well."""

MAX_CONSECUTIVE_FAILURES = 5
"""So many calls that a provider fails, one after another and none answered, are for all too."""


class BatchLLM:
    """Calls an LLM while the batch's money lasts and its door is open.

    `spent` is what recorded calls of the batch have cost; None where a price is unknown.
    """

    def __init__(self, llm: LLM, ceiling: float | None = None, spent: float | None = 0.0) -> None:
        self._llm = llm
        self._ceiling = ceiling
        self._spent = spent
        self._reserved = 0.0
        self._settled = asyncio.Condition()
        self._failures = 0
        self.shut: ProviderError | None = None

    @property
    def spec(self) -> str:
        return self._llm.spec

    async def compose(
        self, request: Request, heard: TextListener | None = None
    ) -> Reply | Question:
        # Nobody watches a row being written, and each piece that is heard would be judged and stored.
        del heard
        async with self._paid(request):
            if self.shut is not None:
                raise self.shut.with_traceback(None)
            try:
                reply = await self._llm.compose(request)
            except ProviderError as error:
                self.judge(error)
                raise
            self._failures = 0
            cost = getattr(getattr(reply, "usage", None), "cost_usd", None)
            self._spent = None if None in (self._spent, cost) else (self._spent or 0) + (cost or 0)
            return reply

    def close(self, error: ProviderError) -> None:
        """Shuts the door: whoever comes from now on meets this error."""
        self.shut = self.shut or error

    def judge(self, error: ProviderError) -> None:
        """Shuts the door where every further call would meet the same."""
        lasting = isinstance(error, OverloadedError) and error.retry_after is not None
        if isinstance(error, (OverloadedError, UnreachableError)):
            self._failures += 1
        if isinstance(error, FATAL_ERRORS) or lasting or self._failures >= MAX_CONSECUTIVE_FAILURES:
            self.close(error)

    @asynccontextmanager
    async def _paid(self, request: Request) -> AsyncIterator[None]:
        """Keeps the call's worst case aside while it is under way."""
        worst = await self._reserve(request) if self._ceiling is not None else 0.0
        try:
            yield
        finally:
            if self._ceiling is not None:
                async with self._settled:
                    self._reserved -= worst
                    self._settled.notify_all()

    async def _reserve(self, request: Request) -> float:
        """The call's worst case; waits while calls under way may turn out cheaper than feared."""
        worst = worst_cost(self.spec, request)
        async with self._settled:
            while True:
                if self.shut is not None:
                    raise self.shut.with_traceback(None)
                left = self._left(worst)
                assert worst is not None  # noqa: S101  # `_left` saw to it
                if worst <= left - self._reserved:
                    self._reserved += worst
                    return worst
                if not self._reserved:
                    error = CostCeilingError(
                        f"the next call could cost ${worst:.4f}; ${max(left, 0):.4f} of the"
                        f" batch's ${self._ceiling:.4f} is left, so nothing was sent",
                        hint="raise --max-cost and give the same command again",
                    )
                    self.close(error)
                    raise error
                await self._settled.wait()

    def _left(self, worst: float | None) -> float:
        if worst is None or self._spent is None or self._ceiling is None:
            error = PriceUnknownError(
                f"the price of `{self.spec}` is unknown, so a ceiling cannot be kept",
                hint="leave --max-cost away, or choose an LLM whose price is known",
            )
            self.close(error)
            raise error
        return self._ceiling - self._spent
