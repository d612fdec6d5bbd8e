"""The interface of an LLM: one request in, one reply out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

# An own LLM can import everything it needs from here.
from callsheet.usage import Usage as Usage  # noqa: PLC0414, TC001

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue

    from callsheet.images import Image
    from callsheet.questions import Question

TextListener = Callable[[str], Awaitable[None]]
"""Called with the text of a reply so far, from its first character."""

Finish = Literal["stop", "length", "refusal", "filter", "broken"]
"""Why a reply ended; `broken` means that the connection broke first."""


@dataclass(frozen=True)
class Request:
    """What is sent: instructions, message, full schema of the reply, and an image if there is one.

    `drafts` are templates of replies and `variables` their values: the offline LLM fills them, every
    other ignores both. `answer` is a person's answer to the question that the LLM asked for this
    request. `repeated` is how many calls with the same instructions and schema follow each other
    closely, this one included, as far as is known; 0 for a request that is asked once only. `repair` says
    that it corrects an earlier reply.
    """

    system: str
    user: str
    schema: Mapping[str, JsonValue]
    name: str = "prompts"
    picture: Image | None = None
    drafts: Sequence[JsonValue] = ()
    variables: Mapping[str, JsonValue] = field(default_factory=dict)
    answer: str | None = None
    repeated: int = 1
    repair: bool = False


@dataclass(frozen=True)
class Reply:
    """An unchecked reply: `text` may be anything, `finish` says why it ended.

    `llm` is the name that the provider reports, `tier` the service tier; `detail` its message on a
    refusal or a broken reply. `thought` says that the LLM thought first; `notes` are for the person.
    """

    text: str
    finish: Finish
    usage: Usage
    llm: str
    detail: str = ""
    thought: bool = False
    notes: tuple[str, ...] = ()
    tier: str = ""


class ReplyLaterError(Exception):
    """The request waits in a provider job, by its id: the reply comes with the job. No failure."""

    def __init__(self, job: str) -> None:
        super().__init__(job)
        self.job = job


class LaterLLM:
    """The LLM of a run whose calls go into provider jobs: each waits for whoever packs the next job."""

    def __init__(self, spec: str) -> None:
        self.spec = spec

    async def compose(
        self, request: Request, on_text: TextListener | None = None
    ) -> Reply | Question:
        raise ReplyLaterError("")


class LLM(Protocol):
    """Answers a request with a reply, or with a question that a person must answer first.

    Raises ProviderError or a subclass where the provider fails. `on_text` is called from time to time
    while a reply is written, and once more where it breaks off or is cancelled; an LLM that does not
    stream never calls it.
    """

    @property
    def spec(self) -> str:
        """Its name on the command line: `openai:gpt-5.2`."""
        ...

    async def compose(
        self, request: Request, on_text: TextListener | None = None
    ) -> Reply | Question: ...
