"""Only what a person said is sent as said: the rest of the brief is open, and the idea comes first."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from callsheet import batch, build_instructions, load_groups, run
from callsheet.runs.service import RunService
from callsheet.settings import read_settings
from tests.support.cli import Terminal
from tests.support.runs import InMemoryRuns, client_of, prompts_of
from tests.support.strict_openai import StrictOpenAI

IDEAS = {
    "product": "a matte black thermos flask on wet slate, a single bead of water on its rim",
    "action": "two cooks fight with baguettes across a kitchen while pans crash down",
    "logo": "a flat logo of a fox curled into a circle, two colours",
    "child": "a small boy holds a flashlight under a blanket tent",
    "portrait": "an old sailor with a white beard, close up, half in shadow",
    "camera move": "the camera flies low over a river and rises above a stone bridge",
}
NEVER_SAID = ("photograph", "available light", "calm", "unhurried", "quietly warm", "lofi")


def sent(server: StrictOpenAI, call: int = 0) -> str:
    """The message of a call, without the instructions."""
    return str(server.requests[call].json["messages"][-1]["content"])


@pytest.mark.parametrize("idea", IDEAS.values(), ids=IDEAS)
async def test_studio_sends_the_idea_and_lists_what_is_open(idea: str) -> None:
    with StrictOpenAI() as server:
        runs = InMemoryRuns.with_llm(client_of(server))
        document = await runs.run(["flux_2", "kling_3"], "studio", idea=idea)
        messages = [sent(server, call) for call in (0, 1)]
    assert (document["brief"]["aesthetic"], document["brief"]["mood"]) == ("", "")
    for message in messages:
        assert message.rstrip().endswith(idea)
        assert "Open, choose what serves the idea: aesthetic, mood" in message
        assert not any(words in message.replace(idea, "") for words in NEVER_SAID)
        assert "Aesthetic:" not in message
        assert "Mood:" not in message


@pytest.mark.parametrize("idea", IDEAS.values(), ids=IDEAS)
async def test_no_studio_draft_holds_a_style_or_mood_that_nobody_said(idea: str) -> None:
    groups = [name for each in load_groups("studio").values() for name in each]
    document = await InMemoryRuns.with_llm().run(groups, "studio", idea=idea)
    assert document["status"] == "succeeded", document
    written = json.dumps(prompts_of(document)).lower()
    assert not any(words in written for words in NEVER_SAID)
    assert not any(gap in written for gap in ("  ", ", ,", ". .", ": .", "is ."))


async def test_what_was_said_is_stated_and_the_rest_is_listed() -> None:
    with StrictOpenAI() as server:
        runs = InMemoryRuns.with_llm(client_of(server))
        await runs.run(["flux_2"], "studio", aesthetic="ink", aspect_ratio="16:9")
        message = sent(server)
    assert "Aesthetic: ink and wash drawing, confident line, pale washes, bare paper" in message
    assert "Aspect ratio (width:height): 16:9" in message
    assert "Open, choose what serves the idea: mood\n" in message


async def test_oms_marks_its_defaults_and_states_what_was_said_plainly() -> None:
    with StrictOpenAI() as server:
        runs = InMemoryRuns.with_llm(client_of(server))
        document = await runs.run(["sora", "motion_2_0"], mood="cold and clear")
        messages = [sent(server, call) for call in (0, 1)]
    assert document["brief"]["aesthetic"].startswith("lofi anime")
    for message in messages:
        assert "Mood: cold and clear" in message
        assert (
            "Aesthetic (this workflow's default, not said; it yields to the idea): lofi" in message
        )
        assert "Open" not in message


async def test_oms_can_leave_its_aesthetic_and_mood_open() -> None:
    with StrictOpenAI() as server:
        runs = InMemoryRuns.with_llm(client_of(server))
        document = await runs.run(["sora"], aesthetic="", mood="", aspect_ratio="")
        message = sent(server)
    assert document["brief"]["aesthetic"] == document["brief"]["mood"] == ""
    assert document["brief"]["aspect_ratio"] == "2:3"  # the format of every oms run
    assert "Open, choose what serves the idea: aesthetic, mood" in message
    assert "lofi" not in message


def test_every_shared_instruction_states_the_order_of_precedence_once() -> None:
    for workflow, groups in (
        ("oms", ("sora", "motion_2_0")),
        ("studio", ("flux_2", "kling_3")),
    ):
        for group in groups:
            (line,) = [
                line
                for line in build_instructions([group], workflow=workflow).splitlines()
                if "safety" in line and "house" in line
            ]
            order = ("safety", "limits", "the idea", "the brief", "form", "defaults", "house")
            assert sorted(order, key=line.index) == list(order)


def test_an_empty_option_leaves_a_field_open(terminal: Terminal) -> None:
    words = ("run", "--json", "--groups", "sora", "--idea", "a heron")
    said = terminal(*words, "--set", "aesthetic= ")
    assert said.status == 0, said.err
    assert said.json["brief"]["aesthetic"] == ""
    assert said.json["brief"]["mood"] == "calm, nostalgic, quietly warm"
    assert "lofi" not in json.dumps(said.json["prompts"]).lower()


def test_a_retry_of_the_brief_asks_and_takes_open(terminal: Terminal) -> None:
    first = terminal("run", "--json", "--idea", "a heron", "--groups", "sora")
    again = terminal(
        "retry", first.json["run"], "--step", "user_input", "--json",
        stdin="a crane\n\nopen\n\n\n\n\n",
    )  # fmt: skip
    assert again.status == 0, again.err
    assert again.json["brief"]["aesthetic"].startswith("lofi anime")
    assert again.json["brief"]["mood"] == ""
    assert "`open` leaves it open" in again.err


def test_python_takes_an_empty_text_for_open(tmp_path: Path) -> None:
    result = run("a heron", ["sora"], brief={"mood": ""}, home=tmp_path)
    assert result.document.brief["mood"] == ""


CSV = 'idea,mood\na heron,\na crane,open\nan egret,"wild, open"\n'
LINES = (
    '{"idea": "a heron"}\n{"idea": "a crane", "mood": ""}\n{"idea": "an egret", "mood": "open"}\n'
)


@pytest.mark.parametrize(
    ("name", "sheet", "third"),
    [("ideas.csv", CSV, "wild, open"), ("ideas.jsonl", LINES, "open")],
    ids=("CSV", "JSON Lines"),
)
def test_a_cell_with_open_and_an_empty_json_text_leave_a_field_open(
    tmp_path: Path, name: str, sheet: str, third: str
) -> None:
    (tmp_path / name).write_text(sheet)
    service = RunService(replace(read_settings(), home=tmp_path))
    for brief, first in (({}, "calm, nostalgic, quietly warm"), ({"mood": "stormy"}, "stormy")):
        rows = batch(tmp_path / name, ["sora"], brief=brief, home=tmp_path)
        shown = [asyncio.run(service.show(row.run)) for row in rows]
        assert [document.brief["mood"] for document in shown] == [first, "", third]
    service.store.close()
