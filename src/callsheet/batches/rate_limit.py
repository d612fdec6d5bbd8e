"""Limits calls and tokens per minute; the count is in the store, so it holds across processes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from callsheet.catalog.schemas import schema_text
from callsheet.llm.providers import choose_key, find_provider, parse_spec
from callsheet.llm.schema_adapter import count_texts
from callsheet.llm.tokens import count_tokens

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from callsheet.llm.provider_request import ProviderRequest
    from callsheet.runs.options import RunOptions
    from callsheet.runs.service import RunService
    from callsheet.store.port import RateLimit

EXPECTED_REPLY_TOKENS = 300
"""Tokens of one text of a reply; a generous estimate, for they are unknown before the call."""


def rate_limiter(
    service: RunService, options: RunOptions, limit: RateLimit
) -> Callable[[ProviderRequest], Awaitable[float]] | None:
    """Return what the concurrency limiter asks before each call; None without a limit."""
    if limit.calls is None and limit.tokens is None:
        return None
    spec, base_url = service.llm_for(options)
    named = parse_spec(spec)
    if not find_provider(named.provider).is_remote:
        return None

    async def allow(request: ProviderRequest) -> float:
        key = choose_key(named, service.settings.environment, base_url=base_url)
        # A part of its hash distinguishes a key from others; the key cannot be recovered from it.
        fingerprint = hashlib.sha256((key.value if key else "").encode()).hexdigest()[:8]
        account = f"{named.provider} {base_url or ''} {fingerprint}"
        return await service.store.count_call(account, _tokens(request), limit)

    return allow


def _tokens(request: ProviderRequest) -> int:
    sent = sum(map(count_tokens, (request.system, request.user, schema_text(request.schema))))
    return sent + EXPECTED_REPLY_TOKENS * count_texts(request.schema)
