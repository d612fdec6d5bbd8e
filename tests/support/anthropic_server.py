"""Anthropic's Messages interface, as far as callsheet uses it: structured output, tools, text."""

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

FORBIDDEN = {"minLength", "maxLength", "pattern", "minimum", "maximum", "not", "allOf", "maxItems"}
_TYPES = {400: "invalid_request_error", 401: "authentication_error", 402: "billing_error"}
_TYPES |= {403: "permission_error", 404: "not_found_error", 413: "request_too_large"}
_TYPES |= {429: "rate_limit_error", 529: "overloaded_error"}


class AnthropicServer(Loopback):
    """The server; a schema with keywords that Anthropic does not take is refused."""

    def error(self, code: int, message: str) -> Any:
        error = {"type": _TYPES.get(code, "api_error"), "message": message}
        return {"type": "error", "error": error, "request_id": "req_1"}

    def answer(self, seen: ReceivedRequest, fault: Fault | None) -> Answer:
        if seen.path.partition("?")[0] != "/v1/messages":
            return Answer(404, self.error(404, f"no such path: {seen.path}"))
        body = seen.json
        form = (body.get("output_config") or {}).get("format") or {}
        tools = body.get("tools") or []
        schema = form.get("schema") or (tools[0]["input_schema"] if tools else None)
        if found := sorted(FORBIDDEN & keywords(schema)):
            return Answer(400, self.error(400, f"schema: property '{found[0]}' is not supported"))
        with writing_for(body):
            value = fill(schema) if schema else {}
        content, reason = _content(value, tools, fault)
        return Answer(200, self._reply(body, content, reason))

    def error_event(self, code: int, message: str) -> bytes:
        return event(self.error(code, message), "error")

    def events(self, body: Any) -> Streamed:
        start = body | {"content": [], "stop_reason": None}
        start["usage"] = body["usage"] | {"output_tokens": 1}
        opening, pieces, ending = [_event("message_start", message=start)], [], []
        for index, block in enumerate(body["content"]):
            empty, kind, name, text = _block(block)
            opening.append(_event("content_block_start", index=index, content_block=empty))
            pieces += [
                _event("content_block_delta", index=index, delta={"type": kind, name: piece})
                for piece in pieces_of(text)
            ]
            ending.append(_event("content_block_stop", index=index))
        stop = {"stop_reason": body["stop_reason"], "stop_sequence": None}
        usage = {"output_tokens": body["usage"]["output_tokens"]}
        ending += [_event("message_delta", delta=stop, usage=usage), _event("message_stop")]
        return Streamed(opening, pieces, ending)

    def _reply(self, body: dict[str, Any], content: list[Any], reason: str) -> dict[str, Any]:
        return {
            "id": f"msg_{len(self.requests)}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": content,
            "stop_reason": reason,
            "stop_sequence": None,
            "usage": {
                "input_tokens": 176,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 1_024,
                "output_tokens": 80,
            },
        }


def _event(kind: str, **more: Any) -> bytes:
    return event({"type": kind, **more}, kind)


def _block(block: dict[str, Any]) -> tuple[dict[str, Any], str, str, str]:
    """A block before it is written, and its deltas' kind, name and text in all."""
    if block["type"] == "tool_use":
        written = json.dumps(block["input"], ensure_ascii=False)
        return block | {"input": {}}, "input_json_delta", "partial_json", written
    return block | {"text": ""}, "text_delta", "text", block["text"]


def _content(value: Any, tools: list[Any], fault: Fault | None) -> tuple[list[Any], str]:
    text = json.dumps(value, ensure_ascii=False)
    match fault:
        case Text(content):
            return [{"type": "text", "text": content}], "end_turn"
        case Cut(length):
            return [{"type": "text", "text": text[:length]}], "max_tokens"
        case Refusal() | Filtered():
            return [], "refusal"
        case Empty():
            return [], "end_turn"
    if tools:
        call = {"type": "tool_use", "id": "toolu_1", "name": tools[0]["name"], "input": value}
        return [call], "tool_use"
    return [{"type": "text", "text": text}], "end_turn"
