"""Every way in which LLMs were seen to miss the form of a reply, over the wire to the real client."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from callsheet.events import Noted
from callsheet.runs.options import RunOptions
from callsheet.runs.session import RunSession
from tests.support.loopback import Cut, Status, Text
from tests.support.runs import IDEA, InMemoryRuns, client_of, prompts_of
from tests.support.strict_openai import StrictOpenAI

GROUPS = ("sora", "stable_diffusion/SD_B")
MODELS = ["SORA_2_A", "SORA_1_A", "SD_B"]

Damage = Callable[[dict[str, str]], str]


@pytest.fixture(scope="module")
def server() -> Iterator[StrictOpenAI]:
    with StrictOpenAI() as running:
        yield running


@pytest.fixture(scope="module")
def good(server: StrictOpenAI) -> dict[str, str]:
    """Prompts without a finding."""
    return prompts_of(asyncio.run(InMemoryRuns.with_llm(client_of(server)).run(GROUPS)))


@pytest.fixture(autouse=True)
def forget(server: StrictOpenAI, good: dict[str, str]) -> None:
    """Every test has the server's requests to itself."""
    del good
    server.forgive()
    server.requests.clear()


def whole(prompts: dict[str, Any], indent: int | None = None) -> str:
    return json.dumps({"prompts": prompts}, ensure_ascii=False, indent=indent)


async def _session(server: StrictOpenAI, *replies: Text | Cut) -> RunSession:
    server.fail(*replies)
    return await InMemoryRuns.with_llm(client_of(server)).session(GROUPS)


async def _notes(session: RunSession) -> list[str]:
    events = await session.store.events(session.view.run)
    return [each.event.text for each in events if isinstance(each.event, Noted)]


@pytest.mark.parametrize(
    "before",
    ['<think>Perhaps {{"a": 1}}?</think>', "<think>{draft}</think>\n", "{draft} no.\n</think>\n",
     "I use {{braces}} here.\n", "```json\n"],
    ids=["an object in a thought", "a draft in a thought", "a thought without its beginning",
         "braces in a sentence", "a fence"],
)  # fmt: skip
async def test_what_stands_before_the_answer_is_no_answer(
    server: StrictOpenAI, good: dict[str, str], before: str
) -> None:
    draft = whole({"SORA_2_A": "A heron, perhaps, or a crane, or some other bird at dawn."})
    session = await _session(server, Text(before.format(draft=draft) + whole(good)))
    assert prompts_of(session.document()) == good
    assert len(server.requests) == 1


def _listed(prompts: dict[str, str]) -> str:
    return whole([{"model": name, "prompt": text} for name, text in prompts.items()])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("damage", "note"),
    [
        (lambda p: whole(p, 1).replace('"SD_B": "', '"SD_B": "\n'), "a line break inside a text"),
        (lambda p: whole(p).replace(" dusk", " dusk \\(late\\)"), "a wrong escape"),
        (lambda p: whole(p).replace('"}', '",}'), "a comma too many"),
        (lambda p: re.sub(r'", ("S)', r'" \1', whole(p)), "a missing comma"),
        (lambda p: repr({"prompts": p}), "single quotes"),
        (lambda p: whole(p)[:-1], "a missing bracket"),
        (json.dumps, "a missing or superfluous wrapper"),
        (lambda p: json.dumps({"prompts": {"prompts": p}}), "a missing or superfluous wrapper"),
        (lambda p: whole({k.lower(): v for k, v in p.items()}), "`sd_b` for `SD_B`"),
        (lambda p: whole({k.replace("_", " "): v for k, v in p.items()}), "`SD B` for `SD_B`"),
        (lambda p: whole({k: {"prompt": v} for k, v in p.items()}), "an object or a list"),
        (lambda p: whole({k: [v] for k, v in p.items()}), "an object or a list"),
        (_listed, "an object or a list"),
    ],
    ids=["line break", "escape", "trailing comma", "missing comma", "Python quotes",
         "missing bracket", "no wrapper", "two wrappers", "lower case", "spaces", "objects",
         "lists", "a list of objects"],
)  # fmt: skip
async def test_nearly_right_json_costs_no_second_call_and_is_noted(
    server: StrictOpenAI, good: dict[str, str], damage: Damage, note: str
) -> None:
    session = await _session(server, Text(damage(good)))
    written = prompts_of(session.document())
    assert [text.strip().replace(" \\(late\\)", "") for text in written.values()] == [
        *good.values()
    ]
    assert len(server.requests) == 1
    (noted,) = (each for each in await _notes(session) if "form of the LLM's reply" in each)
    assert note in noted


async def test_what_was_corrected_is_told_once_although_the_repair_fails(
    server: StrictOpenAI, good: dict[str, str]
) -> None:
    some = {name: text for name, text in good.items() if name != "SD_B"}
    server.fail(Text(json.dumps(some)), Status(401))
    runs = InMemoryRuns.with_llm(client_of(server))
    failed = await runs.session(GROUPS)
    assert failed.view.status == "failed"
    corrected = [note for note in await _notes(failed) if "form of the LLM's reply" in note]
    assert len(corrected) == 1

    await failed.close()
    resumed = await runs.service.resume(failed.view.run, RunOptions())
    await resumed.advance()
    assert prompts_of(resumed.document()) == good
    assert [note for note in await _notes(resumed) if note in corrected] == corrected


async def test_healthy_prompts_survive_a_broken_neighbour(
    server: StrictOpenAI, good: dict[str, str]
) -> None:
    broken = whole(good).replace('"SORA_1_A": "', '"SORA_1_A": "the word "OPEN" shines. ')
    session = await _session(server, Text(broken))
    assert prompts_of(session.document()) == good
    schema = server.requests[1].json["response_format"]["json_schema"]["schema"]
    assert list(schema["properties"]["prompts"]["properties"]) == ["SORA_1_A"]
    assert len(server.requests) == 2


async def test_a_repair_that_makes_a_prompt_worse_is_not_taken_and_is_told_the_brief(
    server: StrictOpenAI, good: dict[str, str]
) -> None:
    few = {**good, "SD_B": "empty room, rain-streaked window, dusk, lamp, curtains, bookshelf"}
    worse = Text(whole({"SD_B": "1"}))
    session = await _session(server, Text(whole(few)), worse, worse)
    assert prompts_of(session.document()) == few
    repair = server.requests[1].json["messages"][-1]["content"]
    assert IDEA in repair
    assert few["SD_B"] in repair


async def test_of_a_list_where_a_text_belongs_only_its_type_is_told(
    server: StrictOpenAI, good: dict[str, str]
) -> None:
    listed: dict[str, Any] = {**good, "SD_B": good["SD_B"].split(", ")}
    await _session(server, Text(whole(listed)))
    told = server.requests[1].json["messages"][-1]["content"].rpartition("as it was:")[2]
    assert told.strip() == "1. prompts.SD_B: must be of type string"


async def test_whole_json_at_the_output_limit_is_whole(
    server: StrictOpenAI, good: dict[str, str]
) -> None:
    session = await _session(server, Cut(None))
    assert prompts_of(session.document()) == good
    assert len(server.requests) == 1
