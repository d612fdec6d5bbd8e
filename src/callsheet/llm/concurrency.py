"""Limits concurrent calls to one provider and key, adapting to how many the provider accepts.

The limit is halved when the provider refuses a call as too many (429, 529) and when a call is cut by a
time limit. It grows again while calls succeed: quickly up to where it was refused, slowly beyond.
`Retry-After` holds for every caller.

A server of the person's own refuses nothing: calls that are too many wait in its queue. So it is called
one at a time at first, and twice as often only while that makes it faster; see `_Pace`.
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
"""Longest pause in seconds of all callers after a refusal without `Retry-After`; it doubles each time."""

PATIENCE = 600.0
"""Seconds. A longer `Retry-After`, or refusals without a reply for as long, end the call."""

SLOW_GROWTH = 0.1
"""Growth factor of the limit beyond the point where calls were refused."""


FASTER = 1.4
"""How many times as much must be finished in a second for twice as many calls to be worth it."""

FEWEST_COUNTED, FIRST_HOLD = 3, 20
"""Calls that are counted at a limit, and calls after which one that was no faster is tried again."""

_CUT = ("deadline", "idle")


class _Pace:
    """Finds how many calls at once a server finishes faster than half as many.

    At each limit it lets as many calls end as the limit allows, then counts as many more, three at
    least, and how long they take together. The first call of all is left out: the server may load the LLM for it.
    """

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._slower: tuple[float, float] | None = None
        self._ended, self._since, self._warm = 0, 0.0, False
        self._left, self._hold = 0, FIRST_HOLD

    def next_limit(self, limit: float, now: float, *, full: bool) -> float:
        """The limit after a call that succeeded; `full` says whether all that it allows were in flight."""
        self._left -= 1
        if not self._warm or not full or self._left > 0:
            self._warm, self._ended = True, 0
            return limit
        self._ended += 1
        passed = int(limit)
        if self._ended <= passed:
            self._since = now
        counted = self._ended - passed
        if counted < max(FEWEST_COUNTED, passed):
            return limit
        speed = counted / max(now - self._since, 1e-9)
        before, self._slower = self._slower, (limit, speed)
        self._ended = 0
        if before is not None and speed < FASTER * before[1]:
            self._slower = None
            self._left, self._hold = self._hold, 2 * self._hold
            return before[0]
        return min(2 * limit, float(self._maximum))

    def restart(self) -> None:
        """Forgets what was counted: the limit was changed."""
        self._ended, self._slower = 0, None


class ConcurrencyLimiter:
    """The calls to one provider with one key; `limit` is how many may be in flight now.

    At a server of the person's `own`, a call that was cut by a time limit beside others is made again. With `start`,
    the limit begins there and grows as long as that makes the server faster.

    `rate_limit` is asked before each call: it returns the seconds to wait, or 0 and counts the call.
    Connections stay open between calls until `close`.
    """

    def __init__(  # noqa: PLR0913  # the last three are for tests
        self,
        maximum: int,
        *,
        own: bool = False,
        start: int | None = None,
        rate_limit: Callable[[ProviderRequest], Awaitable[float]] | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.maximum = maximum
        self.limit = float(start or maximum)
        self._pace = _Pace(maximum) if start else None
        self._own = own
        self.in_flight = 0
        self._rate_limit = rate_limit
        self._now, self._sleep, self._chance = now, sleep, chance
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._not_before = self._reduced_at = -math.inf
        self._refused_limit = math.inf
        self._refused_since: float | None = None
        self._reductions = 0
        self._closers: list[Callable[[], Awaitable[None]]] = []

    def on_close(self, close: Callable[[], Awaitable[None]]) -> None:
        """Registers a function that `close` calls."""
        self._closers.append(close)

    async def close(self) -> None:
        """Closes the connections; no call may follow."""
        while self._closers:
            await self._closers.pop()()

    async def acquire(self, request: ProviderRequest) -> float:
        """Waits until a call may start; returns when it does, which `release` needs."""
        while True:
            if (wait := self._not_before - self._now()) > 0:
                await self._sleep(wait + self._chance() / 2)
            elif self.in_flight >= int(self.limit):
                await self._wait_for_release()
            elif (wait := await self._start(request)) > 0:
                await self._sleep(wait)
            else:
                return self._now()

    def release(self, started: float, outcome: Reply | ProviderFailure | None) -> bool:
        """Ends a call. True where it was refused as too many, and is to be acquired again.

        `outcome` is None for a cancelled call.
        """
        self.in_flight -= 1
        again = False
        if isinstance(outcome, Reply):
            self._refused_since, self._reductions = None, 0
            self._grow()
        elif outcome is not None and outcome.kind in _CUT:
            again = self._slow_down(started) and self._own
        elif outcome is not None and (outcome.kind == "busy" or outcome.status == OVERLOADED):
            again = self._reduce(started, outcome.retry_after)
        self._wake()
        return again

    def _slow_down(self, started: float) -> bool:
        """Halves the limit after a call was cut; whether it was one of several at once."""
        was_alone = int(self.limit) == 1 and self.in_flight == 0 and started > self._reduced_at
        if started > self._reduced_at:
            self._refused_limit, self._reduced_at = self.limit, self._now()
            self.limit = max(1.0, self.limit / 2)
            if self._pace:
                self._pace.restart()
        return not was_alone

    def _reduce(self, started: float, retry_after: float | None) -> bool:
        """Halves the limit and makes all callers pause; False where the pause would be too long."""
        now = self._now()
        if self._refused_since is None:
            self._refused_since = now
        if now - self._refused_since > PATIENCE or (retry_after or 0) > PATIENCE:
            return False
        if started > self._reduced_at:
            # A call that started before the last reduction says nothing about the new limit.
            self._refused_limit, self._reduced_at = self.limit, now
            self.limit = max(1.0, self.limit / 2)
            self._reductions += 1
            longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._reductions)
            pause = FIRST_PAUSE / 2 + self._chance() * (longest - FIRST_PAUSE / 2)
            self._not_before = max(self._not_before, now + (retry_after or pause))
        elif retry_after:
            self._not_before = max(self._not_before, now + retry_after)
        return True

    async def _start(self, request: ProviderRequest) -> float:
        """Starts a call and returns 0, or the seconds until the rate limit allows one."""
        self.in_flight += 1
        wait = await self._rate_limit(request) if self._rate_limit else 0.0
        late = self._not_before - self._now()
        if wait > 0 or late > 0:
            self.in_flight -= 1
            self._wake()
        return max(wait, late, 0.0)

    def _grow(self) -> None:
        full = self.in_flight + 1 >= int(self.limit)
        if self._pace:
            self.limit = self._pace.next_limit(self.limit, self._now(), full=full)
            return
        if not full:
            return
        step = 1.0 if self.limit + 1 < self._refused_limit else SLOW_GROWTH
        self.limit = min(float(self.maximum), self.limit + step / self.limit)
        if self.limit > self._refused_limit:
            self._refused_limit = math.inf

    async def _wait_for_release(self) -> None:
        released = asyncio.get_running_loop().create_future()
        self._waiting.append(released)
        try:
            await released
        finally:
            if released.cancelled() and released in self._waiting:
                self._waiting.remove(released)

    def _wake(self) -> None:
        room = int(self.limit) - self.in_flight
        while room > 0 and self._waiting:
            released = self._waiting.popleft()
            if not released.done():
                released.set_result(None)
                room -= 1
