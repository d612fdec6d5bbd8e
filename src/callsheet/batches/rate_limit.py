"""Counts each call against what a minute may have, in the store, so that it holds across processes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from callsheet.catalog.schemas import schema_text
from callsheet.costs.tokens import count_tokens
from callsheet.llm.providers import choose_key, find_provider, parse_spec
from callsheet.llm.schema_adapter import count_texts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from callsheet.llm.provider_request import ProviderRequest
    from callsheet.runs.options import RunOptions
    from callsheet.runs.service import RunService
    from callsheet.store.port import Allowance

EXPECTED = 300
"""Tokens that a text of a reply has; a generous guess, for nobody knows before it is written."""


def rate_limiter(
    service: RunService, options: RunOptions, allowed: Allowance
) -> Callable[[ProviderRequest], Awaitable[float]] | None:
    """What a pace asks before each call; None where nothing was told that bounds a minute."""
    if allowed.calls is None and allowed.tokens is None:
        return None
    spec, base_url = service.llm_for(options)
    named = parse_spec(spec)
    if not find_provider(named.provider).is_remote:
        return None

    async def allow(asking: ProviderRequest) -> float:
        key = choose_key(named, service.settings.environment, base_url=base_url)
        # A key is told from others by a piece of its hash; from that nobody gets it back.
        mark = hashlib.sha256((key.value if key else "").encode()).hexdigest()[:8]
        pace = f"{named.provider} {base_url or ''} {mark}"
        return await service.store.count_call(pace, _tokens(asking), allowed)

    return allow


def _tokens(asking: ProviderRequest) -> int:
    sent = sum(map(count_tokens, (asking.system, asking.user, schema_text(asking.schema))))
    return sent + EXPECTED * count_texts(asking.schema)
