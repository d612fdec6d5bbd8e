"""What a run asks is answered on the page or in the terminal, and each sees the other's answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.page.conftest import Come, serving
from tests.support.cli import Terminal
from tests.support.person import IDEA
from tests.support.serving import Serving

MORE = "soft rain, cel shading, cream and slate blue, tall composition, calm, still"

SURVEY = {
    "workflow_id": "survey",
    "name": "A survey",
    "description": "Asks without ever calling anyone.",
    "steps": [
        {
            "step_id": "ask",
            "name": "The questions",
            "description": "",
            "modules": [
                {
                    "module_id": "user.form",
                    "inputs": {"fields": [{"key": "title", "text": "What is it called?"}]},
                    "outputs_to_state": {"values": "brief"},
                },
                {
                    "module_id": "user.choose",
                    "inputs": {
                        "key": "colour",
                        "text": "Which colour?",
                        "options": {"red": "a warm red", "blue": "a cold blue"},
                    },
                    "outputs_to_state": {"name": "name", "value": "value"},
                },
            ],
        }
    ],
    "results": {
        "brief": "$state.brief",
        "selection": {},
        "prompts": {"said": {"colour": "$state.value"}},
    },
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("survey")
    (folder / "workflow.json").write_text(json.dumps(SURVEY))
    with serving(home, "oms", str(folder)) as server:
        yield server


@pytest.fixture
def beside(terminal: Terminal, home: Path) -> Terminal:
    """A terminal over the same runs."""
    terminal.env["CALLSHEET_HOME"] = str(home)
    return terminal


def _begun(terminal: Terminal, *words: str) -> str:
    said = terminal("run", "--json", *words)
    assert said.status == 3, said.err
    return str(said.json["run"])


def test_a_run_begun_in_the_terminal_is_answered_on_the_page(
    come: Come, server: Serving, beside: Terminal
) -> None:
    run = _begun(beside)
    person = come(server.url)
    person.page.locator("#run-list a").first.click()
    asks = person.page.get_by_role("region", name="The run asks")
    asks.get_by_role("textbox", name="What should be shown?").fill(IDEA)
    asks.get_by_role("button", name="Answer").click()
    asks.get_by_role("checkbox", name="Leonardo Anime XL").check()
    asks.get_by_role("button", name="Answer").click()
    asks.get_by_role("button", name="accept").click()
    asks.get_by_role("button", name="None").click()
    assert person.run == run
    assert "rain-streaked" in person.reads("LEONARDO_ANIME_XL_A")
    expect(asks).to_be_hidden()
    assert beside("show", run, "--json").json["status"] == "succeeded"


def test_an_answer_from_the_terminal_is_seen_on_the_page(
    come: Come, server: Serving, beside: Terminal
) -> None:
    run = _begun(beside, "--idea", IDEA)
    person = come(server.url)
    person.page.goto(f"{person.url}/#{run}")
    expect(person.page.get_by_role("region", name="The run asks")).to_be_visible()
    beside("resume", run, "--yes", stdin="leonardo\n")
    assert "rain-streaked" in person.reads("LEONARDO_ANIME_XL_A")


def test_a_wrong_answer_is_explained_where_it_was_given(
    come: Come, server: Serving, beside: Terminal
) -> None:
    run = _begun(beside)
    person = come(server.url)
    person.page.goto(f"{person.url}/#{run}")
    asks = person.page.get_by_role("region", name="The run asks")
    asks.get_by_role("button", name="Answer").click()
    expect(asks.get_by_role("alert")).to_contain_text("`idea` is empty")
    asks.get_by_role("textbox").fill("a heron")
    asks.get_by_role("button", name="Answer").click()
    expect(asks).to_contain_text("Select model groups")


def test_another_workflow_asks_its_own_questions(come: Come, server: Serving) -> None:
    person = come(server.url)
    person.page.get_by_label("Workflow").select_option("survey")
    person.page.get_by_label("What is it called?").fill("A boat")
    person.button.click()
    asks = person.page.get_by_role("region", name="The run asks")
    expect(asks).to_contain_text("Which colour?")
    asks.get_by_role("button", name="blue").click()
    assert person.reads("colour") == "a cold blue"


def test_a_reply_from_a_chat_is_pasted_on_the_page(come: Come, server: Serving) -> None:
    person = come(server.url)
    person.page.get_by_label("LLM", exact=True).select_option("paste")
    person.says()
    person.calls("leonardo")
    person.button.click()
    asks = person.page.get_by_role("region", name="The run asks")
    asks.get_by_role("button", name="Copy what to paste").click()
    expect(asks.get_by_role("button", name="copied")).to_be_visible()
    assert "LEONARDO_ANIME_XL_A" in person.clipboard()
    reply = {"prompts": {"LEONARDO_ANIME_XL_A": f"{IDEA}, lofi anime, warm lamplight, {MORE}"}}
    asks.get_by_role("textbox").fill(f"Here you are:\n```json\n{json.dumps(reply)}\n```")
    asks.get_by_role("button", name="Answer").click()
    assert "warm lamplight" in person.reads("LEONARDO_ANIME_XL_A")
