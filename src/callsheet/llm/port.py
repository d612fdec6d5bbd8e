"""What callsheet asks of an LLM, whichever it is: one request in, one reply out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue

    from callsheet.questions import Question

Finish = Literal["stop", "length", "refusal", "filter"]


@dataclass(frozen=True)
class Request:
    """What is sent: instructions, message, and the full schema of the reply.

    `drafts` are replies with holes and `variables` what fills them: an LLM that cannot write by
    itself works from these, every other ignores them. `answer` is what a person said to the
    question that the LLM asked last time for this request.
    """

    system: str
    user: str
    schema: Mapping[str, JsonValue]
    name: str = "prompts"
    drafts: Sequence[JsonValue] = ()
    variables: Mapping[str, JsonValue] = field(default_factory=dict)
    answer: str | None = None


@dataclass(frozen=True)
class Usage:
    """Tokens of one call as the provider counted them, and its price in US dollars.

    `input_tokens` includes the cached ones. `cost_usd` is None where the price is unknown,
    never 0 in its place.
    """

    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None


@dataclass(frozen=True)
class Reply:
    """What came back, unjudged: `text` may be anything, `finish` says why it ended.

    `llm` is the name that the provider reports; `detail` its own words on a refusal.
    """

    text: str
    finish: Finish
    usage: Usage
    llm: str
    detail: str = ""


class LLM(Protocol):
    """Answers a request with a reply, or with a question that a person must answer first.

    Raises ProviderError (or a child) where the provider does not do its part.
    """

    @property
    def spec(self) -> str:
        """How the person named it: `openai:gpt-5.2`."""
        ...

    async def compose(self, request: Request) -> Reply | Question: ...
