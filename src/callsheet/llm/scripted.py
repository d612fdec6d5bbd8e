"""The LLM of tests: says what it was told to say, and remembers what it was asked."""

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
    """Plays its lines one by one: a reply, its text or JSON, an error to raise, or a function."""

    def __init__(self, lines: Iterable[ScriptedReply], spec: str = "scripted") -> None:
        self._lines = list(lines)
        self.spec = spec
        self.requests: list[Request] = []

    async def compose(
        self, request: Request, on_text: TextListener | None = None
    ) -> Reply | Question:
        del on_text
        self.requests.append(request)
        line = self._lines.pop(0)
        if isinstance(line, Exception):
            raise line
        if callable(line):
            return line(request)
        if isinstance(line, Reply):
            return line
        text = line if isinstance(line, str) else json.dumps(line)
        usage = Usage(input_tokens=100, cached_input_tokens=0, output_tokens=20)
        return Reply(text=text, finish="stop", usage=usage, llm="scripted")
