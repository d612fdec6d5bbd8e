"""Decides which calls use a provider's prompt cache, and has the first of many calls go ahead.

A prefix is what a call sends before its message: instructions and schema. Calls with the same prefix
that follow each other closely can share what the provider keeps of it. A call alone never marks its
prefix, since keeping it costs more than the call saves.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callsheet.llm.request_settings import CacheUse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from callsheet.llm.cache_terms import CacheTerms

HEAD_START = 30.0
"""Longest wait in seconds of other calls until the first one's reply begins."""


@dataclass
class _Prefix:
    """What is known of one prefix: when it was last sent, and last kept or read.

    `led` is when a call last went ahead of others, which wait until `begun`.
    """

    tokens: int
    sent: float = -math.inf
    kept: float = -math.inf
    led: float = -math.inf
    begun: asyncio.Event | None = None


@dataclass
class PrefixCache:
    """The prefixes that one LLM was sent by this process."""

    terms: CacheTerms
    now: Callable[[], float] = time.monotonic
    _prefixes: dict[str, _Prefix] = field(default_factory=dict)

    @asynccontextmanager
    async def call(
        self, key: str, count: Callable[[], int], repeated: int
    ) -> AsyncIterator[tuple[CacheUse, Callable[[], None]]]:
        """How a call is to use the cache, and what to call when its reply begins.

        `count` counts the tokens of the prefix; `repeated` is how many calls are expected to share it.
        """
        prefix = self._prefixes.get(key) or self._prefixes.setdefault(key, _Prefix(count()))
        if not self.terms.held(prefix.tokens):
            yield CacheUse(key, self.terms), _nothing
            return
        if prefix.begun is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(prefix.begun.wait(), HEAD_START)
        mark = self._marks(prefix, repeated)
        leads = repeated > 1 and not self._is_warm(prefix) and self._is_over(prefix.led)
        prefix.sent = self.now()
        if leads:
            prefix.led, prefix.begun = prefix.sent, asyncio.Event()

        def begin() -> None:
            if mark or not self.terms.marked:
                prefix.kept = self.now()
            self._release(prefix, leads=leads)

        try:
            yield CacheUse(key, self.terms, mark), begin
        finally:
            # Where it failed, the others go on at once, and not one after the other.
            self._release(prefix, leads=leads)

    def use_in_job(self, key: str, count: Callable[[], int], *, shared: bool) -> CacheUse:
        """How a row of a batch job is to use the cache; `shared` where other rows begin alike."""
        prefix = self._prefixes.get(key) or self._prefixes.setdefault(key, _Prefix(count()))
        terms = self.terms.in_jobs()
        return CacheUse(key, terms, shared and terms.marked and terms.held(prefix.tokens) > 0)

    def _release(self, prefix: _Prefix, *, leads: bool) -> None:
        if leads and prefix.begun is not None:
            prefix.begun.set()
            prefix.begun = None

    def _marks(self, prefix: _Prefix, repeated: int) -> bool:
        if not self.terms.marked:
            return False
        recent = not self._is_over(prefix.sent)
        return recent or self._is_warm(prefix) or self.terms.pays(repeated)

    def _is_warm(self, prefix: _Prefix) -> bool:
        return not self._is_over(prefix.kept)

    def _is_over(self, since: float) -> bool:
        return self.now() - since >= self.terms.seconds


def prefix_key(system: str, schema: str) -> str:
    """The name of a prefix: the same for the same instructions and schema."""
    return "cs-" + hashlib.sha256(f"{system}\n{schema}".encode("utf-8", "replace")).hexdigest()[:16]


def _nothing() -> None:
    """What the beginning of a reply means where nothing is kept."""
