"""Prices a call before it is made: alone, and again while the provider's cache holds its beginning."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from callsheet.costs.cached_input import cache_terms, written_tokens
from callsheet.costs.prices import tier_price
from callsheet.costs.reply_history import TokenRange
from callsheet.llm.price_list import UNKNOWN, ListPrice
from callsheet.llm.providers import parse_spec

if TYPE_CHECKING:
    from callsheet.llm.cache_terms import CacheTerms


TOGETHER = 64_000
"""Input tokens of one call below which no price list charges more for a long one."""


@dataclass(frozen=True)
class EstimatedTokens:
    """Tokens that one run would send and receive.

    `picture` is None where the LLM's tokens for an image are unknown; the sum then leaves it out.
    """

    calls: int = 0
    instructions: int = 0
    schema: int = 0
    message: int = 0
    picture: int | None = 0
    reply: TokenRange = field(default_factory=TokenRange)

    @property
    def input(self) -> int:
        """All tokens that are sent."""
        return self.instructions + self.schema + self.message + (self.picture or 0)

    @property
    def output(self) -> int:
        """The usual reply: by this person's history, else by the schema's bounds."""
        return self.reply.usual

    def __add__(self, other: EstimatedTokens) -> EstimatedTokens:
        return EstimatedTokens(
            self.calls + other.calls,
            self.instructions + other.instructions,
            self.schema + other.schema,
            self.message + other.message,
            _sum(self.picture, other.picture),
            self.reply + other.reply,
        )

    def times(self, number: int) -> EstimatedTokens:
        """Return the tokens of this many runs."""
        return EstimatedTokens(
            self.calls * number,
            self.instructions * number,
            self.schema * number,
            self.message * number,
            None if self.picture is None else self.picture * number,
            self.reply.times(number),
        )

    def scaled(self, factor: float) -> EstimatedTokens:
        """Return the tokens of a tokenizer that makes more of them; the reply's range stays."""
        return EstimatedTokens(
            self.calls,
            round(self.instructions * factor),
            round(self.schema * factor),
            round(self.message * factor),
            self.picture,
            self.reply,
        )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


@dataclass(frozen=True)
class PlannedPrices:
    """The prices of calls to one LLM, at the tier that is asked for; without `spec` none is known.

    The tier `batch` is that of batch jobs.

    `terms` are those of its prompt cache, where they are documented.
    """

    spec: str
    tier: str = ""
    terms: CacheTerms | None = None
    known: bool = True

    @classmethod
    def of(cls, spec: str, *, tier: str = "", own_server: bool = False) -> PlannedPrices:
        """Return the prices of an LLM; a server of one's own has no published price."""
        return cls(spec, tier, None if own_server else cache_terms(spec, tier), not own_server)

    def price(self, sent: int, written: int, *, read: int = 0, kept: int = 0) -> ListPrice:
        """Price input and output tokens, of which a cache holds or keeps some of the input."""
        if not self.known:
            return UNKNOWN
        named = parse_spec(self.spec)
        tokens = {
            "input_tokens": sent,
            "output_tokens": written,
            "cache_read_tokens": read,
            **written_tokens(self.terms, kept),
        }
        return tier_price(named.provider, named.name, tokens, self.tier)

    def price_calls(
        self, calls: float, sent: int, written: float, *, read: int = 0, kept: int = 0
    ) -> ListPrice:
        """Price the tokens of many calls, of which each is far from the lengths that cost more."""
        # As many as stay together below these lengths: fewer would be rounded more.
        share = min(1.0, max(1 / max(calls, 1), TOGETHER / max(sent, 1)))
        some = [round(tokens * share) for tokens in (sent, written, read, kept)]
        found = self.price(*some[:2], read=some[2], kept=some[3])
        return found if found.usd is None else replace(found, usd=found.usd / share)

    @property
    def writes(self) -> bool:
        """Whether a cache charges for what it keeps."""
        return self.terms is not None and self.terms.marked

    def held(self, tokens: EstimatedTokens) -> int:
        """Return how many of the tokens of a call a cache can hold for the next one."""
        if self.terms is None or not tokens.calls:
            return 0
        prefix = (tokens.instructions + tokens.schema) // tokens.calls
        return self.terms.held(prefix) * tokens.calls

    def document(self, tokens: EstimatedTokens) -> dict[str, Any]:
        """Return tokens and prices as they stand in an estimate; unknown ones are null."""
        if tokens.picture is None:
            # A price without the image would be too low.
            unknown = replace(self, known=False)
            return unknown.document(replace(tokens, picture=0)) | {"picture_tokens": None}
        read = self.held(tokens)
        usual = self.price(tokens.input, tokens.output)
        return {
            "calls": tokens.calls,
            "instruction_tokens": tokens.instructions,
            "schema_tokens": tokens.schema,
            "message_tokens": tokens.message,
            "picture_tokens": tokens.picture,
            "input_tokens": tokens.input,
            "output_tokens": tokens.output,
            "output_tokens_low": tokens.reply.low,
            "output_tokens_high": tokens.reply.high,
            "output_from": tokens.reply.basis,
            "cost_usd": usual.usd,
            "cost_usd_low": self.price(tokens.input, tokens.reply.low).usd,
            "cost_usd_high": self.price(tokens.input, tokens.reply.high).usd,
            "cost_at_most": usual.at_most,
            "input_cost_usd": self.price(tokens.input, 0).usd,
            "cached_input_tokens": read,
            "cached_cost_usd": self.price(tokens.input, tokens.output, read=read).usd,
            "cached_input_cost_usd": self.price(tokens.input, 0, read=read).usd,
        }
