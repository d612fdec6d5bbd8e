"""The tokens and the cost of LLM calls, from one reply to the total of a batch."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Usage:
    """Tokens and cost of any number of calls.

    `input_tokens` include the cached ones. `cost_usd` is in US dollars, None where the price of any
    call is unknown, never 0 in its place; `cost_at_most` says that it is an upper bound, for a tier
    whose price is not published. `cache_write_tokens` are input, too. `repair_tokens` are the input and output tokens of the
    calls that were repairs; they are part of the other counts.
    """

    # Every field is in the JSON of a run, so its description requires them all.
    __pydantic_config__ = {"json_schema_serialization_defaults_required": True}  # noqa: RUF012

    calls: int = field(default=0, kw_only=True)
    repairs: int = field(default=0, kw_only=True)
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    repair_tokens: int = field(default=0, kw_only=True)
    cache_write_tokens: int = field(default=0, kw_only=True)
    cost_at_most: bool = field(default=False, kw_only=True)

    @property
    def tokens(self) -> int:
        """Input and output tokens together."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        known = self.cost_usd is not None and other.cost_usd is not None
        return Usage(
            calls=self.calls + other.calls,
            repairs=self.repairs + other.repairs,
            input_tokens=self.input_tokens + other.input_tokens,
            cached_input_tokens=self.cached_input_tokens + other.cached_input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            cost_usd=(self.cost_usd or 0.0) + (other.cost_usd or 0.0) if known else None,
            repair_tokens=self.repair_tokens + other.repair_tokens,
            cache_write_tokens=self.cache_write_tokens + other.cache_write_tokens,
            cost_at_most=self.cost_at_most or other.cost_at_most,
        )


NO_USAGE = Usage(cost_usd=0.0)
"""The usage of no call at all: the start of every sum."""
