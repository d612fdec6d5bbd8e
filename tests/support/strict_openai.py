"""OpenAI's Chat Completions as strict as documented, and every way in which it is known to fail.

with StrictOpenAI() as server:
    ...  # `--llm openai:gpt-5.2 --base-url` server.url
    assert len(server.requests) == 1
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
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
from tests.support.schema_writer import Write, fill, write_text, writing_for
from tests.support.streaming import Streamed, event, pieces_of
from tests.support.strict_schema import complaint

FINISH = {"stop": "stop", "length": "length", "refusal": "stop", "filter": "content_filter"}


class _RejectedError(Exception):
    """A request that the real thing would refuse with this status."""

    def __init__(self, message: str, code: int = 400) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Conduct:
    """How a server differs from the usual: what it refuses, whom it knows, how it writes.

    `refuse` names request fields (`response_format`, `tools`) that it does not understand; `key`
    and `llms` are the only ones it accepts, where given; `cached_tokens` is what it reports of its
    cache; `fenced` puts a plain reply into a Markdown fence, as a chat does; where it does not
    `streams`, it answers in one piece, whatever was asked; `counts` the tokens of what it streams;
    `tier` is the one that it says it served a call at.
    """

    refuse: tuple[str, ...] = ()
    key: str | None = None
    llms: tuple[str, ...] = ()
    cached_tokens: int = 0
    fenced: bool = False
    streams: bool = True
    counts: bool = True
    tier: str | None = None
    write: Write = write_text


class StrictOpenAI(Loopback):
    """The server; `faults` and `fail` script what goes wrong, one request each."""

    path_prefix = "/v1"

    def __init__(self, conduct: Conduct | None = None, faults: Iterable[Fault] = ()) -> None:
        super().__init__(faults)
        self.conduct = conduct or Conduct()

    def error(self, code: int, message: str) -> Any:
        kind = {401: "authentication_error", 429: "rate_limit_error"}.get(code)
        kind = kind or ("server_error" if code >= 500 else "invalid_request_error")
        return {"error": {"message": message, "type": kind, "param": None, "code": None}}

    def answer(self, seen: ReceivedRequest, fault: Fault | None) -> Answer:
        try:
            self._admit(seen)
            schema = self._schema(seen.json)
        except _RejectedError as rejected:
            return Answer(rejected.code, self.error(rejected.code, str(rejected)))
        with writing_for(seen.json):
            value = fill(schema, self.conduct.write) if schema else None
        text = json.dumps(value, ensure_ascii=False) if schema else "Yes."
        message, finish = self._message(seen.json, text, fault)
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
        choices = [] if fault == Empty() else [choice]
        return Answer(200, self._completion(seen.json, choices, text))

    def streams(self, seen: ReceivedRequest) -> bool:
        return self.conduct.streams and super().streams(seen)

    def events(self, body: Any) -> Streamed:
        head = {name: body[name] for name in ("id", "created", "model")}
        head |= {"object": "chat.completion.chunk", "service_tier": self.conduct.tier}

        def chunk(delta: Any, finish: str | None = None) -> bytes:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
            return event(head | {"choices": [choice]})

        opening, pieces, ending = [], [], []
        for choice in body["choices"]:
            message = choice["message"]
            opening = [chunk({"role": "assistant", "content": ""})]
            pieces = [chunk(delta) for delta in _deltas(message)]
            ending = [chunk({}, choice["finish_reason"])]
        if self.conduct.counts:
            ending.append(event(head | {"choices": [], "usage": body["usage"]}))
        return Streamed(opening, pieces, [*ending, event("[DONE]")])

    def _admit(self, seen: ReceivedRequest) -> None:
        """Refuses what is not a proper call for a chat completion by someone who may make it."""
        conduct, body = self.conduct, seen.json
        if seen.path != "/v1/chat/completions" or seen.method != "POST":
            raise _RejectedError(f"Invalid URL ({seen.method} {seen.path})", 404)
        if conduct.key and seen.headers.get("authorization") != f"Bearer {conduct.key}":
            raise _RejectedError("Incorrect API key provided.", 401)
        if not isinstance(body, dict) or not body.get("model") or not body.get("messages"):
            raise _RejectedError("We could not parse the JSON body of your request.")
        if conduct.llms and body["model"] not in conduct.llms:
            raise _RejectedError(f"The model `{body['model']}` does not exist.", 404)
        if body.get("stream_options", {"include_usage": True}) != {"include_usage": True}:
            raise _RejectedError("Unknown parameter: 'stream_options'.")
        for name in conduct.refuse:
            if name in body:
                raise _RejectedError(f"'{name}' is not supported by this model.")

    def _schema(self, body: dict[str, Any]) -> Any:
        """The schema that the reply must follow, however it was sent; None where there is none."""
        if form := body.get("response_format"):
            if form.get("type") != "json_schema":
                raise _RejectedError("This server knows response_format of type json_schema only.")
            return _strict(form["json_schema"], "schema", "response_format")
        if tools := body.get("tools"):
            return _strict(tools[0]["function"], "parameters", "function")
        return _schema_in("\n".join(str(message["content"]) for message in body["messages"]))

    def _message(
        self, body: dict[str, Any], text: str, fault: Fault | None
    ) -> tuple[dict[str, Any], str]:
        """What the assistant says, and why it ends: as text, or as the call of the one tool."""
        message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
        if isinstance(fault, Refusal):
            return message | {"refusal": fault.reason}, "stop"
        text, finish = _spoilt(text, fault)
        if body.get("tools") and (fault is None or isinstance(fault, Cut)):
            function = {"name": body["tools"][0]["function"]["name"], "arguments": text}
            message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
            return message, "tool_calls" if finish == "stop" else finish
        if self.conduct.fenced and fault is None and not body.get("response_format"):
            text = f"Here you are:\n```json\n{text}\n```"
        return message | {"content": text}, finish

    def _completion(self, body: dict[str, Any], choices: list[Any], text: str) -> dict[str, Any]:
        asked = len(json.dumps([body["messages"], body.get("response_format")])) // 4
        written = len(text) // 4
        return {
            "id": f"chatcmpl-{len(self.requests)}",
            "object": "chat.completion",
            "created": 1_795_000_000,
            "model": body["model"],
            "choices": choices,
            "usage": {
                "prompt_tokens": asked,
                "completion_tokens": written,
                "total_tokens": asked + written,
                "prompt_tokens_details": {
                    "cached_tokens": min(self.conduct.cached_tokens, asked),
                    "audio_tokens": 0,
                },
                "completion_tokens_details": {"reasoning_tokens": 0},
            },
            "system_fingerprint": "fp_loopback",
        }


def _deltas(message: dict[str, Any]) -> list[dict[str, Any]]:
    """What a message adds piece by piece: to its text, its refusal, or the call of its one tool."""
    if calls := message.get("tool_calls"):
        function = calls[0]["function"]
        named = calls[0] | {"index": 0, "function": function | {"arguments": ""}}
        more = [
            {"index": 0, "function": {"arguments": p}} for p in pieces_of(function["arguments"])
        ]
        return [{"tool_calls": [call]} for call in (named, *more)]
    name = "refusal" if message.get("refusal") else "content"
    return [{name: piece} for piece in pieces_of(message[name] or "")]


def _spoilt(text: str, fault: Fault | None) -> tuple[str, str]:
    """The text that a fault leaves, and the reason that is given for its end."""
    match fault:
        case Text(content, ending):
            return content, FINISH[ending]
        case Cut(length):
            return text[:length], "length"
        case Filtered(length):
            return text[:length], "content_filter"
        case Empty():
            return "", "stop"
        case _:
            return text, "stop"


def _strict(form: dict[str, Any], field: str, place: str) -> Any:
    name = str(form.get("name"))
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        raise _RejectedError(
            f"Invalid '{place}.name': expected a string that matches '^[a-zA-Z0-9_-]+$'."
        )
    if form.get("strict") is not True:
        raise _RejectedError(f"This server wants 'strict': true in {place} '{name}'.")
    if wrong := complaint(form.get(field)):
        raise _RejectedError(f"Invalid schema for {place} '{name}': {wrong}")
    return form[field]


def _schema_in(text: str) -> Any:
    """The last JSON object with properties that a text holds, as a plain chat would read it."""
    decoder = json.JSONDecoder()
    for found in re.finditer(r"^\{", text, re.MULTILINE):
        try:
            value, _ = decoder.raw_decode(text, found.start())
        except ValueError:
            continue
        if "properties" in value:
            return value
    return None
