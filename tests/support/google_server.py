"""Google's generateContent, as far as callsheet uses it: structured output, functions, text."""

from __future__ import annotations

import json
from typing import Any

from tests.support.loopback import (
    Answer,
    Cut,
    Empty,
    Fault,
    Filtered,
    Loopback,
    ReceivedRequest,
    Refusal,
    Text,
)
from tests.support.schema_writer import fill, writing_for
from tests.support.streaming import Streamed, event, pieces_of
from tests.support.strict_schema import keywords

_STATUSES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}
_STATUSES |= {404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE"}


READ = {
    "$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items",
    "prefixItems", "minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties",
    "additionalProperties", "required", "propertyOrdering",
}  # fmt: skip
"""The keywords that the reference of `responseJsonSchema` lists."""
STREAM = ":streamGenerateContent"


class GoogleServer(Loopback):
    """The server; a schema with keywords that Gemini does not list is refused."""

    def error(self, code: int, message: str) -> Any:
        status = _STATUSES.get(code, "UNKNOWN")
        return {"error": {"code": code, "message": message, "status": status}}

    def answer(self, seen: ReceivedRequest, fault: Fault | None) -> Answer:
        if not seen.path.partition("?")[0].endswith((":generateContent", STREAM)):
            return Answer(404, self.error(404, f"no such path: {seen.path}"))
        schema = (seen.json.get("generationConfig") or {}).get("responseJsonSchema")
        if unknown := sorted(keywords(schema) - READ):
            return Answer(400, self.error(400, f"schema: unknown field '{unknown[0]}'"))
        with writing_for(seen.json):
            text = json.dumps(fill(schema) if schema else {}, ensure_ascii=False)
        return Answer(200, self._reply(_candidates(text, fault), fault))

    def streams(self, seen: ReceivedRequest) -> bool:
        return seen.path.partition("?")[0].endswith(STREAM)

    def events(self, body: Any) -> Streamed:
        if not body["candidates"]:
            return Streamed([], [], [event(body)])
        result = body["candidates"][0]
        pieces = pieces_of(result["content"]["parts"][0]["text"])
        counted = body["usageMetadata"]

        def chunk(piece: str, number: int, **more: Any) -> bytes:
            usage = counted | {"candidatesTokenCount": number, "totalTokenCount": 1_200 + number}
            content = {"role": "model", "parts": [{"text": piece}]}
            candidate = {"index": 0, "content": content, **more}
            return event(body | {"candidates": [candidate], "usageMetadata": usage})

        ending = chunk("", counted["candidatesTokenCount"], finishReason=result["finishReason"])
        return Streamed([], [chunk(piece, n) for n, piece in enumerate(pieces, 1)], [ending])

    def _reply(self, candidates: list[Any], fault: Fault | None) -> dict[str, Any]:
        reply: dict[str, Any] = {
            "candidates": candidates,
            "usageMetadata": {
                "promptTokenCount": 1_200,
                "cachedContentTokenCount": 1_024,
                "candidatesTokenCount": 80,
                "totalTokenCount": 1_280,
            },
            "modelVersion": "gemini-loopback",
            "responseId": f"reply-{len(self.requests)}",
        }
        if isinstance(fault, Refusal):
            reply["promptFeedback"] = {"blockReason": "PROHIBITED_CONTENT"}
        return reply


def _candidates(text: str, fault: Fault | None) -> list[Any]:
    reason = "STOP"
    match fault:
        case Text(content):
            text = content
        case Cut(length):
            text, reason = text[:length], "MAX_TOKENS"
        case Filtered(length):
            text, reason = text[:length], "SAFETY"
        case Refusal() | Empty():
            return []
    result = {"role": "model", "parts": [{"text": text}]}
    return [{"index": 0, "content": result, "finishReason": reason}]
