"""An LLM for tests: replies as scripted, and records the requests."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from callsheet.llm.port import Reply, Request, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from callsheet.llm.port import TextListener
    from callsheet.questions import Question

ScriptedReply = Reply | str | dict[str, object] | Exception | Callable[[Request], Reply]


class ScriptedLLM:
    """Returns its replies one by one: a reply, its text or JSON, an error to raise, or a function."""

    def __init__(self, replies: Iterable[ScriptedReply], spec: str = "scripted") -> None:
        self._replies = list(replies)
        self.spec = spec
        self.requests: list[Request] = []

    async def compose(
        self, request: Request, on_text: TextListener | None = None
    ) -> Reply | Question:
        del on_text
        self.requests.append(request)
        scripted = self._replies.pop(0)
        if isinstance(scripted, Exception):
            raise scripted
        if callable(scripted):
            return scripted(request)
        if isinstance(scripted, Reply):
            return scripted
        text = scripted if isinstance(scripted, str) else json.dumps(scripted)
        usage = Usage(input_tokens=100, cached_input_tokens=0, output_tokens=20)
        return Reply(text=text, finish="stop", usage=usage, llm="scripted")
