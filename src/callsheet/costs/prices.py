"""Prices tokens in US dollars. An unknown price is None, never 0."""

from __future__ import annotations

from callsheet.llm.providers import provider_of


def price(
    provider: str, name: str, input_tokens: int, output_tokens: int, *, cached_tokens: int = 0
) -> float | None:
    """US dollars for so many tokens of an LLM, by the prices that our price list's package carries.

    `cached_tokens` are those of the input that the provider's cache held.
    """
    known = provider_of(provider)
    if known is None or known.drafts_only:
        return None if known is None else 0.0
    if known.priced_as is None:
        return None
    from genai_prices import Usage, calc_price

    try:
        found = calc_price(
            Usage(
                input_tokens=input_tokens,
                cache_read_tokens=cached_tokens,
                output_tokens=output_tokens,
            ),
            model_ref=name,
            provider_id=known.priced_as,
        )
    except (LookupError, ValueError):
        return None
    return float(found.total_price)
