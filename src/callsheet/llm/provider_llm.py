"""An LLM of a provider, called until it replies or the retry policy gives up.

Importing this is cheap: the client library is imported with the first request.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from callsheet.activity import Retrying, report
from callsheet.call_options import NO_OPTIONS, CallOptions
from callsheet.errors import DeadlineError
from callsheet.llm.cache_terms import terms_for
from callsheet.llm.error_messages import LLMAddress, error_for, redact, visible
from callsheet.llm.output_limit import output_limit, thinks
from callsheet.llm.own_server import (
    OwnServer,
    ask_server,
    context_hint,
    estimated_tokens,
    truncation_note,
)
from callsheet.llm.port import Reply, Usage
from callsheet.llm.prefix_cache import PrefixCache, prefix_key
from callsheet.llm.provider_errors import LEAST_OUTPUT, MARGIN, with_room
from callsheet.llm.provider_request import Endpoint, ProviderRequest
from callsheet.llm.providers import find_provider
from callsheet.llm.request_settings import request_settings
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
from callsheet.llm.schema_adapter import adapt_schema
from callsheet.llm.tokens import count_tokens, tokenizer_factor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from pydantic import JsonValue

    from callsheet.llm.concurrency import ConcurrencyLimiter
    from callsheet.llm.port import Request, TextListener
    from callsheet.llm.provider_client import ProviderClient
    from callsheet.llm.provider_errors import ProviderFailure
    from callsheet.llm.providers import Dialect, Key
    from callsheet.llm.proxies import Proxy
    from callsheet.llm.request_settings import CacheUse

COMMON_CONTEXT = 8_192
"""Tokens; a server whose context is too small is told to have twice that."""

_AS_TEXT = (
    "Reply with one JSON object and nothing else: no fence, no word before or after it."
    " It follows this JSON schema:"
)


@dataclass
class ProviderLLM:
    """An LLM of a provider, or, with `base_url`, of a server of the person's own.

    It remembers which mode, which parts of a request and which output limit the server refused, so that each is tried
    once. A server of the person's own is asked about itself before the first call. Several tasks may use it at once. It needs no closing; with a `limiter`, closing that closes the connections.
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
    options: CallOptions = field(default=NO_OPTIONS, kw_only=True)
    _prefixes: PrefixCache | None = field(default=None, init=False, repr=False)
    _known: RetryState = field(default_factory=RetryState, init=False)
    _density: tuple[int, float] | None = field(default=None, init=False)
    _server: OwnServer | None = field(default=None, init=False)
    _client: ProviderClient | None = field(default=None, init=False, repr=False)
    _connecting: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)

    @property
    def spec(self) -> str:
        return f"{self.provider}:{self.name}"

    @property
    def _dialect(self) -> Dialect:
        known = find_provider(self.provider)
        return (known.base_url_dialect if self.base_url else None) or known.dialect

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
            context_hint=self._context_hint if self.is_own else "",
        )

    @property
    def is_own(self) -> bool:
        """Whether it runs on a server of the person's own."""
        return self.base_url is not None or find_provider(self.provider).own

    @property
    def _context_hint(self) -> str:
        return context_hint(self._server.engine if self._server else "", 2 * COMMON_CONTEXT)

    def __post_init__(self) -> None:
        terms = terms_for(find_provider(self.provider).caches, self.name)
        if terms and not self.is_own:
            self._prefixes = PrefixCache(terms)

    async def compose(self, request: Request, on_text: TextListener | None = None) -> Reply:
        async with self._cache_use(request) as (cache, begin):
            return await self._compose(request, on_text, cache, begin)

    async def _compose(
        self,
        request: Request,
        on_text: TextListener | None,
        cache: CacheUse | None,
        begin: Callable[[], None],
    ) -> Reply:
        client = self._client or await self._connected()
        tiers = tuple(self.options.tier.split(",")) if self.options.tier else ()
        state, spent = replace(self._known, tiers=tiers), Usage()
        while True:
            sent = replace(self._provider_request(request, state, cache), on_begin=begin)
            outcome, elapsed = await self._limited(client, sent, on_text)
            if isinstance(outcome, Reply):
                self._remember(state)
                if not self._needs_room_to_think(outcome, state):
                    return self._finished(outcome, request, sent, spent)
                state = replace(state, thinking=True, elapsed=state.elapsed + elapsed)
                spent += outcome.usage
                continue
            state = replace(state, tries=state.tries + 1, elapsed=state.elapsed + elapsed)
            after = await self._after(outcome, state)
            if isinstance(after, Reply):
                return after
            state = after

    async def _after(self, failure: ProviderFailure, state: RetryState) -> RetryState | Reply:
        """How to go on after a failed try, once it has waited; raises the error that ends the call."""
        match next_step(failure, state, self.limits, self.address, self.chance()):
            case RetryChanged(changed):
                return changed
            case RetryAfter(after):
                why = error_for(failure, 1, self.address).message
                report(Retrying(state.tries + 1, TRIES[failure.kind], after, why))
                await self.sleep(after)
                return replace(state, waited=state.waited + after)
            case AcceptPartial(reply):
                return reply
            case GiveUp(error):
                if isinstance(error, DeadlineError):
                    error.received = failure.partial or Reply("", "broken", Usage(), self.name)
                raise error

    def _remember(self, state: RetryState) -> None:
        """Keeps what the server was found to take; a limit for this input alone is not kept."""
        most = self._known.most_tokens if self._density else state.most_tokens
        self._known = RetryState(
            mode=state.mode, without=state.without, most_tokens=most, thinking=state.thinking
        )

    def _needs_room_to_think(self, reply: Reply, state: RetryState) -> bool:
        """Whether the LLM thought until the output limit, which leaves no room for that yet."""
        chosen = self.limits.max_tokens
        had = state.thinking or thinks(self.spec, own=self.is_own)
        return reply.finish == "length" and reply.thought and not (had or chosen)

    def _finished(
        self, reply: Reply, request: Request, sent: ProviderRequest, spent: Usage
    ) -> Reply:
        """The reply with all that the call took, and with notes on what the server left out."""
        notes = []
        if request.picture is not None and sent.picture is None:
            notes.append(f"`{self.spec}` cannot see the picture; it goes by the words alone")
        if self._server is not None:
            text, read = sent.system + sent.user, reply.usage.input_tokens
            note = truncation_note(self._server, text, read, sent.max_tokens)
            notes += [note] if note else []
        return replace(
            reply, usage=reply.usage + spent if spent.tokens else reply.usage, notes=tuple(notes)
        )

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
        text = request.system + request.user
        failure = with_room(outcome, request.max_tokens, estimated_tokens(text))
        if failure.context and failure.counted:
            self._density = failure.context, failure.counted / max(len(text), 1)
        refused = None if failure.refused == "picture" and not request.picture else failure.refused
        return replace(failure, message=message, partial=partial, refused=refused)

    async def _connected(self) -> ProviderClient:
        """The client, created once even if several tasks need it at the same time."""
        async with self._connecting:
            if self._client is None:
                # The first import takes seconds; other tasks continue meanwhile.
                client = await asyncio.to_thread(self._connect)
                if self.is_own:
                    await self.ask_server()
                self._client = client
                if self.limiter:
                    self.limiter.on_close(self._client.close)
            return self._client

    def _connect(self) -> ProviderClient:
        from callsheet.llm.provider_client import connect

        return connect(self.endpoint)

    @property
    def endpoint(self) -> Endpoint:
        """Where it is reached, and with which key."""
        key = self.key.value if self.key else ""
        idle = self.limiter.maximum if self.limiter else 0
        silence, proxy = self.limits.idle, self.proxy.url if self.proxy else None
        return Endpoint(self.provider, self.name, self.base_url, key, silence, idle, proxy)

    def job_request(self, request: Request, *, cached: bool) -> ProviderRequest:
        """The request as a row of a batch job; `cached` where other rows of it begin alike."""
        cache = None
        if self._prefixes is not None:
            cache = self._prefixes.use_in_job(*self._prefix(request), shared=cached)
        return self._provider_request(request, RetryState(), cache)

    async def ask_server(self) -> OwnServer:
        """What the server tells about itself and this LLM; it is asked by GET only."""
        known, proxy = find_provider(self.provider), self.proxy
        self._server = await ask_server(
            self.base_url or known.url,
            self.name,
            key=self.key.value if self.key else "",
            proxy=proxy.url if proxy else None,
            dialect=known.dialect,
        )
        return self._server

    @asynccontextmanager
    async def _cache_use(
        self, request: Request
    ) -> AsyncIterator[tuple[CacheUse | None, Callable[[], None]]]:
        """How this request uses the provider's cache, once it may be sent."""
        if self._prefixes is None:
            yield None, lambda: None
            return
        async with self._prefixes.call(*self._prefix(request), request.repeated) as use:
            yield use

    def _prefix(self, request: Request) -> tuple[str, Callable[[], int]]:
        """The key of what the request begins with, and how to count its tokens."""
        schema = json.dumps(self._adapted(request), ensure_ascii=False)

        def count() -> int:
            tokens = count_tokens(request.system) + count_tokens(schema)
            return round(tokens * tokenizer_factor(self.spec))

        return prefix_key(request.system, schema), count

    def _adapted(self, request: Request) -> dict[str, JsonValue]:
        engine = self._server.form if self._server else None
        form = engine or find_provider(self.provider).dialect
        return adapt_schema(request.schema, form, request.user if engine else None)

    def _provider_request(
        self, request: Request, state: RetryState, cache: CacheUse | None
    ) -> ProviderRequest:
        schema, engine = self._adapted(request), self._server.form if self._server else None
        system, user = request.system, request.user
        if state.mode == "prompted":
            system = f"{system}\n\n{_AS_TEXT}\n{json.dumps(schema, ensure_ascii=False)}"
        if "system_role" in state.without:
            system, user = "", f"{system}\n\n{user}"
        return ProviderRequest(
            system=system,
            user=user,
            picture=None if "picture" in state.without else request.picture,
            schema=schema,
            name=request.name,
            mode=state.mode,
            max_tokens=self._most_tokens(
                schema if engine else request.schema, system + user, state
            ),
            without=state.without,
            settings=request_settings(
                self._dialect,
                self.options,
                state.tier,
                None if "prompt_cache" in state.without else cache,
            ),
            timeout=max(self.limits.deadline - state.elapsed, 0.01),
            text_interval=self.limits.text_interval,
        )

    def _most_tokens(self, schema: Mapping[str, JsonValue], text: str, state: RetryState) -> int:
        """The output limit: what the schema needs, within what the server was found to take."""
        thinking = state.thinking or thinks(self.spec, own=self.is_own)
        most = output_limit(schema, thinking=thinking, chosen=self.limits.max_tokens)
        if self._density:
            context, tokens_per_character = self._density
            room = context - round(tokens_per_character * len(text)) - MARGIN
            most = min(most, max(room, LEAST_OUTPUT))
        return min(most, state.most_tokens or most)
