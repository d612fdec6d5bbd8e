"""Servers on a person's own computer: what they are asked, what they are sent, and at which pace."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callsheet.errors import CallsheetError, InputError, InputTooLargeError
from callsheet.images import read_image
from callsheet.llm.concurrency import ConcurrencyLimiter
from callsheet.llm.factory import open_llm
from callsheet.llm.provider_llm import ProviderLLM
from callsheet.llm.providers import parse_host
from callsheet.llm.retry_policy import CallLimits
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore
from tests.support.batches import SharedStore, ideas, write_sheet
from tests.support.images import png
from tests.support.loopback import Raw, ReceivedRequest, Status
from tests.support.providers import REQUEST, client
from tests.support.runs import InMemoryRuns, client_of
from tests.support.strict_openai import StrictOpenAI

LLAMA_CPP: Mapping[str, Any] = {
    "/v1/models": {"data": [{"id": "tiny", "owned_by": "llamacpp"}]},
    "/props": {"default_generation_settings": {"n_ctx": 2_048}},
}
OLLAMA: Mapping[str, Any] = {
    "/v1/models": {"data": [{"id": "qwen3:latest", "owned_by": "library"}]},
    "/api/ps": {"models": [{"name": "qwen3:latest", "context_length": 4_096}]},
}
VLLM: Mapping[str, Any] = {
    "/v1/models": {"data": [{"id": "any", "owned_by": "vllm", "max_model_len": 8_192}]},
}
LM_STUDIO: Mapping[str, Any] = {
    "/v1/models": {"data": [{"id": "any", "owned_by": "organization_owner"}]},
    "/api/v0/models": {"data": [{"id": "any", "loaded_context_length": 4_096}]},
}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "A": {"type": "string", "minLength": 20, "maxLength": 4_000, "x-words": 50},
        "B": {"type": "string", "minLength": 20, "maxLength": 300, "pattern": "^[a-z, ]+$"},
    },
    "required": ["A", "B"],
}


class Lenient(StrictOpenAI):
    """Takes any schema, as engines with grammars do; `read` is how many input tokens it reports."""

    def __init__(self, tells: Mapping[str, Any], read: int | None = None) -> None:
        super().__init__()
        self.tells = dict(tells)
        self.read = read

    def _schema(self, body: dict[str, Any]) -> Any:
        return body["response_format"]["json_schema"]["schema"]

    def _completion(self, body: dict[str, Any], choices: list[Any], text: str) -> dict[str, Any]:
        whole = super()._completion(body, choices, text)
        if self.read is not None:
            whole["usage"] |= {"prompt_tokens": self.read}
        return whole


@pytest.mark.parametrize(
    ("tells", "longest", "enforced"),
    [
        (LLAMA_CPP, 400, {"minLength", "maxLength", "pattern"}),
        (OLLAMA, 400, {"minLength", "maxLength", "pattern"}),
        (VLLM, 400, {"minLength", "maxLength"}),
        (LM_STUDIO, None, {"pattern"}),
    ],
    ids=["llama.cpp", "Ollama", "vLLM", "LM Studio"],
)
async def test_bounds_near_the_word_budget_go_to_engines_that_enforce_them(
    tells: Mapping[str, Any], longest: int | None, enforced: set[str]
) -> None:
    with Lenient(tells) as server:
        llm = ProviderLLM("openai", "any", base_url=server.url)
        for _ in range(2):
            await llm.compose(replace(REQUEST, schema=SCHEMA))
    sent = server.requests[0].json["response_format"]["json_schema"]["schema"]["properties"]
    assert sent["A"].get("maxLength") == longest
    assert set(sent["B"]) - {"type", "description"} == enforced
    assert [each.path for each in server.questions].count("/v1/models") == 1


async def test_a_bound_is_never_below_the_length_of_the_message() -> None:
    with Lenient(LLAMA_CPP) as server:
        request = replace(REQUEST, schema=SCHEMA, user="a heron at dawn, " * 60)
        await ProviderLLM("openai", "any", base_url=server.url).compose(request)
    sent = server.requests[0].json["response_format"]["json_schema"]["schema"]["properties"]
    assert sent["A"]["maxLength"] == len(request.user)


async def _notes(llm: ProviderLLM) -> list[str]:
    """What a run with this LLM notes for the person."""
    runs = InMemoryRuns.with_llm(llm)
    session = await runs.session(["leonardo"])
    document = await runs.service.show(session.view.run)
    return [each.text for each in document.notes or ()]


@pytest.mark.parametrize(
    ("tells", "what_to_set"),
    [
        (OLLAMA, "OLLAMA_CONTEXT_LENGTH=16384 ollama serve"),
        (LLAMA_CPP, "`-c 16384`"),
        (VLLM, "--max-model-len 16384"),
        (LM_STUDIO, "context length of 16384"),
        ({}, "`OLLAMA_CONTEXT_LENGTH`, llama.cpp: `-c`"),
    ],
    ids=["Ollama", "llama.cpp", "vLLM", "LM Studio", "unknown"],
)
async def test_fewer_input_tokens_than_were_sent_are_told_with_what_to_set(
    tells: Mapping[str, Any], what_to_set: str
) -> None:
    with Lenient(tells, read=100) as server:
        llm = ProviderLLM("openai", "qwen3", base_url=server.url)
        (note,) = [each for each in await _notes(llm) if "input tokens" in each]
    assert note.startswith("the server read 100 of about ")
    assert what_to_set in note


async def test_the_usual_count_of_input_tokens_is_no_remark() -> None:
    with Lenient(OLLAMA) as server:
        llm = ProviderLLM("openai", "any", base_url=server.url)
        assert not [each for each in await _notes(llm) if "input tokens" in each]


NO_PICTURES = [
    (500, "image input is not supported - hint: you may need to provide the mmproj"),
    (400, "llama3 is not a multimodal model"),
    (400, "At most 0 image(s) may be provided in one request."),
    (400, "Invalid content type. image_url is only supported by certain models."),
    (404, "No endpoints found that support image input"),
    (400, "Model does not support images. Please use a model that does."),
]


@pytest.mark.parametrize(("status", "words"), NO_PICTURES)
async def test_a_picture_that_a_server_cannot_see_is_dropped_with_a_note(
    status: int, words: str
) -> None:
    request = replace(REQUEST, picture=read_image(png(8, 8)))
    with StrictOpenAI(faults=[Status(status, {"error": {"message": words}})]) as server:
        llm = client(server)
        replies = [await llm.compose(request) for _ in range(2)]
    assert len(server.requests) == 3
    assert ["image_url" in str(each.json) for each in server.requests] == [True, False, False]
    for reply in replies:
        assert reply.notes == (
            "`openai:gpt-5.2` cannot see the picture; it goes by the words alone",
        )


@pytest.mark.parametrize(
    "fault",
    [
        Status(500, {"error": {"message": "Context size has been exceeded."}}),
        Status(500, {"error": "llama runner process no longer running: out of memory"}),
        Raw(
            b'data: {"error": {"message": "Trying to keep the first 5120 tokens when context the'
            b' overflows. However, the model is loaded with context length of only 4096 tokens"}}\n\n',
            "text/event-stream",
        ),
        Status(400, {"error": {"message": "request (5120 tokens) exceeds the available context size"
               " (4096 tokens), try increasing it", "type": "exceed_context_size_error"}}),
    ],
    ids=["llama.cpp", "Ollama", "LM Studio", "llama.cpp, counted"],
)  # fmt: skip
async def test_what_a_server_cannot_hold_is_not_tried_again(fault: Any) -> None:
    with StrictOpenAI(faults=[fault] * 4) as server, pytest.raises(CallsheetError):
        await client(server).compose(REQUEST)
    assert len(server.requests) == 1


async def test_an_input_that_is_too_long_says_how_its_server_is_given_a_larger_context() -> None:
    wrong = Status(400, {"error": {"message": "prompt exceeds the context window"}})
    with StrictOpenAI(faults=[wrong]) as server:
        server.tells = dict(OLLAMA)
        with pytest.raises(InputTooLargeError) as raised:
            await client(server).compose(REQUEST)
    assert "OLLAMA_CONTEXT_LENGTH=16384 ollama serve" in raised.value.hint


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", "http://127.0.0.1:11434/v1"),
        ("192.168.1.5", "http://192.168.1.5:11434/v1"),
        ("box.lan:8080", "http://box.lan:8080/v1"),
        (":9000", "http://127.0.0.1:9000/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),  # noqa: S104
        ("0.0.0.0:9000", "http://127.0.0.1:9000/v1"),
        ("http://box.lan", "http://box.lan:80/v1"),
        ("https://box.lan/ollama/", "https://box.lan:443/ollama/v1"),
        ("https://box.lan:8443", "https://box.lan:8443/v1"),
        ("[::1]:9000", "http://[::1]:9000/v1"),
        ("::1", "http://[::1]:11434/v1"),
        ("[::]", "http://[::1]:11434/v1"),
        (' "box.lan" ', "http://box.lan:11434/v1"),
    ],
)
def test_the_host_of_ollama_is_read_in_each_of_its_forms(text: str, url: str) -> None:
    assert parse_host("OLLAMA_HOST", text) == url


@pytest.mark.parametrize("text", ["ftp://box", "box:port", "a b", "box:1:2"])
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="OLLAMA_HOST is not the address of a server"):
        parse_host("OLLAMA_HOST", text)


async def test_ollama_is_called_at_its_host_and_gets_no_key() -> None:
    with Lenient(OLLAMA) as server:
        host = server.url.removeprefix("http://").removesuffix("/v1")
        settings = read_settings({"OLLAMA_HOST": host, "CALLSHEET_API_KEY": "sk-none-of-its"})
        llm = open_llm("ollama:qwen3", base_url=None, settings=settings)
        await llm.compose(REQUEST)
    assert len(server.requests) == 1
    assert "authorization" not in server.requests[0].headers


def _has_gone(handler: Any) -> bool:
    """Whether a client has hung up while its call waited."""
    try:
        return handler.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False


class OneAtATime(StrictOpenAI):
    """Carries out one call after another, as most engines on a laptop do."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.most = self._inside = 0
        self._turn, self._count = threading.Lock(), threading.Lock()

    def _serve(self, handler: Any, seen: ReceivedRequest) -> None:
        with self._count:
            self._inside += 1
            self.most = max(self.most, self._inside)
        with self._turn:
            if not _has_gone(handler):
                self._closing.wait(self.seconds)
                super()._serve(handler, seen)
        with self._count:
            self._inside -= 1


async def test_no_row_fails_at_a_server_that_carries_out_one_call_at_a_time(
    tmp_path: Path,
) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(12))
    with OneAtATime(0.25) as server:
        settings = read_settings({"HOME": str(tmp_path)})
        bench = SharedStore(SqlStore.in_memory(), settings=settings)
        batch, _ = await bench.execute(sheet, llm="openai:any", base_url=server.url)
    assert (batch.progress.done, batch.progress.failed) == (12, 0)
    assert server.most <= 2


async def test_time_limits_lower_the_pace_and_what_was_cut_beside_others_is_called_again() -> None:
    with OneAtATime(0.3) as server:
        pace = ConcurrencyLimiter(6, own=True)
        limits = CallLimits(deadline=0.8)
        llm = ProviderLLM("openai", "any", base_url=server.url, limits=limits, limiter=pace)
        replies = await asyncio.gather(*(llm.compose(REQUEST) for _ in range(6)))
        await pace.close()
    assert [reply.finish for reply in replies] == ["stop"] * 6
    assert pace.limit < 3


async def _served(server_limit: int, calls: int, maximum: int) -> tuple[float, int]:
    """The limit that is found for a server that carries out so many calls at once, in its own time."""
    clock, most = [0.0], 0
    pace = ConcurrencyLimiter(maximum, own=True, start=1, now=lambda: clock[0])
    request: Any = None
    running: list[tuple[float, float]] = []
    ready = [0.0] * server_limit
    reply = await _any_reply()
    for _ in range(calls):
        while pace.in_flight < int(pace.limit):
            started = await pace.acquire(request)
            lane = min(range(server_limit), key=ready.__getitem__)
            ready[lane] = max(ready[lane], clock[0]) + 10
            running.append((ready[lane], started))
        most = max(most, len(running))
        running.sort()
        ends, started = running.pop(0)
        clock[0] = ends
        pace.release(started, reply)
    return pace.limit, most


async def _any_reply() -> Any:
    with StrictOpenAI() as server:
        return await client_of(server).compose(REQUEST)


@pytest.mark.parametrize(("lanes", "found", "most"), [(1, 1, 2), (4, 4, 8), (100, 10, 10)], ids=str)
async def test_the_pace_follows_what_the_server_can_carry_out_at_once(
    lanes: int, found: int, most: int
) -> None:
    limit, seen = await _served(lanes, 50, 10)
    assert (limit, seen) == (found, most)
