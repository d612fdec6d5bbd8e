"""The LLM of a whole batch: one budget, one circuit breaker and one number of places for all its calls."""

from __future__ import annotations

import asyncio
import copy
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from callsheet.errors import BudgetExceededError, PriceUnknownError, ProviderError

if TYPE_CHECKING:
    from callsheet.batches.circuit_breaker import CircuitBreaker
    from callsheet.costs.budget import Budget
    from callsheet.llm.port import LLM, Reply, Request, TextListener
    from callsheet.questions import Question


def rows_for(calls: int) -> int:
    """Return how many rows are in progress at once for so many calls: a fourth more.

    While some rows are checked and stored, the calls of others take their places.
    """
    return calls + calls // 4


class BatchLLM:
    """Calls an LLM while the budget lasts and the circuit is closed.

    It makes so many `calls` at once. `budget` is what is left for them, None without a limit.
    """

    def __init__(
        self, llm: LLM, breaker: CircuitBreaker, calls: int, budget: Budget | None = None
    ) -> None:
        self._llm = llm
        self._breaker = breaker
        self._places = asyncio.Semaphore(calls)
        self.budget = budget
        self.repeated = 1

    @property
    def spec(self) -> str:
        return self._llm.spec

    def repeating(self, repeated: int) -> BatchLLM:
        """The same for one of so many rows that are expected to send the same instructions and schema."""
        same = copy.copy(self)
        same.repeated = repeated
        return same

    async def hold(self, request: Request) -> None:
        """Take off the budget what a call may cost whose reply comes with a provider job."""
        self._breaker.check()
        try:
            if self.budget:
                await self.budget.hold(self.spec, request)
        except (BudgetExceededError, PriceUnknownError) as error:
            self._breaker.record_failure(error)
            self._breaker.check()
            raise

    async def compose(
        self, request: Request, on_text: TextListener | None = None
    ) -> Reply | Question:
        # Nobody watches a row being written, and each partial reply would be judged and stored.
        del on_text
        async with self._places:
            return await self._compose(request)

    async def _compose(self, request: Request) -> Reply | Question:
        self._breaker.check()
        budget = self.budget
        try:
            async with budget.reserve(self.spec, request) if budget else nullcontext():
                # It may have opened while the call waited for its reservation.
                self._breaker.check()
                reply = await self._call(request)
                if budget:
                    budget.add(reply)
                return reply
        except (BudgetExceededError, PriceUnknownError) as error:
            self._breaker.record_failure(error)
            self._breaker.check()
            raise

    async def _call(self, request: Request) -> Reply | Question:
        try:
            # A request that is asked once only, such as a repair, stays one.
            repeated = self.repeated if request.repeated else 0
            reply = await self._llm.compose(replace(request, repeated=repeated))
        except ProviderError as error:
            self._breaker.record_failure(error)
            raise
        self._breaker.record_success()
        return reply
