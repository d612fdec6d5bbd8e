"""What calls took, beside what the same calls would have taken for every group; plain arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from callsheet.documents import (
    AllGroupsAmount,
    ReceiptAmount,
    RunReceipt,
    SavedAmount,
)
from callsheet.usage import NO_USAGE, Usage

Basis = Literal["reported", "history", "schema"]
"""Where an output comes from: told by the provider, this person's own history, a schema's bounds."""

_FIRMEST: tuple[Basis, ...] = ("reported", "history", "schema")


def weaker(one: Basis, other: Basis) -> Basis:
    """The less firm of two: a sum is as firm as its weakest part."""
    return max(one, other, key=_FIRMEST.index)


@dataclass(frozen=True)
class Receipt:
    """What was paid, and what every group would have taken; `basis` says how firm that output is.

    `repair` is the part of `paid` that repairs took. It stands in `every` unchanged: how often the
    other groups would have needed one is not guessed.
    """

    paid: Usage = NO_USAGE
    repair: Usage = NO_USAGE
    every: Usage = NO_USAGE
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

    def document(self) -> RunReceipt:
        """Return the receipt as it stands in a document, with amounts rounded to 6 decimals."""
        saved = self.saved_usd
        return RunReceipt.model_construct(
            paid=ReceiptAmount.model_construct(**_amounts(self.paid)),
            repair=ReceiptAmount.model_construct(**_amounts(self.repair)),
            all=AllGroupsAmount.model_construct(**_amounts(self.every), output_from=self.basis),
            saved=SavedAmount.model_construct(
                tokens=self.saved_tokens,
                percent=self.saved_percent,
                cost_usd=None if saved is None else round(saved, 6),
            ),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the document's JSON."""
        return self.document().to_json()


def _amounts(usage: Usage) -> dict[str, Any]:
    """Tokens and cost as a receipt shows them."""
    return {
        "input_tokens": usage.input_tokens,
        "cached_input_tokens": usage.cached_input_tokens,
        "output_tokens": usage.output_tokens,
        "cost_usd": None if usage.cost_usd is None else round(usage.cost_usd, 6),
    }


def cached_share(usage: Usage, input_tokens: int) -> int:
    """How many of further input tokens a cache would have held, at this usage's own share."""
    if not usage.input_tokens:
        return 0
    return round(input_tokens * usage.cached_input_tokens / usage.input_tokens)
