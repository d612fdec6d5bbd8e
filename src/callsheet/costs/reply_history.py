"""Predicts output tokens: from this person's earlier replies, else from the schema's bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from callsheet.costs.receipt import Basis, weaker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LONG_TOKEN, SHORT_TOKEN = 6.0, 3.0
"""Characters in a token of English prose with markup; an assumption."""

USUAL_SHARE = 0.25
"""What a reply takes of the longest one: a sixth to two fifths for eight models on 2026-11-28."""

LONGEST_WRITTEN = 6_000
"""Characters that no prompt exceeds, however many its model reads."""

UNBOUNDED = 700
"""Tokens of a text whose schema has no maximum length."""

MAX_SAMPLES = 50
"""Latest outputs of a model that are considered."""


@dataclass(frozen=True)
class TokenRange:
    """Output tokens: the least, the usual and the most."""

    low: int = 0
    usual: int = 0
    high: int = 0
    basis: Basis = "reported"

    def __add__(self, other: TokenRange) -> TokenRange:
        return TokenRange(
            self.low + other.low,
            self.usual + other.usual,
            self.high + other.high,
            weaker(self.basis, other.basis),
        )

    def within(self, most: int | None) -> TokenRange:
        """Return the range of a reply that may have so many tokens."""
        if most is None:
            return self
        low, usual, high = (min(most, tokens) for tokens in (self.low, self.usual, self.high))
        return TokenRange(low, usual, high, self.basis)

    def times(self, number: int) -> TokenRange:
        """Return the range of this many runs."""
        return TokenRange(self.low * number, self.usual * number, self.high * number, self.basis)


@dataclass
class ReplyHistory:
    """Output tokens by LLM and model, newest first."""

    seen: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def add(self, llm: str, output_tokens: int, prompts: Mapping[str, Any]) -> None:
        """Add a reply: its tokens are divided among its prompts by their length."""
        lengths = {model: _length(prompt) for model, prompt in prompts.items()}
        total_length = sum(lengths.values())
        if not (total_length and output_tokens):
            return
        for model, length in lengths.items():
            samples = self.seen.setdefault((llm, model), [])
            if len(samples) < MAX_SAMPLES:
                samples.append(round(output_tokens * length / total_length))

    def expect_model(self, llm: str, model: str, schema: Any) -> TokenRange:
        """Return a model's range: with this LLM, else with any other, else by its schema."""
        samples = self.seen.get((llm, model)) or [
            tokens for (_, name), other in self.seen.items() if name == model for tokens in other
        ]
        if samples:
            return TokenRange(min(samples), round(median(samples)), max(samples), "history")
        return by_schema(schema)

    def expect(self, llm: str, schemas: Mapping[str, Any]) -> TokenRange:
        """Return the range of all these models' prompts together."""
        return total(self.expect_model(llm, model, schema) for model, schema in schemas.items())


def total(ranges: Iterable[TokenRange]) -> TokenRange:
    """Return the sum of ranges."""
    return sum(ranges, start=TokenRange())


def by_schema(schema: Any) -> TokenRange:
    """Return the range that a schema allows, from its shortest texts to its longest."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if isinstance(properties, dict):
        return total(by_schema(node) for node in properties.values())
    node = schema if isinstance(schema, dict) else {}
    shortest, longest = node.get("minLength"), node.get("maxLength")
    low = math.ceil(shortest / LONG_TOKEN) if isinstance(shortest, int) else 1
    high = (
        math.ceil(min(longest, LONGEST_WRITTEN) / SHORT_TOKEN)
        if isinstance(longest, int)
        else UNBOUNDED
    )
    return TokenRange(low, max(low, round(high * USUAL_SHARE)), max(low, high), "schema")


def _length(prompt: Any) -> int:
    if isinstance(prompt, dict):
        return sum(len(name) + _length(value) for name, value in prompt.items())
    return len(prompt) if isinstance(prompt, str) else 0
