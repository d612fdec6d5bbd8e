"""Tokens are counted exactly, prices are known or None, and savings add up."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callsheet.costs.prices import price
from callsheet.costs.savings import InstructionSavings
from callsheet.llm.tokens import count_tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("", 0), ("hello world", 2), ("A woman reads by a rain-streaked window.", 11), ("🐈", 2)],
)
def test_tokens_are_those_of_openais_own_vocabulary(text: str, tokens: int) -> None:
    assert count_tokens(text) == tokens


def test_the_names_of_special_tokens_are_plain_text() -> None:
    assert count_tokens("<|endoftext|>") > 1


def test_a_lone_surrogate_is_counted_as_its_replacement() -> None:
    assert count_tokens("a\ud83d") == count_tokens("a?")


@settings(max_examples=50, deadline=None)
@given(first=st.text(max_size=50), second=st.text(max_size=50))
def test_a_text_has_at_most_as_many_tokens_as_bytes(first: str, second: str) -> None:
    whole = count_tokens(first + second)

    assert whole <= len((first + second).encode())
    assert (whole > 0) == bool(first + second)


def test_free_llms_cost_nothing_and_unknown_prices_are_unknown() -> None:
    assert price("offline", "", 1_000, 1_000) == 0.0
    assert price("openai", "a-model-nobody-has", 1_000, 1_000) is None
    assert price("a-provider-nobody-knows", "x", 1_000, 1_000) is None


def test_a_known_price_grows_with_the_tokens() -> None:
    once, twice = (price("openai", "gpt-4o", n * 1_000, n * 100) for n in (1, 2))

    assert once is not None
    assert twice == pytest.approx(2 * once)
    assert once > 0


@pytest.mark.parametrize(
    ("sent", "everything", "percent"),
    [(0, 0, 0.0), (100, 100, 0.0), (25, 100, 75.0), (1, 3, 66.7), (0, 5, 100.0)],
)
def test_savings_are_the_share_that_was_not_sent(
    sent: int, everything: int, percent: float
) -> None:
    savings = InstructionSavings(sent, everything)

    assert savings.percent == percent
    assert savings.to_json() == {
        "instruction_tokens": sent,
        "instruction_tokens_all": everything,
        "percent": percent,
    }


def test_savings_of_several_steps_add_up() -> None:
    total = sum(
        [InstructionSavings(10, 100), InstructionSavings(40, 100)], start=InstructionSavings()
    )

    assert total == InstructionSavings(50, 200)
    assert total.percent == 75.0
