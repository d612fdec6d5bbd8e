"""Decides what to do when a call to a provider fails: one policy for all providers.

| failure                                           | action                                       |
|---------------------------------------------------|----------------------------------------------|
| key, billing, quota, unknown LLM, input too long, | give up: a retry changes nothing             |
| content filter, TLS, reply too large, time limits |                                              |
| schema or mode rejected                           | next mode: native, tool, prompted            |
| a part of the request rejected by name            | again without it, or in its other form       |
| output limit or context exceeded, and named       | again within it                              |
| rate limit, overload, 5xx, broken connection      | retry, 4 tries in all                        |
| server unreachable, unusable reply                | retry, 2 tries in all                        |
| no room at the flex tier                          | the next tier, else retry, 12 tries in all   |
| one of the last two rows, with part of a reply    | accept the part; the rest is requested once  |

Between tries it waits a random time up to 5, 10, 20 seconds, or as long as the provider asks
(`Retry-After`). It gives up where the waits of a call would exceed its patience. Everything here is
pure: the caller sleeps and draws random numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from callsheet.llm.error_messages import error_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from callsheet.errors import CallsheetError
    from callsheet.llm.error_messages import LLMAddress
    from callsheet.llm.port import Reply
    from callsheet.llm.provider_errors import FailureKind, ProviderFailure
    from callsheet.llm.provider_request import Mode, Refusable

_UNAVAILABLE = 503

MODES: tuple[Mode, ...] = ("native", "tool", "prompted")
"""The ways of requesting structured output, the strictest first."""

TRIES: Mapping[FailureKind, int] = {
    "busy": 4,
    "failing": 4,
    "dropped": 4,
    "no_room": 12,
    "unreachable": 2,
    "garbled": 2,
}
"""Tries per kind of failure; others are tried once."""

FIRST_WAIT, LONGEST_WAIT, SHORTEST_WAIT = 5.0, 20.0, 0.5

FLEX_TIMEOUT = 900.0
"""Seconds that a call at the flex tier may take by default: it may wait for room for minutes."""

SHORTEST_FLEX_WAIT, LONGEST_FLEX_WAIT = 30.0, 120.0
"""Seconds between tries while the flex tier has no room."""


@dataclass(frozen=True)
class CallLimits:
    """Limits of one call, in seconds where nothing else is said.

    `deadline` is for all tries together, `idle` for the time in which nothing is received, `patience`
    for the waits between tries.
    `max_tokens` bounds a reply; by default it is as much as the schema allows, see `llm.output_limit`.
    Partial text is reported every `text_interval` seconds.
    """

    deadline: float = 120.0
    idle: float = 60.0
    patience: float = 60.0
    max_tokens: int | None = None
    text_interval: float = 0.25


@dataclass(frozen=True)
class RetryState:
    """Tries and seconds that one call has used so far, and what the server was found to take.

    `thinking` says that the LLM needs room for its thoughts.
    """

    mode: Mode = "native"
    tries: int = 0
    without: frozenset[Refusable] = frozenset()
    most_tokens: int | None = None
    thinking: bool = False
    elapsed: float = 0.0
    waited: float = 0.0
    tiers: tuple[str, ...] = ()

    @property
    def tier(self) -> str | None:
        """The service tier of the next try; None leaves it to the provider."""
        return self.tiers[0] if self.tiers and "service_tier" not in self.without else None


@dataclass(frozen=True)
class RetryAfter:
    """Retry after so many seconds."""

    after: float


@dataclass(frozen=True)
class RetryChanged:
    """Retry at once with a changed request; the refused one does not count as a try."""

    state: RetryState


@dataclass(frozen=True)
class AcceptPartial:
    """Accept part of a reply: requesting all of it again would be paid twice."""

    reply: Reply


@dataclass(frozen=True)
class GiveUp:
    """Raise this error."""

    error: CallsheetError = field(compare=False)


NextStep = RetryAfter | RetryChanged | AcceptPartial | GiveUp


def next_step(
    failure: ProviderFailure,
    state: RetryState,
    limits: CallLimits,
    address: LLMAddress,
    chance: float,
) -> NextStep:
    """Decides after a failed try; `chance` is a random number from 0 to 1."""
    failure = _at_flex(failure) if state.tier == "flex" else _off_flex(failure)
    if (changed := _changed(failure, state)) is not None:
        return RetryChanged(replace(changed, tries=state.tries - 1))
    if failure.partial is not None and failure.kind in TRIES:
        return AcceptPartial(failure.partial)
    if state.tries >= TRIES.get(failure.kind, 1) or state.elapsed >= limits.deadline:
        return GiveUp(error_for(failure, state.tries, address))
    wait = _wait(failure, state.tries, chance)
    if state.waited + wait > limits.patience:
        return GiveUp(error_for(failure, state.tries, address))
    return RetryAfter(wait)


def _at_flex(failure: ProviderFailure) -> ProviderFailure:
    """The failure of a try at the flex tier: 503 says there that it has no room."""
    if failure.refused == "service_tier":
        return replace(failure, kind="no_tier", refused=None)
    full = failure.kind == "failing" and failure.status == _UNAVAILABLE
    return replace(failure, kind="no_room") if full else failure


def _off_flex(failure: ProviderFailure) -> ProviderFailure:
    return replace(failure, kind="busy") if failure.kind == "no_room" else failure


def _changed(failure: ProviderFailure, state: RetryState) -> RetryState | None:
    """The state whose request the server may take, where it said what it does not take."""
    if failure.kind in ("no_room", "no_tier") and len(state.tiers) > 1:
        return replace(state, tiers=state.tiers[1:])
    if failure.refused and failure.refused not in state.without:
        return replace(state, without=state.without | {failure.refused})
    if failure.most_tokens and failure.most_tokens < (state.most_tokens or math.inf):
        return replace(state, most_tokens=failure.most_tokens)
    if failure.kind == "mode" and state.mode != MODES[-1]:
        return replace(state, mode=MODES[MODES.index(state.mode) + 1])
    return None


def _wait(failure: ProviderFailure, tries: int, chance: float) -> float:
    """Full jitter, so that calls that failed together are not retried together."""
    if failure.kind == "no_room":
        wait = SHORTEST_FLEX_WAIT + chance * (LONGEST_FLEX_WAIT - SHORTEST_FLEX_WAIT)
        return max(wait, failure.retry_after or 0)
    longest = min(LONGEST_WAIT, FIRST_WAIT * float(2 ** (tries - 1)))
    jitter = SHORTEST_WAIT + chance * (longest - SHORTEST_WAIT)
    if failure.retry_after is None:
        return jitter
    return failure.retry_after + chance * SHORTEST_WAIT
