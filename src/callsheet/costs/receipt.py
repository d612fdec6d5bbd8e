"""What calls took, beside what the same calls would have taken for every group; plain arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Basis = Literal["reported", "history", "schema"]
"""Where an output comes from: told by the provider, this person's own history, a schema's bounds."""

_FIRMEST: tuple[Basis, ...] = ("reported", "history", "schema")


def weaker(one: Basis, other: Basis) -> Basis:
    """The less firm of two: a sum is as firm as its weakest part."""
    return max(one, other, key=_FIRMEST.index)


@dataclass(frozen=True)
class Bill:
    """Tokens and their price in US dollars; None is a price that nobody knows, never 0."""

    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Bill) -> Bill:
        known = self.cost_usd is not None and other.cost_usd is not None
        return Bill(
            self.input_tokens + other.input_tokens,
            self.cached_input_tokens + other.cached_input_tokens,
            self.output_tokens + other.output_tokens,
            (self.cost_usd or 0.0) + (other.cost_usd or 0.0) if known else None,
        )

    def to_json(self) -> dict[str, int | float | None]:
        """As in a document."""
        return {
            "input_tokens": self.input_tokens,
            "cached_input_tokens": self.cached_input_tokens,
            "output_tokens": self.output_tokens,
            "cost_usd": None if self.cost_usd is None else round(self.cost_usd, 6),
        }


@dataclass(frozen=True)
class Receipt:
    """What was paid, and what every group would have taken; `basis` says how firm that output is.

    `repair` is the part of `paid` that repairs took. It stands in `every` unchanged: how often the
    other groups would have needed one is not guessed.
    """

    paid: Bill = Bill()
    repair: Bill = Bill()
    every: Bill = Bill()
    basis: Basis = "reported"

    def __add__(self, other: Receipt) -> Receipt:
        return Receipt(
            self.paid + other.paid,
            self.repair + other.repair,
            self.every + other.every,
            weaker(self.basis, other.basis),
        )

    @property
    def saved_tokens(self) -> int:
        """Tokens that were neither sent nor written."""
        return self.every.tokens - self.paid.tokens

    @property
    def saved_percent(self) -> float:
        """The same as a share of what every group would have taken."""
        return round(100 * self.saved_tokens / self.every.tokens, 1) if self.every.tokens else 0.0

    @property
    def saved_usd(self) -> float | None:
        """What was not paid, where both prices are known."""
        if self.paid.cost_usd is None or self.every.cost_usd is None:
            return None
        return self.every.cost_usd - self.paid.cost_usd

    def to_json(self) -> dict[str, Any]:
        """As in a document."""
        saved = self.saved_usd
        return {
            "paid": self.paid.to_json(),
            "repair": self.repair.to_json(),
            "all": {**self.every.to_json(), "output_from": self.basis},
            "saved": {
                "tokens": self.saved_tokens,
                "percent": self.saved_percent,
                "cost_usd": None if saved is None else round(saved, 6),
            },
        }


def cached_share(bill: Bill, input_tokens: int) -> int:
    """How many of further input tokens a cache would have held, at the bill's own share."""
    if not bill.input_tokens:
        return 0
    return round(input_tokens * bill.cached_input_tokens / bill.input_tokens)
