"""What happens when a provider fails: one policy for all of them, in one place.

| what went wrong                                   | what is done                                 |
|---------------------------------------------------|----------------------------------------------|
| key, billing, quota, unknown LLM, input too long, | stop: trying again changes nothing           |
| content filter, TLS, reply too large, deadline    |                                              |
| the schema or the mode was rejected               | next mode: native, tool, prompted; then stop |
| rate limit, overload, 5xx, broken connection      | again, 4 tries in all                        |
| nobody listens, a reply that is no reply          | again, 2 tries in all                        |
| one of the last two rows, half way in a reply     | handed on: what is finished in it is kept,   |
|                                                   | and the rest asked for once                  |

Between tries it waits a random time up to 5, 10, 20 seconds, or as long as the provider asks
(`Retry-After`). Waits that would exceed the patience for one call end it at once, with the time
that the provider named. Everything here is pure: sleeping and chance are the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from callsheet.llm.error_messages import error_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from callsheet.errors import CallsheetError
    from callsheet.llm.error_messages import LLMAddress
    from callsheet.llm.port import Reply
    from callsheet.llm.provider_errors import FailureKind, ProviderFailure

Mode = Literal["native", "tool", "prompted"]

MODES: tuple[Mode, ...] = ("native", "tool", "prompted")
"""How the form of the reply is asked for, the firmest way first."""

TRIES: Mapping[FailureKind, int] = {
    "busy": 4,
    "failing": 4,
    "dropped": 4,
    "unreachable": 2,
    "garbled": 2,
}
"""How often a call is tried in all; what is not named is tried once."""

FIRST_WAIT, LONGEST_WAIT, SHORTEST_WAIT = 5.0, 20.0, 0.5


@dataclass(frozen=True)
class CallLimits:
    """How long one call may take: seconds for its tries together, and seconds of waiting between.

    `max_tokens` bounds a reply; by default `base_tokens` and `tokens_per_text` for each text in it.
    What is written so far is told every `tick` seconds, so a reply that comes at once is told only
    when it is whole.
    """

    deadline: float = 120.0
    patience: float = 60.0
    max_tokens: int | None = None
    base_tokens: int = 8_000
    tokens_per_text: int = 700
    tick: float = 0.25


@dataclass(frozen=True)
class RetryState:
    """What one call has cost in tries and time so far."""

    mode: Mode = "native"
    tries: int = 0
    spent: float = 0.0
    waited: float = 0.0


@dataclass(frozen=True)
class RetryAfter:
    """Try once more, after so many seconds."""

    after: float


@dataclass(frozen=True)
class RetryInMode:
    """Try at once in another mode."""

    mode: Mode


@dataclass(frozen=True)
class AcceptPartial:
    """Take what was written before it broke off: asking for all of it again would be paid twice."""

    reply: Reply


@dataclass(frozen=True)
class GiveUp:
    """No further try: this is what the person is told."""

    error: CallsheetError = field(compare=False)


NextStep = RetryAfter | RetryInMode | AcceptPartial | GiveUp


def next_step(
    fault: ProviderFailure,
    tally: RetryState,
    limits: CallLimits,
    address: LLMAddress,
    chance: float,
) -> NextStep:
    """What to do after a failed try; `chance` is a random number from 0 to 1."""
    if fault.kind == "mode" and tally.mode != MODES[-1]:
        return RetryInMode(MODES[MODES.index(tally.mode) + 1])
    if fault.half is not None and fault.kind in TRIES:
        return AcceptPartial(fault.half)
    if tally.tries >= TRIES.get(fault.kind, 1) or tally.spent >= limits.deadline:
        return GiveUp(error_for(fault, tally.tries, address))
    wait = _wait(fault, tally.tries, chance)
    if tally.waited + wait > limits.patience:
        return GiveUp(error_for(fault, tally.tries, address))
    return RetryAfter(wait)


def _wait(fault: ProviderFailure, tries: int, chance: float) -> float:
    """Full jitter, so that callers who failed together do not return together."""
    longest = min(LONGEST_WAIT, FIRST_WAIT * float(2 ** (tries - 1)))
    jitter = SHORTEST_WAIT + chance * (longest - SHORTEST_WAIT)
    if fault.retry_after is None:
        return jitter
    return fault.retry_after + chance * SHORTEST_WAIT
