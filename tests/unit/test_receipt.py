"""A receipt is plain arithmetic: what was paid, what every group would have taken, the difference."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callsheet.costs.receipt import Receipt, cached_share
from callsheet.costs.reply_history import ReplyHistory, TokenRange, by_schema
from callsheet.usage import NO_USAGE, Usage

usages = st.builds(
    Usage,
    st.integers(0, 10_000),
    st.just(0),
    st.integers(0, 10_000),
    st.none() | st.integers(0, 100).map(float),
)


@given(one=usages, other=usages)
def test_a_sum_with_an_unknown_price_has_none(one: Usage, other: Usage) -> None:
    both = one + other
    assert both.tokens == one.tokens + other.tokens
    assert (both.cost_usd is None) == (one.cost_usd is None or other.cost_usd is None)


def test_what_was_saved_is_the_difference_in_tokens_percent_and_money() -> None:
    receipt = Receipt(Usage(1_000, 0, 200, 0.01), NO_USAGE, Usage(3_000, 0, 600, 0.04), "history")
    assert receipt.to_json()["saved"] == {
        "tokens": 2_400,
        "percent": 66.7,
        "cost_usd": 0.03,
        "input_cost_usd": 0.0,
    }
    assert receipt.to_json()["all"]["output_from"] == "history"


def test_an_unknown_price_saves_no_money() -> None:
    receipt = Receipt(Usage(1_000, 0, 200, None), NO_USAGE, Usage(3_000, 0, 600, 0.04))
    assert receipt.to_json()["saved"]["cost_usd"] is None
    assert receipt.to_json()["paid"]["cost_usd"] is None


def test_without_payment_nothing_is_saved() -> None:
    assert Receipt().saved_percent == 0.0


def test_a_sum_is_as_firm_as_its_weakest_part() -> None:
    report = Receipt(basis="reported") + Receipt(basis="schema") + Receipt(basis="history")
    assert report.basis == "schema"


@pytest.mark.parametrize(("cached", "share"), [(0, 0), (500, 200), (1_000, 400)])
def test_the_estimate_assumes_the_same_cached_share(cached: int, share: int) -> None:
    assert cached_share(Usage(1_000, cached, 0), 400) == share


def test_a_reply_is_shared_among_its_models_by_length() -> None:
    history = ReplyHistory()
    history.add("openai:a", 300, {"LONG": "x" * 200, "SHORT": {"one": "x" * 47, "two": "x" * 47}})
    assert history.expect_model("openai:a", "LONG", {}) == TokenRange(200, 200, 200, "history")
    assert history.expect_model("openai:a", "SHORT", {}) == TokenRange(100, 100, 100, "history")


def test_the_span_of_a_history_is_its_least_its_middle_and_its_most() -> None:
    history = ReplyHistory()
    for tokens in (90, 300, 100):
        history.add("openai:a", tokens, {"ONE": "text"})
    assert history.expect_model("openai:a", "ONE", {}) == TokenRange(90, 100, 300, "history")


def test_replies_of_the_same_llm_are_preferred_for_estimates() -> None:
    history = ReplyHistory()
    history.add("openai:a", 100, {"ONE": "text"})
    history.add("openai:b", 900, {"ONE": "text"})
    assert history.expect_model("openai:b", "ONE", {}).usual == 900
    assert history.expect_model("google:c", "ONE", {}).usual == 500


def test_without_history_the_schemas_bounds_are_the_range() -> None:
    bounded = by_schema({"type": "string", "minLength": 60, "maxLength": 3_000})
    assert (bounded.low, bounded.usual, bounded.high) == (10, 250, 1_000)
    assert bounded.basis == "schema"
    assert by_schema({"maxLength": 26_000}).high == 2_000
    assert ReplyHistory().expect_model("openai:a", "ONE", {"type": "string"}).high == 700


@given(st.integers(0, 5_000), st.integers(0, 5_000))
def test_a_range_is_in_order(shortest: int, longest: int) -> None:
    span = by_schema({"properties": {"a": {"minLength": shortest, "maxLength": longest}}})
    assert 0 <= span.low <= span.high
