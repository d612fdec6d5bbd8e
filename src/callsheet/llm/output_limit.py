"""How many tokens a reply may have: what its schema allows, and room for LLMs that think first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from callsheet.llm.providers import provider_of
from callsheet.llm.schema_adapter import longest_reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

THINKING_ROOM = 8_000
"""Tokens; providers count what an LLM thinks as output."""

_THINKERS = re.compile(
    r"gpt-5|gpt-oss|\bo[1345](\b|-)|gemini-(2\.5|[3-9])|qwen-?3|qwq|deepseek-r|(^|[-_:/])r1\b"
    r"|think|reason|magistral|glm-(4\.[5-9]|[5-9])|minimax-m|smollm3",
    re.IGNORECASE,
)
"""Families that think before they answer, unless told otherwise; of others, the first reply tells."""

_INSTRUCT = re.compile(r"instruct|non-?think|no-?think", re.IGNORECASE)


def thinks(spec: str, *, own: bool) -> bool:
    """Whether an LLM is known to think; at a hosted provider, any may that is not known to be older."""
    name = spec.partition(":")[2]
    provider = provider_of(spec)
    if own or provider is None or provider.own:
        return _THINKERS.search(name) is not None and _INSTRUCT.search(name) is None
    return not (provider.never_thinks and re.match(provider.never_thinks, name))


def output_limit(
    schema: Mapping[str, JsonValue], *, thinking: bool, chosen: int | None = None
) -> int:
    """Tokens that a reply to this schema may have; what a person has chosen counts."""
    return chosen or longest_reply(schema) + THINKING_ROOM * thinking
