"""Lets a person paste the request into any chat and the reply back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from callsheet.llm.port import Reply, Request, Usage
from callsheet.llm.reply_reader import read_reply
from callsheet.questions import Question

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from callsheet.llm.port import TextListener

KEY = "reply"


class PasteLLM:
    """Asks a person to paste the request into a chat and the reply here."""

    spec = "paste"

    async def compose(
        self, request: Request, on_text: TextListener | None = None
    ) -> Reply | Question:
        del on_text  # a pasted reply is complete
        if request.answer is None:
            first = "Attach your picture to a chat, paste" if request.picture else "Paste"
            return _question(request, f"{first} this into any chat, then paste its reply here.")
        if not read_reply(request.answer, request.schema).values:
            return _question(
                request,
                "That reply has no complete JSON object of the form asked for. Paste the whole"
                " reply, from { to }.",
            )
        return Reply(text=request.answer, finish="stop", usage=Usage(), llm="paste")


def _question(request: Request, text: str) -> Question:
    return Question(key=KEY, kind="paste", text=text, show=request_text(request))


def request_text(request: Request) -> str:
    """The request as one text for any chat."""
    schema = json.dumps(_plain(request.schema), ensure_ascii=False, indent=1)
    return (
        f"{request.system}\n\n{request.user}\n\n"
        f"Reply with one JSON object and nothing else, in this form:\n\n{schema}"
    )


def _plain(schema: Mapping[str, JsonValue]) -> JsonValue:
    """An example of a reply, with the description of each value in its place."""
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        values = schema.get("enum")
        listed = f"one of {', '.join(map(str, values))}" if isinstance(values, list) else ""
        return " ".join(filter(None, (str(schema.get("description") or ""), listed))) or "text"
    return {
        name: _plain(node) if isinstance(node, dict) else "text"
        for name, node in properties.items()
    }


def open_paste(_name: str, _key: str) -> PasteLLM:
    """The LLM of the spec `paste`, which has no name after it."""
    return PasteLLM()
