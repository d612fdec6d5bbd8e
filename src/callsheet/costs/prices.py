"""Prices tokens in US dollars. An unknown price is None, never 0."""

from __future__ import annotations

from callsheet.llm.price_list import UNKNOWN, ListPrice, list_price
from callsheet.llm.providers import provider_of


def price(  # noqa: PLR0913  # each is a kind of tokens, or what their price depends on
    provider: str,
    name: str,
    input_tokens: int,
    output_tokens: int,
    *,
    cached_tokens: int = 0,
    written_tokens: int = 0,
    tier: str = "",
) -> float | None:
    """US dollars for so many tokens of an LLM, by the prices that our price list's package carries.

    `cached_tokens` are those of the input that the provider's cache held, `written_tokens` those that
    it keeps from this call on.
    """
    return tier_price(
        provider,
        name,
        {
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
            "cache_read_tokens": cached_tokens,
            "cache_write_tokens": written_tokens,
        },
        tier,
    ).usd


def tier_price(provider: str, name: str, tokens: dict[str, int], tier: str = "") -> ListPrice:
    """The same for tokens by the package's names of them, and whether it is an upper bound."""
    known = provider_of(provider)
    if known is None or known.priced_as is None:
        return ListPrice(0.0) if known is not None and known.drafts_only else UNKNOWN
    from genai_prices import Usage

    return list_price(Usage(**tokens), name, tier, provider_id=known.priced_as)
