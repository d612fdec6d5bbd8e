"""How an LLM is asked beside its name: at which tier, with how much effort, how freely."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal, get_args

from callsheet.errors import InputError

Tier = Literal["flex", "standard", "flex,standard"]
"""What a call is paid at: `flex` is cheaper and may wait; with `,standard` it falls back."""

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
"""How much an LLM thinks before it writes."""

TIERS: tuple[Tier, ...] = get_args(Tier)
EFFORTS: tuple[Effort, ...] = get_args(Effort)
HIGHEST_TEMPERATURE = 2.0


@dataclass(frozen=True)
class CallOptions:
    """None leaves a value to the provider."""

    tier: Tier | None = None
    effort: Effort | None = None
    temperature: float | None = None

    def over(self, other: CallOptions) -> CallOptions:
        """These options, and the other ones where these say nothing."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        return CallOptions(**(asdict(other) | given))

    @property
    def is_flex(self) -> bool:
        """Whether a call is sent at the flex tier first."""
        return self.tier is not None and self.tier.startswith("flex")

    @property
    def falls_back(self) -> bool:
        """Whether a call that finds no room at the flex tier is sent at the standard one."""
        return self.tier == "flex,standard"


NO_OPTIONS = CallOptions()


def checked_options(
    tier: Tier | None = None, effort: Effort | None = None, temperature: float | None = None
) -> CallOptions:
    """The options that a program gives; raises InputError for values that do not exist."""
    for name, value, known in (("tier", tier, TIERS), ("effort", effort, EFFORTS)):
        if value is not None and value not in known:
            raise InputError(
                f"{name} cannot be {value!r:.40}", hint=f"use one of: {'; '.join(known)}; or None"
            )
    if temperature is not None and not 0 <= temperature <= HIGHEST_TEMPERATURE:
        raise InputError(
            f"temperature cannot be {temperature!r:.40}", hint="use a number from 0 to 2, or None"
        )
    return CallOptions(tier, effort, temperature)
