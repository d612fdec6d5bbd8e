"""The loopback server refuses what OpenAI documents as refused, and answers what it is asked."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator

from tests.support.loopback import Cut, Refusal, Status, Text
from tests.support.schema_writer import fill, from_pattern
from tests.support.strict_openai import Conduct, StrictOpenAI
from tests.support.strict_schema import complaint

TEXT = {"type": "string"}


def of(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A closed object that wants all its properties, as strict mode does."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    } | more


def native(schema: Any, name: str = "prompts", **form: Any) -> dict[str, Any]:
    """A request with a response format."""
    form = {"name": name, "schema": schema, "strict": True} | form
    return {
        "model": "gpt-5.2",
        "messages": [{"role": "user", "content": "dusk"}],
        "response_format": {"type": "json_schema", "json_schema": form},
    }


def tool(schema: Any) -> dict[str, Any]:
    """A request with one tool."""
    function = {"name": "prompts", "parameters": schema, "strict": True}
    request = native(schema) | {"tools": [{"type": "function", "function": function}]}
    del request["response_format"]
    return request


def post(server: StrictOpenAI, body: Any, **headers: str) -> httpx2.Response:
    return httpx2.post(f"{server.url}/chat/completions", json=body, headers=headers)


@pytest.mark.parametrize(
    ("schema", "complains"),
    [
        (TEXT, "at its root"),
        ({"anyOf": [of({})]}, "at its root"),
        (of({"ONE": TEXT}) | {"additionalProperties": True}, "additionalProperties"),
        (of({"ONE": TEXT}) | {"required": []}, "Missing 'ONE'"),
        (of({"ONE": {"type": "object", "properties": {}}}), "additionalProperties"),
        (of({"ONE": TEXT | {"maxLength": 9}}), "'maxLength' is not permitted"),
        (of({"ONE": TEXT | {"not": {"const": ""}}}), "'not' is not permitted"),
        (of({"ONE": {"allOf": [TEXT]}}), "'allOf' is not permitted"),
        (of({"ONE": TEXT | {"title": "One"}}), "'title' is not permitted"),
        (of({"ONE": TEXT | {"format": "tag-list"}}), "'tag-list' is not a supported format"),
        (of({"ONE": TEXT | {"pattern": "^(?!a)"}}), "lookaround"),
        (of({"ONE": {"description": "a text"}}), "must have a 'type' key"),
        (of({"ONE": {"type": "text"}}), "not a valid type"),
        (of({"ONE": TEXT | {"minItems": 1}}), "not permitted for type"),
        (of({"ONE": {"$ref": "#/$defs/x"}}), "was not found"),
        (of({"ONE": {"$ref": "#/$defs/x", "description": "d"}}), "$ref cannot have keywords"),
        (of({str(i): TEXT for i in range(5_001)}), "at most 5000"),
        (of({"ONE": TEXT | {"enum": [str(i) for i in range(1_001)]}}), "at most 1000"),
        (of({"N" * 120_001: TEXT}), "at most 120000"),
    ],
)
def test_strict_mode_refuses(schema: Any, complains: str) -> None:
    assert complains in str(complaint(schema))


def test_strict_mode_refuses_more_than_ten_levels() -> None:
    schema: Any = of({"ONE": TEXT})
    for _ in range(10):
        schema = of({"ONE": schema})

    assert "levels of nesting" in str(complaint(schema))


def test_strict_mode_accepts_what_is_documented() -> None:
    schema = of(
        {
            "ONE": {"type": "string", "pattern": "^[a-z]+$", "description": "a word"},
            "TWO": {"type": "array", "items": {"$ref": "#/$defs/part"}, "minItems": 1},
            "SIX": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
        },
        **{"$defs": {"part": of({"when": {"type": "string", "format": "date"}})}},
    )

    assert complaint(schema) is None


@pytest.mark.parametrize(
    "body",
    [
        native(of({"ONE": TEXT | {"maxLength": 9}})),
        native(of({}), name="two words"),
        native(of({}), name="n" * 65),
        native(of({}), strict=False),
        native(of({})) | {"response_format": {"type": "json_object"}},
        tool(of({"ONE": TEXT | {"minLength": 9}})),
        {"model": "gpt-5.2"},
        [1],
    ],
)
def test_a_request_that_breaks_a_rule_is_rejected_in_openais_form(body: Any) -> None:
    with StrictOpenAI() as server:
        reply = post(server, body)

    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == "invalid_request_error"


def test_the_reply_contains_exactly_what_the_schema_requires() -> None:
    schema = of({"ZED": TEXT, "SORA": of({"a": {"type": "string", "pattern": "^[a-c]{3}!$"}})})

    with StrictOpenAI() as server:
        reply = post(server, native(schema)).json()
        value = json.loads(reply["choices"][0]["message"]["content"])

    Draft202012Validator(schema).validate(value)
    assert list(value) == ["ZED", "SORA"]
    assert reply["choices"][0]["finish_reason"] == "stop"
    assert reply["usage"]["total_tokens"] > 0


def test_lengths_described_in_text_are_kept() -> None:
    report = {"type": "string", "description": "At least 900 characters. At most 1,000 characters."}

    assert 900 <= len(fill(of({"ONE": report}))["ONE"]) <= 1_000


@pytest.mark.parametrize("pattern", ["^[a-z]{3}$", r"(one|two)\d+", "[^z]", "^.+ --ar 16:9$"])
def test_a_pattern_is_met_by_what_is_written_for_it(pattern: str) -> None:
    assert from_pattern(pattern)


def test_the_same_request_gets_the_same_reply() -> None:
    with StrictOpenAI() as server:
        first, second = (post(server, native(of({"ONE": TEXT}))).json() for _ in range(2))

    assert first["choices"] == second["choices"]


def test_a_forced_tool_is_called_with_the_reply() -> None:
    with StrictOpenAI() as server:
        reply = post(server, tool(of({"ONE": TEXT}))).json()["choices"][0]

    assert reply["finish_reason"] == "tool_calls"
    assert list(json.loads(reply["message"]["tool_calls"][0]["function"]["arguments"])) == ["ONE"]


def test_a_schema_in_the_message_is_followed_without_any_mode() -> None:
    plain = native(of({"ONE": TEXT}))
    del plain["response_format"]
    plain["messages"] = [
        {"role": "system", "content": f"As JSON:\n{json.dumps(of({'ONE': TEXT}))}"}
    ]

    with StrictOpenAI(Conduct(fenced=True)) as server:
        result = post(server, plain).json()["choices"][0]["message"]["content"]

    assert result.startswith("Here you are:\n```json\n{")


def test_a_test_may_write_the_texts_itself() -> None:
    conduct = Conduct(write=lambda path, _: f"written for {path}")

    with StrictOpenAI(conduct) as server:
        result = post(server, native(of({"ONE": TEXT}))).json()["choices"][0]["message"]["content"]

    assert json.loads(result) == {"ONE": "written for $.ONE"}


def test_a_server_can_reject_a_mode_and_require_a_key_and_a_name() -> None:
    body = native(of({"ONE": TEXT}))

    with StrictOpenAI(Conduct(refuse=("response_format",))) as server:
        assert "response_format" in post(server, body).json()["error"]["message"]
    with StrictOpenAI(Conduct(key="right", llms=("other",))) as server:
        assert post(server, body, authorization="Bearer wrong").status_code == 401
        assert post(server, body, authorization="Bearer right").status_code == 404


def test_faults_come_one_for_each_request_and_then_end() -> None:
    body = native(of({"ONE": TEXT}))

    with StrictOpenAI(faults=[Status(429, headers={"retry-after": "3"}), Text("hello")]) as server:
        server.fail(Cut(5), Refusal("no"))
        replies = [post(server, body) for _ in range(5)]

    assert replies[0].status_code == 429
    assert replies[0].headers["retry-after"] == "3"
    choices = [reply.json()["choices"][0] for reply in replies[1:]]
    assert choices[0]["message"]["content"] == "hello"
    assert choices[1]["finish_reason"] == "length"
    assert choices[2]["message"]["refusal"] == "no"
    assert json.loads(choices[3]["message"]["content"])


def test_requests_are_recorded_with_path_headers_and_body() -> None:
    with StrictOpenAI() as server:
        post(server, native(of({"ONE": TEXT})), authorization="Bearer k")

    (seen,) = server.requests
    assert seen.path == "/v1/chat/completions"
    assert seen.headers["authorization"] == "Bearer k"
    assert seen.json["model"] == "gpt-5.2"
