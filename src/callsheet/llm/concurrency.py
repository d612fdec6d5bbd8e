"""How fast one provider and key are called by many at once: as fast as they allow, and no faster.

The number of calls under way is halved when the provider says that it is too much (429, 529), and
grows again while all is calm: quickly up to where it was too much before, slowly beyond. A time
that the provider names (`Retry-After`) holds for every caller.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import deque
from typing import TYPE_CHECKING

from callsheet.llm.port import Reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from callsheet.llm.provider_errors import ProviderFailure
    from callsheet.llm.provider_request import ProviderRequest

OVERLOADED = 529

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 20.0
"""Seconds that all wait after a refusal without `Retry-After`, the second time twice as many."""

PATIENCE = 600.0
"""Seconds. A longer `Retry-After`, or refusals without a reply for as long, end the call."""

BEYOND = 0.1
"""How much slower it grows where it was too much before."""


class ConcurrencyLimiter:
    """The calls to one provider with one key; `limit` is how many may be under way now.

    `allow` is asked before each call, and answers how many seconds it must wait; 0 counts it.
    Connections are kept open from one call to the next until `end`.
    """

    def __init__(
        self,
        most: int,
        *,
        allow: Callable[[ProviderRequest], Awaitable[float]] | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.most = most
        self.limit = float(most)
        self.under_way = 0
        self._allow = allow
        self._now, self._sleep, self._chance = now, sleep, chance
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._not_before = self._fell = -math.inf
        self._too_much = math.inf
        self._refused_since: float | None = None
        self._falls = 0
        self._open: list[Callable[[], Awaitable[None]]] = []

    def opened(self, close: Callable[[], Awaitable[None]]) -> None:
        """Remembers how to close what was opened for these calls."""
        self._open.append(close)

    async def end(self) -> None:
        """Closes what was opened: there are no further calls."""
        while self._open:
            await self._open.pop()()

    async def enter(self, asking: ProviderRequest) -> float:
        """Waits for a turn; answers when it began, which `leave` wants to know."""
        while True:
            if (wait := self._not_before - self._now()) > 0:
                await self._sleep(wait + self._chance() / 2)
            elif self.under_way >= int(self.limit):
                await self._place()
            elif (wait := await self._counted(asking)) > 0:
                await self._sleep(wait)
            else:
                return self._now()

    def leave(self, began: float, outcome: Reply | ProviderFailure | None) -> bool:
        """Ends a turn. True where it was refused as too much and is to be made again, in its turn.

        `outcome` is None where nobody waited for it.
        """
        self.under_way -= 1
        again = False
        if isinstance(outcome, Reply):
            self._refused_since, self._falls = None, 0
            self._grow()
        elif outcome is not None and (outcome.kind == "busy" or outcome.status == OVERLOADED):
            again = self._slow_down(began, outcome.retry_after)
        self._wake()
        return again

    def _slow_down(self, began: float, retry_after: float | None) -> bool:
        """Halves the calls and has all wait; False where waiting would take too long."""
        now = self._now()
        if self._refused_since is None:
            self._refused_since = now
        if now - self._refused_since > PATIENCE or (retry_after or 0) > PATIENCE:
            return False
        if began > self._fell:
            # What was under way when it fell was sent at the old pace, and says nothing new.
            self._too_much, self._fell = self.limit, now
            self.limit = max(1.0, self.limit / 2)
            self._falls += 1
            longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._falls)
            pause = FIRST_PAUSE / 2 + self._chance() * (longest - FIRST_PAUSE / 2)
            self._not_before = max(self._not_before, now + (retry_after or pause))
        elif retry_after:
            self._not_before = max(self._not_before, now + retry_after)
        return True

    async def _counted(self, asking: ProviderRequest) -> float:
        """Takes a place and counts the call, or says how long there is no room in the minute."""
        self.under_way += 1
        wait = await self._allow(asking) if self._allow else 0.0
        late = self._not_before - self._now()
        if wait > 0 or late > 0:
            self.under_way -= 1
            self._wake()
        return max(wait, late, 0.0)

    def _grow(self) -> None:
        if self.under_way + 1 < int(self.limit):
            return  # nobody wants more
        step = 1.0 if self.limit + 1 < self._too_much else BEYOND
        self.limit = min(float(self.most), self.limit + step / self.limit)
        if self.limit > self._too_much:
            self._too_much = math.inf

    async def _place(self) -> None:
        """Waits until somebody leaves."""
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        finally:
            if place.cancelled() and place in self._waiting:
                self._waiting.remove(place)

    def _wake(self) -> None:
        room = int(self.limit) - self.under_way
        while room > 0 and self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                room -= 1
