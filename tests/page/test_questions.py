"""A run's questions are answered on the page or in the terminal, and each sees the other's answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.page.conftest import OpenPage, serving
from tests.support.cli import Terminal
from tests.support.page_object import IDEA
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
def other_terminal(terminal: Terminal, home: Path) -> Terminal:
    """A terminal over the same runs."""
    terminal.env["CALLSHEET_HOME"] = str(home)
    return terminal


def _start_run(terminal: Terminal, *words: str) -> str:
    result = terminal("run", "--json", *words)
    assert result.status == 3, result.err
    return str(result.json["run"])


def test_a_run_started_in_the_terminal_is_continued_in_the_brief_and_the_groups(
    open_page: OpenPage, server: Serving, other_terminal: Terminal
) -> None:
    run = _start_run(other_terminal)
    ui = open_page(server.url)
    ui.page.locator("#run-list a").first.click()
    expect(ui.page.locator("#run-toolbar")).to_contain_text("waiting for the brief")
    expect(ui.page.locator("#question")).to_be_hidden()
    ui.primary_button.click()
    expect(ui.page.get_by_text("Fill in this field first.")).to_be_visible()
    ui.enter_idea()
    ui.primary_button.click()
    expect(ui.page.locator("#run-toolbar")).to_contain_text("waiting for model groups")
    expect(ui.page.locator("#question")).to_be_hidden()
    ui.select_groups("leonardo")
    ui.primary_button.click()
    assert "rain-streaked" in ui.prompt_text("LEONARDO_ANIME_XL_A")
    assert ui.run_name == run
    assert other_terminal("show", run, "--json").json["status"] == "succeeded"


def test_a_review_is_the_prompts_and_the_next_groups_are_the_groups(
    open_page: OpenPage, server: Serving, other_terminal: Terminal
) -> None:
    result = other_terminal("run", "--json", "--idea", IDEA, stdin="leonardo\n")
    run = result.json["run"]
    ui = open_page(server.url)
    ui.page.goto(f"{ui.url}/#{run}")
    assert ui.prompt_text("LEONARDO_ANIME_XL_A")
    expect(ui.page.locator("#question")).to_be_hidden()
    expect(ui.primary_button).to_have_text("Accept these prompts")
    ui.primary_button.click()
    expect(ui.primary_button).to_have_text("Continue without motion prompts")
    ui.primary_button.click()
    expect(ui.page.locator("#run-toolbar")).to_contain_text("done")
    assert other_terminal("show", run, "--json").json["status"] == "succeeded"


def test_an_answer_from_the_terminal_is_shown_on_the_page(
    open_page: OpenPage, server: Serving, other_terminal: Terminal
) -> None:
    run = _start_run(other_terminal, "--idea", IDEA)
    ui = open_page(server.url)
    ui.page.goto(f"{ui.url}/#{run}")
    expect(ui.page.locator("#run-toolbar")).to_contain_text("waiting for model groups")
    other_terminal("resume", run, "--yes", stdin="leonardo\n")
    assert "rain-streaked" in ui.prompt_text("LEONARDO_ANIME_XL_A")


def test_another_workflow_asks_its_own_questions(open_page: OpenPage, server: Serving) -> None:
    ui = open_page(server.url)
    ui.page.get_by_label("Workflow").select_option("survey")
    ui.page.get_by_label("What is it called?").fill("A boat")
    ui.primary_button.click()
    asks = ui.page.get_by_role("region", name="Your answer")
    expect(asks).to_contain_text("Which colour?")
    asks.get_by_role("button", name="blue").click()
    assert ui.prompt_text("colour") == "a cold blue"


def test_a_reply_from_a_chat_is_pasted_on_the_page(open_page: OpenPage, server: Serving) -> None:
    ui = open_page(server.url)
    ui.page.get_by_label("LLM", exact=True).select_option("paste")
    ui.enter_idea()
    ui.select_groups("leonardo")
    ui.primary_button.click()
    asks = ui.page.get_by_role("region", name="Ask your chat")
    asks.get_by_role("button", name="Copy text to paste").click()
    expect(asks.get_by_role("button", name="copied")).to_be_visible()
    assert "LEONARDO_ANIME_XL_A" in ui.clipboard()
    reply = {"prompts": {"LEONARDO_ANIME_XL_A": f"{IDEA}, lofi anime, warm lamplight, {MORE}"}}
    asks.get_by_role("textbox").fill(f"Here you are:\n```json\n{json.dumps(reply)}\n```")
    asks.get_by_role("button", name="Answer").click()
    assert "warm lamplight" in ui.prompt_text("LEONARDO_ANIME_XL_A")
