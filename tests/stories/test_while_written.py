"""Each prompt is there, checked, as soon as its own text is written, whatever becomes of the rest."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from callsheet.activity import Activity, Retrying, Writing
from callsheet.engine.run_view import RunView
from callsheet.events import RecordedEvent, ValuesFinished
from callsheet.llm.port import Reply, Request, TextListener, Usage
from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.runs.session import RunSession
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore
from tests.conftest import GUARD
from tests.support.loopback import Status
from tests.support.run_backends import RunBackend
from tests.support.runs import IDEA, InMemoryRuns, client_of, prompts_of
from tests.support.self_killing_run import GROUPS as KILLED
from tests.support.streaming import PIECE, Break
from tests.support.strict_openai import Conduct, StrictOpenAI

ROOT = Path(__file__).parents[2]
GROUPS = ("sora", "leonardo")
MODELS = ["SORA_2_A", "SORA_1_A", "LEONARDO_ANIME_XL_A"]


class Listener:
    """Hears what is recorded, and can be waited for."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.kinds: list[str] = []
        self.came = asyncio.Event()

    def hear(self, recorded: RecordedEvent, view: RunView) -> None:
        del view
        self.kinds.append(recorded.event.kind)
        if isinstance(recorded.event, ValuesFinished):
            self.values |= recorded.event.values
            self.came.set()


def _service(
    place: RunBackend, server: StrictOpenAI, listener: Listener, tick: float = 0
) -> RunService:
    return place.service(client_of(server, tick=tick), listener.hear)


async def _begun(service: RunService) -> RunSession:
    return await service.start(RunOptions(brief={"idea": IDEA}, groups=GROUPS))


def _asked(server: StrictOpenAI, number: int) -> list[str]:
    schema = server.requests[number].json["response_format"]["json_schema"]["schema"]
    return list(schema["properties"]["prompts"]["properties"])


async def _whole(server: StrictOpenAI, *groups: str) -> dict[str, Any]:
    prompts = prompts_of(await InMemoryRuns.with_llm(client_of(server)).run(groups or GROUPS))
    server.requests.clear()
    return prompts


def _before(prompts: dict[str, Any], model: str) -> int:
    """How many pieces of the reply are sent when this model's prompt has just begun."""
    return json.dumps({"prompts": prompts}, ensure_ascii=False).index(model) // PIECE + 2


async def test_a_completed_prompt_is_announced_while_the_others_are_written(
    place: RunBackend,
    server: StrictOpenAI,
) -> None:
    whole = await _whole(server)
    listener = Listener()
    server.fail(Break("hang", _before(whole, "SORA_1_A")))
    session = await _begun(_service(place, server, listener))

    running = asyncio.create_task(session.advance())
    async with asyncio.timeout(30):
        await listener.came.wait()

    assert listener.values == {"prompts.SORA_2_A": whole["SORA_2_A"]}
    assert "call_replied" not in listener.kinds
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_an_interrupted_run_requests_only_unfinished_prompts(
    place: RunBackend,
    server: StrictOpenAI,
) -> None:
    whole = await _whole(server)
    listener = Listener()
    service = _service(place, server, listener)
    server.fail(Break("hang", _before(whole, "LEONARDO_ANIME_XL_A")))
    session = await _begun(service)
    running = asyncio.create_task(session.advance())
    async with asyncio.timeout(30):
        while len(listener.values) < 2:
            listener.came.clear()
            await listener.came.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await session.close()

    again = await service.resume(session.view.run, RunOptions())
    await again.advance()
    assert prompts_of(again.document()) == whole
    assert [_asked(server, n) for n in range(2)] == [MODELS, MODELS[2:]]


def test_after_a_kill_during_a_reply_the_completed_prompts_are_not_paid_again(
    tmp_path: Path, server: StrictOpenAI
) -> None:
    whole = asyncio.run(_whole(server, *KILLED))
    died = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.support.self_killing_run",
            str(tmp_path / "runs.sqlite"),
            server.url,
            "told",
            "1",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{GUARD}{os.pathsep}{ROOT}"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()

    assert prompts_of(asyncio.run(_resumed(tmp_path, server))) == whole
    # The only image prompt was finished when it died; the motion is all that is left to ask for.
    asked = [_asked(server, n) for n in range(len(server.requests))]
    assert asked == [["LEONARDO_ANIME_XL_A"], ["motion_2_0"]]


async def _resumed(home: Path, server: StrictOpenAI) -> dict[str, Any]:
    settings = read_settings({"CALLSHEET_HOME": str(home), "HOME": str(home)})
    store = SqlStore(home / "runs.sqlite")
    session = await RunService(settings, store=store, llm=client_of(server)).resume(
        "last", RunOptions()
    )
    await session.advance()
    await session.close()
    store.close()
    return session.document()


@pytest.mark.parametrize("how", ["ends", "cut", "error", "letters", "twice"])
async def test_a_reply_that_breaks_off_is_gone_on_with_for_the_rest_alone(
    place: RunBackend, server: StrictOpenAI, how: Any
) -> None:
    whole = await _whole(server)
    listener = Listener()
    server.fail(Break(how, _before(whole, "LEONARDO_ANIME_XL_A")))

    session = await _begun(_service(place, server, listener))
    await session.advance()

    document = session.document()
    assert document["status"] == "succeeded"
    assert prompts_of(document) == whole
    assert [_asked(server, n) for n in range(len(server.requests))] == [MODELS, MODELS[2:]]
    assert document["usage"]["calls"] == 2
    assert document["usage"]["repairs"] == 0
    assert document["usage"]["cost_usd"] is None


async def test_a_second_interrupted_reply_fails_the_run_and_resume_requests_the_rest(
    place: RunBackend,
    server: StrictOpenAI,
) -> None:
    whole = await _whole(server)
    service = _service(place, server, Listener())
    server.fail(Break("ends", _before(whole, "SORA_1_A")), Break("error", 2))

    session = await _begun(service)
    await session.advance()
    await session.close()
    assert session.view.error is not None
    assert (session.view.error.code, session.view.error.exit_code) == ("provider_unreachable", 5)
    assert "broke off half way, 2 times: a scripted 529" in session.view.error.message
    assert len(server.requests) == 2

    again = await service.resume(session.view.run, RunOptions())
    await again.advance()
    assert prompts_of(again.document()) == whole
    assert [_asked(server, n) for n in range(3)] == [MODELS, MODELS[1:], MODELS[1:]]


async def test_prompts_completed_before_the_deadline_are_kept(
    place: RunBackend, server: StrictOpenAI
) -> None:
    whole = await _whole(server)
    llm = client_of(server, tick=0)
    llm.limits = type(llm.limits)(deadline=1.5, text_interval=0)
    service = place.service(llm)
    server.fail(Break("drip", _before(whole, "SORA_1_A")))

    session = await _begun(service)
    await session.advance()
    await session.close()
    assert session.view.error is not None
    assert session.view.error.code == "provider_timeout"

    again = await service.resume(session.view.run, RunOptions())
    await again.advance()
    assert prompts_of(again.document()) == whole
    assert _asked(server, 1) == MODELS[1:]


async def test_a_reply_that_comes_at_once_costs_no_fact_and_no_commit_more(
    place: RunBackend,
    server: StrictOpenAI,
) -> None:
    listener = Listener()
    session = await _begun(_service(place, server, listener, tick=60))
    await session.advance()
    assert "values_finished" not in listener.kinds


@pytest.mark.parametrize(
    "conduct",
    [
        Conduct(streams=False),
        Conduct(streams=False, refuse=("response_format",)),
        Conduct(streams=False, refuse=("response_format", "tools"), fenced=True),
        Conduct(counts=False),
    ],
    ids=["native", "tool", "in words", "without usage"],
)
async def test_a_server_that_does_not_stream_or_does_not_count_is_understood(
    server: StrictOpenAI, conduct: Conduct
) -> None:
    whole = await _whole(server)
    with StrictOpenAI(conduct) as own:
        assert prompts_of(await InMemoryRuns.with_llm(client_of(own)).run(GROUPS)) == whole


class Dictating:
    """An LLM that is heard at certain points of its reply."""

    spec = "dictating"

    def __init__(self, prompts: dict[str, str]) -> None:
        self._text = json.dumps({"prompts": prompts})

    async def compose(self, request: Request, on_text: TextListener | None = None) -> Reply:
        del request
        for end in range(0, len(self._text), 10):
            if on_text is not None:
                await on_text(self._text[:end])
        return Reply(self._text, "stop", Usage(), self.spec)


async def test_a_completed_prompt_is_announced_in_its_delivered_form_and_an_invalid_one_is_not(
    place: RunBackend,
) -> None:
    good = prompts_of(await InMemoryRuns.with_llm().run(GROUPS))
    prompts = good | {"SORA_2_A": f'"{good["SORA_2_A"]}"', "SORA_1_A": "too short"}
    listener = Listener()
    session = await _begun(place.service(Dictating(prompts), listener.hear))
    await session.advance()

    report = {name.removeprefix("prompts."): text for name, text in listener.values.items()}
    delivered = prompts_of(session.document())
    assert report == {name: delivered[name] for name in report}
    assert (
        report["SORA_2_A"] == good["SORA_2_A"]
    )  # without the quotation marks that the LLM put around it
    assert "SORA_1_A" not in report


async def test_the_words_are_told_while_they_are_written_and_never_recorded(
    place: RunBackend,
) -> None:
    good = prompts_of(await InMemoryRuns.with_llm().run(GROUPS))
    listener, told = Listener(), list[Activity]()
    session = await _begun(place.service(Dictating(good), listener.hear))
    session.on_activity = told.append
    await session.advance()

    texts = [each.texts for each in told if isinstance(each, Writing)]
    for name, prompt in good.items():
        written = [each[name] for each in texts if name in each]
        assert all(prompt.startswith(each) for each in written)
        assert len(set(written)) > len(prompt) // 20
    assert "writing" not in " ".join(listener.kinds)


async def test_a_call_that_is_made_again_is_told_with_what_failed(
    place: RunBackend, server: StrictOpenAI
) -> None:
    told = list[Activity]()
    server.fail(Status(503), Status(503))
    session = await _begun(_service(place, server, Listener()))
    session.on_activity = told.append
    await session.advance()

    tries = [each for each in told if isinstance(each, Retrying)]
    assert [(each.number, each.most) for each in tries] == [(2, 4), (3, 4)]
    assert all(each.message.endswith("(status 503): a scripted 503") for each in tries), tries
