"""One budget over many calls: worst cases are reserved, and a call waits where others may be cheaper."""

from __future__ import annotations

import asyncio

import pytest

from callsheet.batches.batch_llm import BatchLLM
from callsheet.batches.circuit_breaker import MAX_CONSECUTIVE_FAILURES, CircuitBreaker
from callsheet.costs.budget import Budget, BudgetedLLM, worst_cost
from callsheet.errors import (
    BudgetExceededError,
    DeadlineError,
    KeyRefusedError,
    PriceUnknownError,
    ProviderError,
    UnreachableError,
)
from callsheet.llm.port import LLM, Reply, Request, TextListener, Usage

PRICED = "openai:gpt-5.2"


class Gated:
    """An LLM whose calls end when they are let go, each at the same cost or with the same error."""

    spec = PRICED

    def __init__(self, cost: float | None = 0.0, error: ProviderError | None = None) -> None:
        self.gate = asyncio.Event()
        self.cost = cost
        self.error = error
        self.calls = 0

    async def compose(self, request: Request, on_text: TextListener | None = None) -> Reply:
        self.calls += 1
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return Reply("{}", "stop", Usage(1, 0, 1, self.cost), "gated")


def _request(text: str = "a heron") -> Request:
    return Request("write", text, {"type": "object"})


def _worst(text: str = "a heron") -> float:
    worst = worst_cost(PRICED, _request(text))
    assert worst
    return worst


def _budget(limit: float, spent: float | None = 0.0) -> Budget:
    return Budget(limit, spent, lambda *_: "raise it")


async def _settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def _start(llm: LLM, number: int) -> list[asyncio.Task[object]]:
    return [asyncio.create_task(llm.compose(_request())) for _ in range(number)]


async def test_calls_at_once_reserve_their_worst_case_together() -> None:
    inner = Gated()
    llm = BudgetedLLM(inner, _budget(2.5 * _worst()))
    tasks = _start(llm, 5)
    await _settle()
    assert inner.calls == 2
    inner.gate.set()
    await asyncio.gather(*tasks)
    assert inner.calls == 5


async def test_a_call_that_uses_its_reserved_maximum_leaves_nothing_for_waiting_calls() -> None:
    inner = Gated(cost=_worst())
    llm = BudgetedLLM(inner, _budget(2.5 * _worst()))
    tasks = _start(llm, 4)
    await _settle()
    inner.gate.set()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert inner.calls == 2
    assert [type(end) for end in ends[2:]] == [BudgetExceededError] * 2


async def test_reservations_of_any_size_are_given_back_whole() -> None:
    """Floats that are added up and taken away again may leave a rest, on which a call would wait."""
    budget = _budget(5 * _worst())
    texts = ["x" * n for n in range(1, 400, 7)]

    async def reserve(text: str) -> None:
        async with budget.reserve(PRICED, _request(text)):
            await asyncio.sleep(0)

    await asyncio.gather(*map(reserve, texts))
    dear = _request("heron " * 400_000)
    with pytest.raises(BudgetExceededError, match="is left, so nothing was sent"):
        await asyncio.wait_for(_enter(budget, dear), 60)


async def _enter(budget: Budget, request: Request) -> None:
    async with budget.reserve(PRICED, request):
        pass


async def test_a_call_with_unknown_price_ends_the_wait_of_other_calls() -> None:
    inner = Gated(cost=None)
    tasks = _start(BudgetedLLM(inner, _budget(1.5 * _worst())), 2)
    await _settle()
    inner.gate.set()
    _, late = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(late, PriceUnknownError)


async def test_a_call_that_was_cut_off_may_have_cost_anything_so_no_other_is_sent() -> None:
    cut = DeadlineError("too slow")
    cut.received = Reply("", "broken", Usage(), "gated")
    inner = Gated(error=cut)
    inner.gate.set()
    llm = BudgetedLLM(inner, _budget(5 * _worst()))
    with pytest.raises(DeadlineError):
        await llm.compose(_request())
    with pytest.raises(PriceUnknownError, match="the cost of an earlier call is unknown"):
        await llm.compose(_request())
    assert inner.calls == 1


@pytest.mark.parametrize(
    ("places", "worst_cases"), [(3, 1.5), (1, 5.0)], ids=["for its reservation", "for its place"]
)
async def test_a_call_that_waited_is_not_sent_once_the_circuit_is_open(
    places: int, worst_cases: float
) -> None:
    breaker = CircuitBreaker()
    inner = Gated(error=KeyRefusedError("no"))
    budget = _budget(worst_cases * _worst())
    llm = BatchLLM(inner, breaker, places, budget)
    tasks = _start(llm, 3)
    await _settle()
    inner.gate.set()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert inner.calls == 1
    assert [type(end) for end in ends] == [KeyRefusedError] * 3
    assert isinstance(breaker.error, KeyRefusedError)


async def test_a_call_that_does_not_fit_stops_those_that_would() -> None:
    breaker, inner = CircuitBreaker(), Gated()
    inner.gate.set()
    llm = BatchLLM(inner, breaker, 1, _budget(_worst("heron " * 500)))
    with pytest.raises(BudgetExceededError):
        await llm.compose(_request("heron " * 5_000))
    with pytest.raises(BudgetExceededError):
        await llm.compose(_request())
    assert inner.calls == 0


def test_the_circuit_opens_after_so_many_failures_with_no_reply_between() -> None:
    breaker = CircuitBreaker()
    for _ in range(MAX_CONSECUTIVE_FAILURES - 1):
        breaker.record_failure(UnreachableError("nobody"))
    breaker.record_success()
    breaker.record_failure(UnreachableError("nobody"))
    assert not breaker.is_open
    for _ in range(MAX_CONSECUTIVE_FAILURES - 1):
        breaker.check()
        breaker.record_failure(UnreachableError("nobody"))
    with pytest.raises(UnreachableError):
        breaker.check()
