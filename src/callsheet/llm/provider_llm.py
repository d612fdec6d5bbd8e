"""An LLM of a provider, called until it replies or the retry policy gives up.

Importing this is cheap: the client library is imported with the first request.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from callsheet.activity import Retrying, report
from callsheet.errors import DeadlineError
from callsheet.llm.error_messages import LLMAddress, error_for, redact, visible
from callsheet.llm.port import Reply, Usage
from callsheet.llm.provider_request import Endpoint, ProviderRequest
from callsheet.llm.providers import find_provider
from callsheet.llm.retry_policy import (
    TRIES,
    AcceptPartial,
    CallLimits,
    GiveUp,
    RetryAfter,
    RetryChanged,
    RetryState,
    next_step,
)
from callsheet.llm.schema_adapter import adapt_schema, count_texts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from callsheet.llm.concurrency import ConcurrencyLimiter
    from callsheet.llm.port import Request, TextListener
    from callsheet.llm.provider_client import ProviderClient
    from callsheet.llm.provider_errors import ProviderFailure
    from callsheet.llm.provider_request import Mode, Refusable
    from callsheet.llm.providers import Key
    from callsheet.llm.proxies import Proxy

_AS_TEXT = (
    "Reply with one JSON object and nothing else: no fence, no word before or after it."
    " It follows this JSON schema:"
)


@dataclass
class ProviderLLM:
    """An LLM of a provider, or, with `base_url`, of a server of the person's own.

    It remembers which mode and which parts of a request the server refused, so that each is tried once. Several tasks
    may use it at once. It needs no closing; with a `limiter`, closing that closes the connections.
    """

    provider: str
    name: str
    base_url: str | None = field(default=None, kw_only=True)
    key: Key | None = field(default=None, kw_only=True)
    proxy: Proxy | None = field(default=None, kw_only=True)
    limits: CallLimits = field(default_factory=CallLimits, kw_only=True)
    sleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep, kw_only=True)
    chance: Callable[[], float] = field(default=random.random, kw_only=True)
    limiter: ConcurrencyLimiter | None = field(default=None, kw_only=True)
    _mode: Mode = field(default="native", init=False)
    _without: frozenset[Refusable] = field(default=frozenset(), init=False)
    _client: ProviderClient | None = field(default=None, init=False, repr=False)
    _connecting: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)

    @property
    def spec(self) -> str:
        return f"{self.provider}:{self.name}"

    @property
    def address(self) -> LLMAddress:
        """Where it is reached, for messages."""
        known = find_provider(self.provider)
        return LLMAddress(
            title=known.title,
            name=self.name,
            url=visible(self.base_url or known.url),
            key_name=self.key.variable if self.key else "",
            own=self.base_url is not None,
            missing_llm_hint=known.missing_llm_hint,
            unreachable_hint=known.unreachable_hint,
            deadline=self.limits.deadline,
            proxy=str(self.proxy or ""),
            idle=self.limits.idle,
        )

    async def compose(self, request: Request, on_text: TextListener | None = None) -> Reply:
        client = self._client or await self._connected()
        state = RetryState(mode=self._mode, without=self._without)
        while True:
            sent = self._provider_request(request, state)
            outcome, elapsed = await self._limited(client, sent, on_text)
            if isinstance(outcome, Reply):
                self._mode, self._without = state.mode, state.without
                return outcome
            state = replace(state, tries=state.tries + 1, elapsed=state.elapsed + elapsed)
            match next_step(outcome, state, self.limits, self.address, self.chance()):
                case RetryChanged(changed):
                    state = changed
                case RetryAfter(after):
                    why = error_for(outcome, 1, self.address).message
                    report(Retrying(state.tries + 1, TRIES[outcome.kind], after, why))
                    await self.sleep(after)
                    state = replace(state, waited=state.waited + after)
                case AcceptPartial(reply):
                    return reply
                case GiveUp(error):
                    if isinstance(error, DeadlineError):
                        error.received = outcome.partial or Reply("", "broken", Usage(), self.name)
                    raise error

    async def _limited(
        self, client: ProviderClient, request: ProviderRequest, on_text: TextListener | None
    ) -> tuple[Reply | ProviderFailure, float]:
        """One try within the limits of the limiter, and how long it took.

        A try that was refused as too many calls is repeated, and does not count as failed.
        """
        while True:
            acquired = await self.limiter.acquire(request) if self.limiter else 0.0
            started, outcome, again = time.monotonic(), None, False
            try:
                outcome = await self._try(client, request, on_text)
            finally:
                if self.limiter:
                    again = self.limiter.release(acquired, outcome)
            if not again:
                return outcome, time.monotonic() - started

    async def _try(
        self, client: ProviderClient, request: ProviderRequest, on_text: TextListener | None
    ) -> Reply | ProviderFailure:
        outcome = await client.send(request, on_text)
        if isinstance(outcome, Reply):
            return outcome
        secrets = (self.key.value,) if self.key else ()
        message = redact(outcome.message, secrets, (request.system, request.user))
        partial = outcome.partial and replace(outcome.partial, detail=message)
        return replace(outcome, message=message, partial=partial)

    async def _connected(self) -> ProviderClient:
        """The client, created once even if several tasks need it at the same time."""
        async with self._connecting:
            if self._client is None:
                # The first import takes seconds; other tasks continue meanwhile.
                self._client = await asyncio.to_thread(self._connect)
                if self.limiter:
                    self.limiter.on_close(self._client.close)
            return self._client

    def _connect(self) -> ProviderClient:
        from callsheet.llm.provider_client import connect

        key = self.key.value if self.key else ""
        idle = self.limiter.maximum if self.limiter else 0
        silence, proxy = self.limits.idle, self.proxy.url if self.proxy else None
        return connect(Endpoint(self.provider, self.name, self.base_url, key, silence, idle, proxy))

    def _provider_request(self, request: Request, state: RetryState) -> ProviderRequest:
        schema = adapt_schema(request.schema, find_provider(self.provider).dialect)
        system = request.system
        if state.mode == "prompted":
            system = f"{system}\n\n{_AS_TEXT}\n{json.dumps(schema, ensure_ascii=False)}"
        limits, user = self.limits, request.user
        if "system_role" in state.without:
            system, user = "", f"{system}\n\n{user}"
        longest = limits.base_tokens + limits.tokens_per_text * count_texts(schema)
        most = limits.max_tokens or longest
        return ProviderRequest(
            system=system,
            user=user,
            picture=request.picture,
            schema=schema,
            name=request.name,
            mode=state.mode,
            max_tokens=min(most, state.most_tokens or most),
            without=state.without,
            timeout=max(limits.deadline - state.elapsed, 0.01),
            text_interval=limits.text_interval,
        )
