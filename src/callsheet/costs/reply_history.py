"""How many tokens a model's prompts took so far, in a person's own runs; else what a schema allows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from callsheet.costs.receipt import Basis, weaker

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LONG_TOKEN, SHORT_TOKEN = 6.0, 3.0
"""Our assumption: English prose with markup has 3 to 6 characters in a token."""

UNBOUNDED = 700
"""Tokens of a text whose schema names no longest length: what a reply leaves room for."""

KEPT = 50
"""How many of the latest outputs of a model are looked at."""


@dataclass(frozen=True)
class TokenRange:
    """Tokens of output: the least, the usual and the most."""

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

    def times(self, number: int) -> TokenRange:
        """The same for so many runs."""
        return TokenRange(self.low * number, self.usual * number, self.high * number, self.basis)


@dataclass
class ReplyHistory:
    """Output tokens by LLM and model, newest first."""

    seen: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def add(self, llm: str, output_tokens: int, prompts: Mapping[str, Any]) -> None:
        """Takes in a reply: its tokens are shared among its prompts by their length."""
        lengths = {model: _length(prompt) for model, prompt in prompts.items()}
        whole = sum(lengths.values())
        if not (whole and output_tokens):
            return
        for model, length in lengths.items():
            known = self.seen.setdefault((llm, model), [])
            if len(known) < KEPT:
                known.append(round(output_tokens * length / whole))

    def span(self, llm: str, model: str, schema: Any) -> TokenRange:
        """What a model's prompt takes: with this LLM, else with any other, else by its schema."""
        found = self.seen.get((llm, model)) or [
            tokens for (_, name), kept in self.seen.items() if name == model for tokens in kept
        ]
        if found:
            return TokenRange(min(found), round(median(found)), max(found), "history")
        return by_schema(schema)

    def expect(self, llm: str, schemas: Mapping[str, Any]) -> TokenRange:
        """What the prompts of all these models take together."""
        return total(self.span(llm, model, schema) for model, schema in schemas.items())


def total(spans: Iterable[TokenRange]) -> TokenRange:
    """All of them together."""
    return sum(spans, start=TokenRange())


def by_schema(schema: Any) -> TokenRange:
    """What a prompt may take by its schema: from its shortest text to its longest."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if isinstance(properties, dict):
        return total(by_schema(node) for node in properties.values())
    node = schema if isinstance(schema, dict) else {}
    shortest, longest = node.get("minLength"), node.get("maxLength")
    low = math.ceil(shortest / LONG_TOKEN) if isinstance(shortest, int) else 1
    high = math.ceil(longest / SHORT_TOKEN) if isinstance(longest, int) else UNBOUNDED
    # Bounds lie far apart, so their middle is taken as for orders of magnitude.
    return TokenRange(low, round(math.sqrt(low * high)), max(low, high), "schema")


def _length(prompt: Any) -> int:
    if isinstance(prompt, dict):
        return sum(len(name) + _length(value) for name, value in prompt.items())
    return len(prompt) if isinstance(prompt, str) else 0
