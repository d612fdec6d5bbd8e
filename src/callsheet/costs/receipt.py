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

    `saved_input_usd` is the part of the saving that is input; below 0 where all groups would have been
    read from the provider's cache, and the choice is too short for it. `repair` is the part of `paid` that repairs took. It stands in `every` unchanged: how often the
    other groups would have needed one is not guessed.
    """

    paid: Usage = NO_USAGE
    repair: Usage = NO_USAGE
    every: Usage = NO_USAGE
    basis: Basis = "reported"
    saved_input_usd: float | None = 0.0

    def __add__(self, other: Receipt) -> Receipt:
        return Receipt(
            self.paid + other.paid,
            self.repair + other.repair,
            self.every + other.every,
            weaker(self.basis, other.basis),
            None
            if self.saved_input_usd is None or other.saved_input_usd is None
            else self.saved_input_usd + other.saved_input_usd,
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

    def document(self, *, wrote: bool = True) -> RunReceipt:
        """Return the receipt as it stands in a document, with amounts rounded to 6 decimals.

        Calls that `wrote` no prompt are compared with nothing.
        """
        if not wrote:
            return Receipt(self.paid, self.repair, self.paid).document()
        saved, saved_input = self.saved_usd, self.saved_input_usd
        return RunReceipt.model_construct(
            paid=ReceiptAmount.model_construct(**_amounts(self.paid)),
            repair=ReceiptAmount.model_construct(**_amounts(self.repair)),
            all=AllGroupsAmount.model_construct(**_amounts(self.every), output_from=self.basis),
            saved=SavedAmount.model_construct(
                tokens=self.saved_tokens,
                percent=self.saved_percent,
                cost_usd=None if saved is None else round(saved, 6),
                input_cost_usd=None
                if saved is None or saved_input is None
                else round(saved_input, 6),
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
        "cache_write_tokens": usage.cache_write_tokens,
        "cost_at_most": usage.cost_at_most,
    }


def cached_share(usage: Usage, input_tokens: int) -> int:
    """How many of further input tokens a cache would have held, at this usage's own share.

    This is for LLMs whose cache is not documented.
    """
    if not usage.input_tokens:
        return 0
    return round(input_tokens * usage.cached_input_tokens / usage.input_tokens)
