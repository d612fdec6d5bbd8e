"""Published prices of tokens, of the package `genai-prices`; what it does not have is unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

STANDARD_TIERS = frozenset({"", "default", "standard", "auto", "on_demand", "on-demand"})
"""What providers call the tier at the standard price."""


@dataclass(frozen=True)
class ListPrice:
    """US dollars; `at_most` where the price of the tier is not published, and this is the standard one."""

    usd: float | None
    at_most: bool = False


FLEX = "flex"
BATCH = "batch"
"""The tier of calls in a batch job."""

UNKNOWN = ListPrice(None)


def served_tier(details: Mapping[str, Any]) -> str:
    """The service tier that a reply names, or that of batch jobs; empty where it names none."""
    if details.get("processing") == BATCH:
        return BATCH
    tier = details.get("service_tier")
    return tier.lower() if isinstance(tier, str) else ""


def list_price(usage: object, name: str, tier: str = "", **rates: Any) -> ListPrice:
    """The price of this usage, an object with the package's names of token counts.

    `rates` say whose price list applies: `provider_id` or `provider_api_url`.
    """
    # Its data takes a moment to load.
    from genai_prices import calc_price

    context = {} if tier in STANDARD_TIERS else {"service_tier": tier}
    context = {"processing": BATCH} if tier == BATCH else context
    try:
        found = calc_price(usage, name, price_context=context, **rates)
    except (LookupError, ValueError):
        return UNKNOWN
    variants = found.model.price_variants or ()
    if context and all(variant.when != context for variant in variants):
        # These are never dearer than the standard tier; of other tiers nothing is known.
        is_cheaper = tier in (FLEX, BATCH)
        return ListPrice(float(found.total_price), at_most=True) if is_cheaper else UNKNOWN
    return ListPrice(float(found.total_price))
