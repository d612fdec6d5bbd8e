"""A run's budget: a call that could exceed it is not sent, and an unknown price stops the run."""

from __future__ import annotations

import json

import pytest

from callsheet import build_schema
from callsheet.llm.offline import OfflineLLM
from callsheet.llm.port import Reply, Request, TextListener, Usage
from callsheet.runs.options import RunOptions
from tests.support.cli import Terminal
from tests.support.run_backends import RunBackend
from tests.support.runs import IDEA

PRICED = "openai:gpt-5.2"


class Paid:
    """An LLM that returns drafts and reports a cost for each call."""

    def __init__(self, cost: float | None, spec: str = PRICED) -> None:
        self.spec = spec
        self.cost = cost
        self.calls = 0

    async def compose(self, request: Request, on_text: TextListener | None = None) -> Reply:
        self.calls += 1
        text = (await OfflineLLM().compose(request, on_text)).text
        return Reply(text, "stop", Usage(1000, 0, 500, self.cost), "paid")


async def _run(place: RunBackend, llm: Paid, budget: float, *groups: str) -> tuple[str, str, str]:
    """Return status, error code and hint of a run with a budget."""
    options = RunOptions(brief={"idea": IDEA}, groups=groups, max_cost=budget)
    session = await place.service(llm).start(options)
    view = await session.advance()
    return view.status, view.error.code if view.error else "", view.error.hint if view.error else ""


async def test_within_the_budget_everything_is_written(place: RunBackend) -> None:
    llm = Paid(0.01)
    assert (await _run(place, llm, 1.0, "sora", "motion_2_0"))[0] == "succeeded"
    assert llm.calls == 2


async def test_beyond_the_budget_nothing_is_sent_and_what_fits_is_named(place: RunBackend) -> None:
    llm = Paid(0.01)
    status, code, hint = await _run(place, llm, 0.16, "sora", "leonardo", "midjourney")
    assert (status, code) == ("failed", "cost_ceiling")
    assert llm.calls == 0
    assert "these would fit: sora, leonardo" in hint


async def test_what_was_spent_before_counts(place: RunBackend) -> None:
    llm = Paid(0.95)
    status, code, _ = await _run(place, llm, 1.0, "sora", "motion_2_0")
    assert (status, code) == ("failed", "cost_ceiling")
    assert llm.calls == 1


@pytest.mark.parametrize("spec", ["openai:nobody-knows-this-one", "ollama:qwen3", "scripted"])
async def test_an_unknown_price_stops_a_run_with_a_budget_and_says_so(
    place: RunBackend, spec: str
) -> None:
    llm = Paid(None, spec)
    status, code, _ = await _run(place, llm, 1.0, "sora")
    assert (status, code) == ("failed", "price_unknown")
    assert llm.calls == 0


async def test_a_call_with_unknown_price_stops_the_next_call(place: RunBackend) -> None:
    llm = Paid(None)
    status, code, _ = await _run(place, llm, 1.0, "sora", "motion_2_0")
    assert (status, code) == ("failed", "price_unknown")
    assert llm.calls == 1


def test_max_cost_on_the_command_line_ends_with_5_before_anything_is_sent(
    terminal: Terminal,
) -> None:
    terminal.env["OPENAI_API_KEY"] = "sk-nobody"
    words = ("run", "--json", "--idea", IDEA, "--groups", "sora", "--llm", PRICED)
    result = terminal(*words, "--max-cost", "0.001")
    assert result.status == 5
    assert result.json["error"]["code"] == "cost_ceiling"
    assert result.json["usage"]["calls"] == 0
    terminal.env["CALLSHEET_MAX_COST"] = "0.001"
    assert terminal(*words).json["error"]["code"] == "cost_ceiling"


@pytest.mark.parametrize("amount", ["-1", "nan", "much"])
def test_an_invalid_max_cost_is_rejected(terminal: Terminal, amount: str) -> None:
    assert terminal("run", "--idea", "x", "--groups", "sora", f"--max-cost={amount}").status == 2


def test_offline_runs_cost_nothing_under_any_budget(terminal: Terminal) -> None:
    result = terminal("run", "--json", "--idea", "x", "--groups", "all", "--max-cost", "0")
    assert result.status == 0
    assert result.json["usage"]["cost_usd"] == 0
    assert json.dumps(build_schema(["sora"]))  # the schema was built, not the call skipped
