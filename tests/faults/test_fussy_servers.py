"""What a server refuses by name is left out or put in another form, once for each server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from callsheet import errors
from callsheet.llm.factory import open_llm
from callsheet.llm.output_limit import THINKING_ROOM
from callsheet.llm.own_server import estimated_tokens
from callsheet.llm.provider_errors import failure_of
from callsheet.llm.provider_llm import ProviderLLM
from callsheet.llm.schema_adapter import longest_reply
from callsheet.settings import read_settings
from tests.support.cli import Terminal
from tests.support.loopback import Raw, Status
from tests.support.providers import REQUEST, SCHEMA, SYSTEM, USER, client
from tests.support.runs import IDEA
from tests.support.strict_openai import Conduct, StrictOpenAI

ASKED = THINKING_ROOM + longest_reply(SCHEMA)


@pytest.mark.parametrize(
    ("refused", "left"),
    [
        (("max_tokens",), {"max_completion_tokens": ASKED}),
        (("stream_options",), {"max_tokens": ASKED}),
        (("stream_options", "max_tokens", "response_format"), {"max_completion_tokens": ASKED}),
    ],
    ids=["max_tokens", "stream_options", "three at once"],
)
async def test_a_refused_parameter_is_replaced_or_left_out_and_never_sent_again(
    refused: tuple[str, ...], left: dict[str, int]
) -> None:
    with StrictOpenAI(Conduct(refuse=refused)) as server:
        llm = client(server)
        for _ in range(2):
            assert json.loads((await llm.compose(REQUEST)).text)
    accepted = server.requests[len(refused)].json
    assert not set(refused) & set(accepted)
    assert left.items() <= accepted.items()
    assert len(server.requests) == len(refused) + 2


async def test_a_server_without_a_system_role_gets_the_instructions_with_the_message() -> None:
    wrong = {"error": {"message": "Conversation roles must alternate user/assistant/user/…"}}
    with StrictOpenAI(faults=[Status(400, wrong)]) as server:
        llm = client(server)
        await llm.compose(REQUEST)
        await llm.compose(REQUEST)
    for request in server.requests[1:]:
        (message,) = request.json["messages"]
        assert message["role"] == "user"
        assert message["content"] == f"{SYSTEM}\n\n{USER}"
    assert len(server.requests) == 3


CONTEXT = (
    "This model's maximum context length is 8192 tokens. However, you requested 10509 tokens"
    " (1109 in the messages, 9400 in the completion)."
)
LIMITS: list[tuple[Any, int]] = [
    (CONTEXT, 8_192 - 1_109 - 16),
    (
        "'max_tokens' or 'max_completion_tokens' is too large: 9400. This model's maximum context"
        " length is 8192 tokens and your request has 1109 input tokens (9400 > 8192 - 1109).",
        8_192 - 1_109 - 16,
    ),
    ("max_tokens is too large: 9400. This model supports at most 4096 completion tokens.", 4_096),
    ("`max_tokens` must be less than or equal to `8,192`, the maximum for this model", 8_192),
    ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 8_192),
    ("max_tokens: 9400 > 4096, which is the maximum allowed number of output tokens", 4_096),
    (
        f"maximum context length is 8192 tokens, but you requested {ASKED + 1_000} tokens",
        8_192 - 1_000 - 16,
    ),
    (
        "'max_tokens' cannot be greater than max_model_len=8192",
        8_192 - estimated_tokens(SYSTEM + USER) - 16,
    ),
    (
        "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 1109 `inputs` tokens and 9400",
        4_096 - 1_109 - 16,
    ),
    (
        "input length and `max_tokens` exceed context limit: 1109 + 9400 > 8192, decrease input",
        8_192 - 1_109 - 16,
    ),
]


@pytest.mark.parametrize(("words", "most"), LIMITS)
async def test_a_call_is_made_again_within_the_limit_that_the_server_names(
    words: str, most: int
) -> None:
    with StrictOpenAI(faults=[Status(400, {"error": {"message": words}})]) as server:
        await client(server).compose(REQUEST)
    assert [request.json["max_tokens"] for request in server.requests] == [ASKED, most]


async def test_a_context_that_a_server_has_named_is_kept_for_the_next_call() -> None:
    with StrictOpenAI(faults=[Status(400, {"error": {"message": CONTEXT}})]) as server:
        llm = client(server)
        for _ in range(2):
            await llm.compose(REQUEST)
    asked = [request.json["max_tokens"] for request in server.requests]
    assert asked == [ASKED, 8_192 - 1_109 - 16, 8_192 - 1_109 - 16]


async def test_a_context_without_room_for_a_prompt_is_too_small() -> None:
    words = CONTEXT.replace("1109", "8100")
    with (
        StrictOpenAI(faults=[Status(400, {"error": {"message": words}})]) as server,
        pytest.raises(errors.InputTooLargeError, match="maximum context length is 8192"),
    ):
        await client(server).compose(REQUEST)
    assert len(server.requests) == 1


async def test_ollama_is_told_the_limit_by_the_name_that_it_reads() -> None:
    with StrictOpenAI() as server:
        await ProviderLLM("ollama", "qwen3", base_url=server.url).compose(REQUEST)
    body = server.requests[0].json
    assert (body["max_tokens"], "max_completion_tokens" in body) == (ASKED, False)


async def test_the_list_of_faults_that_fastapi_sends_is_shown() -> None:
    detail = [{"loc": ["body", "seed"], "msg": "Input should be a valid integer", "type": "int"}]
    with (
        StrictOpenAI(faults=[Status(422, {"detail": detail})]) as server,
        pytest.raises(errors.RequestRejectedError, match=r"body\.seed: Input should be a valid"),
    ):
        await client(server).compose(REQUEST)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Status(500, {"error": "image input is not supported"}), "image input is not supported"),
        (
            Status(500, {"error": {"message": "model requires more system memory (5.6 GiB)"}}),
            "more system memory",
        ),
        (
            Status(404, {"error": {"message": "No models loaded. Please load a model."}}),
            "No models",
        ),
        (Raw(b'{"error": "Unexpected endpoint or method. (POST /chat)"}'), "Unexpected endpoint"),
        (
            Raw(
                b'data: {"error": {"message": "The number of tokens to keep from the initial prompt is'
                b' greater than the context length (n_ctx: 4096)"}}\n\n',
                "text/event-stream",
            ),
            "greater than the context length",
        ),
    ],
    ids=["image", "memory", "no model", "error as a text, status 200", "error in a stream"],
)
async def test_what_cannot_pass_with_time_is_tried_once_and_told_in_the_servers_words(
    fault: Any, words: str
) -> None:
    with StrictOpenAI(faults=[fault] * 4) as server, pytest.raises(errors.CallsheetError) as raised:
        await client(server).compose(REQUEST)
    assert words in raised.value.message
    assert len(server.requests) == 1


async def test_only_an_llm_that_thinks_is_given_room_for_thoughts() -> None:
    with StrictOpenAI() as server:
        for name in ("llama3.2", "qwen3"):
            await ProviderLLM("openai", name, base_url=server.url).compose(REQUEST)
    asked = [request.json["max_tokens"] for request in server.requests]
    assert asked == [longest_reply(SCHEMA), ASKED]


async def test_an_llm_that_turns_out_to_think_is_given_room_and_asked_again_once() -> None:
    thought = _cut_in_thought()
    with StrictOpenAI(faults=[thought]) as server:
        llm = ProviderLLM("openai", "any", base_url=server.url)
        first, second = [await llm.compose(REQUEST) for _ in range(2)]
    asked = [request.json["max_tokens"] for request in server.requests]
    assert asked == [longest_reply(SCHEMA), ASKED, ASKED]
    assert (first.finish, first.usage.output_tokens - second.usage.output_tokens) == ("stop", 700)


def _cut_in_thought() -> Raw:
    message = {"role": "assistant", "content": "", "reasoning_content": "First, the woman …"}
    choice = {"index": 0, "message": message, "finish_reason": "length"}
    usage = {"prompt_tokens": 90, "completion_tokens": 700, "total_tokens": 790}
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": "any"}
    return Raw(json.dumps(body | {"choices": [choice], "usage": usage}).encode())


async def test_an_output_limit_of_the_persons_own_is_sent_as_it_is() -> None:
    with StrictOpenAI(faults=[_cut_in_thought()]) as server:
        settings = read_settings({"CALLSHEET_MAX_OUTPUT_TOKENS": "1234"})
        llm = open_llm("openai:qwen3", base_url=server.url, settings=settings)
        await llm.compose(REQUEST)
    assert [request.json["max_tokens"] for request in server.requests] == [1_234]


def test_the_command_line_sets_the_output_limit(terminal: Terminal) -> None:
    words = ("--groups", "sora", "--llm", "openai:gpt-5.2", "--max-output-tokens", "500", "--json")
    assert terminal("estimate", *words).json["selection"]["output_tokens_high"] == 500
    with StrictOpenAI() as server:
        done = terminal("run", "--idea", IDEA, *words, "--base-url", server.url)
    assert done.status == 0, done.err
    assert server.requests[0].json["max_tokens"] == 500


@pytest.mark.parametrize("text", ["0", "-5", "1.5", "many"])
def test_an_output_limit_is_a_whole_number_of_tokens(text: str) -> None:
    with pytest.raises(errors.InputError, match="CALLSHEET_MAX_OUTPUT_TOKENS cannot be"):
        read_settings({"CALLSHEET_MAX_OUTPUT_TOKENS": text})


def test_a_message_that_only_mentions_a_parameter_refuses_none() -> None:
    for words in (
        "the system is overloaded",
        "model requires more system memory than is available",
    ):
        assert failure_of(500, {"error": words}, None).refused is None
    assert failure_of(400, {"error": {"message": "bad idea"}}, None).most_tokens is None
