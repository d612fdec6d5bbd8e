"""What callsheet asks of an LLM, whichever it is: one request in, one reply out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

# Whoever writes an LLM of their own finds all that they need here.
from callsheet.usage import Usage as Usage  # noqa: PLC0414, TC001

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue

    from callsheet.images import Image
    from callsheet.questions import Question

TextListener = Callable[[str], Awaitable[None]]
"""Takes what is written of a reply so far: all of it, from its first character."""

Finish = Literal["stop", "length", "refusal", "filter", "broken"]
"""Why a reply ended; `broken` where its connection did, half way."""


@dataclass(frozen=True)
class Request:
    """What is sent: instructions, message, the full schema of the reply, and a picture if there is one.

    `drafts` are replies with holes and `variables` what fills them: an LLM that cannot write by
    itself works from these, every other ignores them. `answer` is what a person said to the
    question that the LLM asked last time for this request.
    """

    system: str
    user: str
    schema: Mapping[str, JsonValue]
    name: str = "prompts"
    picture: Image | None = None
    drafts: Sequence[JsonValue] = ()
    variables: Mapping[str, JsonValue] = field(default_factory=dict)
    answer: str | None = None


@dataclass(frozen=True)
class Reply:
    """What came back, unjudged: `text` may be anything, `finish` says why it ended.

    `llm` is the name that the provider reports; `detail` its own words on a refusal, or on what
    broke.
    """

    text: str
    finish: Finish
    usage: Usage
    llm: str
    detail: str = ""


class LLM(Protocol):
    """Answers a request with a reply, or with a question that a person must answer first.

    Raises ProviderError (or a child) where the provider does not do its part. `on_text` is called
    now and then while a reply is being written, and once more where it breaks off or nobody waits
    for it any more; not at all by an LLM that tells nothing before it is done.
    """

    @property
    def spec(self) -> str:
        """How the person named it: `openai:gpt-5.2`."""
        ...

    async def compose(
        self, request: Request, on_text: TextListener | None = None
    ) -> Reply | Question: ...
