"""A reply that goes wrong while it is written is never a success, and is asked for once more at most."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from callsheet.llm.retry_policy import CallLimits
from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore
from tests.support.loopback import Loopback, Unsized
from tests.support.providers import CANARY, REQUEST, SHAPES, client, serving
from tests.support.runs import IDEA
from tests.support.streaming import Break
from tests.support.strict_openai import StrictOpenAI


async def _seen(server: Loopback, provider: str) -> str:
    """How a run with this server ends, and how often the server was asked; nothing may leak."""
    llm = client(server, provider, limits=CallLimits(deadline=5, text_interval=0))
    service = RunService(read_settings(), store=SqlStore.in_memory(), llm=llm)
    session = await service.start(RunOptions(brief={"idea": IDEA}, groups=["leonardo"]))
    view = await session.advance()
    assert CANARY not in json.dumps(dict(session.document()))
    code = view.error.code if view.error else view.status
    return f"{code}, {len(server.requests)} sent"


@pytest.mark.parametrize("provider", SHAPES)
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Break("ends"), "provider_unreachable, 2 sent"),
        (Break("cut"), "provider_unreachable, 2 sent"),
        (Break("twice"), "provider_unreachable, 2 sent"),
        (Break("error"), "provider_unreachable, 2 sent"),
        (Break("letters"), "provider_unreachable, 2 sent"),
        (Break("huge"), "provider_error, 1 sent"),
        (Break("drip"), "provider_timeout, 1 sent"),
        (Break("hang"), "provider_timeout, 1 sent"),
        (Break("error", after=0, code=503), "provider_unavailable, 4 sent"),
        (Break("cut", after=0), "provider_unreachable, 4 sent"),
    ],
    ids=lambda value: f"{value.how} after {value.after}" if isinstance(value, Break) else None,
)
async def test_a_stream_that_fails_every_time_ends_as_told_after_so_many_requests(
    provider: str,
    fault: Break,
    expected: str,
    record_property: Callable[[str, object], None],
) -> None:
    with serving(provider, *[fault] * 8) as server:
        seen = await _seen(server, provider)

    name = f"{provider}: stream, {fault.how} after {fault.after} pieces"
    record_property("matrix", (name, expected, seen))
    assert seen == expected


@pytest.mark.parametrize("provider", SHAPES)
@pytest.mark.parametrize("how", ["ends", "cut", "twice", "error", "letters"])
async def test_what_came_before_a_break_is_handed_on_as_broken(provider: str, how: Any) -> None:
    with serving(provider, Break(how, after=3)) as server:
        reply = await client(server, provider).compose(REQUEST)
        whole = await client(server, provider).compose(REQUEST)

    assert reply.finish == "broken"
    assert whole.text.startswith(reply.text)
    assert len(reply.text) == 60
    assert reply.usage.cost_usd is None


@pytest.mark.parametrize("provider", SHAPES)
async def test_what_is_written_so_far_is_told_from_its_first_character(provider: str) -> None:
    report: list[str] = []

    async def heard(text: str) -> None:
        report.append(text)

    with serving(provider) as server:
        reply = await client(server, provider, limits=CallLimits(text_interval=0)).compose(
            REQUEST, heard
        )

    assert len(report) > 5
    assert all(reply.text.startswith(text) for text in report)
    assert sorted(report, key=len) == report


async def test_usage_that_a_server_tells_twice_is_counted_once() -> None:
    class Repeating(StrictOpenAI):
        def events(self, body: Any) -> Any:
            report = super().events(body)
            report.ending.insert(-1, report.ending[-2])
            return report

    with StrictOpenAI() as once, Repeating() as twice:
        replies = [await client(server).compose(REQUEST) for server in (once, twice)]

    assert replies[0].usage == replies[1].usage
    assert replies[0].usage.input_tokens > 0


async def test_an_answer_in_one_piece_may_end_with_its_connection() -> None:
    with serving("openai", Unsized()) as server:
        reply = await client(server, limits=CallLimits(deadline=20)).compose(REQUEST)

    assert list(json.loads(reply.text)) == ["ZED", "SORA"]
    assert len(server.requests) == 1


async def test_an_error_of_the_listener_is_not_the_providers() -> None:
    async def full(text: str) -> None:
        raise OSError(text)

    with serving("openai") as server, pytest.raises(OSError, match="ZED"):
        await client(server, limits=CallLimits(text_interval=0)).compose(REQUEST, full)

    assert len(server.requests) == 1
