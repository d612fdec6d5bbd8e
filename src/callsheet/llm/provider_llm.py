"""An LLM of a provider, asked until it answers or the policy gives up.

Importing this is cheap: the client library comes in through `line`, with the first request.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from callsheet.llm.error_messages import LLMAddress, redact, visible
from callsheet.llm.port import Reply
from callsheet.llm.provider_request import Endpoint, ProviderRequest
from callsheet.llm.providers import find_provider
from callsheet.llm.retry_policy import (
    AcceptPartial,
    CallLimits,
    GiveUp,
    RetryAfter,
    RetryInMode,
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
    from callsheet.llm.providers import Key
    from callsheet.llm.retry_policy import Mode

_AS_TEXT = (
    "Reply with one JSON object and nothing else: no fence, no word before or after it."
    " It follows this JSON schema:"
)


@dataclass
class ProviderLLM:
    """An LLM of a provider, or, with `base_url`, of a server of the person's own.

    It remembers which mode the LLM accepted, so that a refused one is asked for once only. It may
    be used from several tasks at once, and needs no closing; with a `pace`, that one's end closes it.
    """

    provider: str
    name: str
    base_url: str | None = field(default=None, kw_only=True)
    key: Key | None = field(default=None, kw_only=True)
    limits: CallLimits = field(default_factory=CallLimits, kw_only=True)
    sleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep, kw_only=True)
    chance: Callable[[], float] = field(default=random.random, kw_only=True)
    pace: ConcurrencyLimiter | None = field(default=None, kw_only=True)
    _mode: Mode = field(default="native", init=False)
    _line: ProviderClient | None = field(default=None, init=False, repr=False)
    _connecting: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)

    @property
    def spec(self) -> str:
        return f"{self.provider}:{self.name}"

    @property
    def address(self) -> LLMAddress:
        """Where it is reached, in words for a person."""
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
        )

    async def compose(self, request: Request, on_text: TextListener | None = None) -> Reply:
        line = self._line or await self._connected()
        tally = RetryState(mode=self._mode)
        while True:
            asking = self._asking(request, tally)
            outcome, took = await self._in_turn(line, asking, on_text)
            if isinstance(outcome, Reply):
                self._mode = tally.mode
                return outcome
            tally = replace(tally, tries=tally.tries + 1, spent=tally.spent + took)
            match next_step(outcome, tally, self.limits, self.address, self.chance()):
                case RetryInMode(mode):
                    tally = replace(tally, mode=mode, tries=tally.tries - 1)
                case RetryAfter(after):
                    await self.sleep(after)
                    tally = replace(tally, waited=tally.waited + after)
                case AcceptPartial(reply):
                    return reply
                case GiveUp(error):
                    raise error

    async def _in_turn(
        self, line: ProviderClient, asking: ProviderRequest, on_text: TextListener | None
    ) -> tuple[Reply | ProviderFailure, float]:
        """A try at the common pace, and how long it took.

        One that was refused as too much is made again in its turn: that is nobody's failed try.
        """
        while True:
            began = await self.pace.enter(asking) if self.pace else 0.0
            started, outcome, again = time.monotonic(), None, False
            try:
                outcome = await self._try(line, asking, on_text)
            finally:
                if self.pace:
                    again = self.pace.leave(began, outcome)
            if not again:
                return outcome, time.monotonic() - started

    async def _try(
        self, line: ProviderClient, asking: ProviderRequest, on_text: TextListener | None
    ) -> Reply | ProviderFailure:
        outcome = await line.ask(asking, on_text)
        if isinstance(outcome, Reply):
            return outcome
        secrets = (self.key.value,) if self.key else ()
        said = redact(outcome.said, secrets, (asking.system, asking.user))
        half = outcome.half and replace(outcome.half, detail=said)
        return replace(outcome, said=said, half=half)

    async def _connected(self) -> ProviderClient:
        """The line, connected once however many want it at the same time."""
        async with self._connecting:
            if self._line is None:
                # The first import takes seconds; other work goes on meanwhile.
                self._line = await asyncio.to_thread(self._connect)
                if self.pace:
                    self.pace.opened(self._line.close)
            return self._line

    def _connect(self) -> ProviderClient:
        from callsheet.llm.provider_client import connect

        key = self.key.value if self.key else ""
        kept = self.pace.most if self.pace else 0
        seconds = self.limits.deadline
        return connect(Endpoint(self.provider, self.name, self.base_url, key, seconds, kept))

    def _asking(self, request: Request, tally: RetryState) -> ProviderRequest:
        schema = adapt_schema(request.schema, find_provider(self.provider).dialect)
        system = request.system
        if tally.mode == "prompted":
            system = f"{system}\n\n{_AS_TEXT}\n{json.dumps(schema, ensure_ascii=False)}"
        limits = self.limits
        longest = limits.base_tokens + limits.tokens_per_text * count_texts(schema)
        return ProviderRequest(
            system=system,
            user=request.user,
            picture=request.picture,
            schema=schema,
            name=request.name,
            mode=tally.mode,
            max_tokens=limits.max_tokens or longest,
            seconds=max(limits.deadline - tally.spent, 0.01),
            tick=limits.tick,
        )
