"""What providers' prompt caches keep, and at which price, with the sources.

Read in November 2026: OpenAI's guide "Prompt caching"; Anthropic's page of the same name and its model
pages; Google's "Context caching".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class CacheTerms:
    """The terms for LLMs whose name matches `names`.

    `floor` is the shortest prefix that is kept, in tokens, and `step` what its length is a multiple
    of. A prefix is kept for `seconds` after its last use. Where `marked`, only a prefix that the
    request marks is kept, and keeping it costs `write` times the price of input; others are kept
    unasked at no price. `read` is the price of what was kept, `hour_write` that of keeping it for an
    hour, where that can be asked for; `for_hour` says that it is.
    """

    names: str
    floor: int
    step: int = 1
    seconds: float = 300.0
    marked: bool = False
    write: float = 1.0
    read: float = 0.1
    hour_write: float = 0.0
    for_hour: bool = False

    def in_jobs(self) -> CacheTerms:
        """The terms in a batch job, whose rows are further apart: it asks for an hour."""
        if not self.hour_write:
            return self
        return replace(self, seconds=3_600.0, write=self.hour_write, for_hour=True)

    def held(self, prefix: int) -> int:
        """How many tokens of a prefix a cache can hold."""
        return prefix - prefix % self.step if prefix >= self.floor else 0

    def pays(self, calls: int) -> bool:
        """Whether to mark a prefix that so many calls share: one writes it, the others read it."""
        return self.marked and self.write + (calls - 1) * self.read < calls


OPENAI_CACHE = (
    # From 5.6 on, writing costs; a request without a mark in the mode `explicit` writes nothing.
    CacheTerms(r"gpt-5\.[6-9]|gpt-[6-9]", 1_024, seconds=1_800, marked=True, write=1.25),
    CacheTerms(r"", 1_024, step=128),
)

ANTHROPIC_CACHE = tuple(
    CacheTerms(names, floor, marked=True, write=1.25, hour_write=2.0)
    for names, floor in (
        (r"claude-(opus|sonnet|haiku)-5-5|claude-opus-5|claude-fable-5", 512),
        (r"claude-opus-4-7", 2_048),
        (r"claude-opus-4-[56]|claude-haiku-4-5", 4_096),
        (r"", 1_024),
    )
)

GOOGLE_CACHE = (
    CacheTerms(r"gemini-2\.5", 2_048),
    CacheTerms(r"gemini-(3|4)", 4_096),
)


def terms_for(known: Iterable[CacheTerms], name: str) -> CacheTerms | None:
    """The first terms that hold for this LLM; None where they are not documented."""
    return next((terms for terms in known if re.match(terms.names, name)), None)
