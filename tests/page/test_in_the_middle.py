"""While prompts are being written: a reload, a second tab, an answer elsewhere, a server that dies."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.page.conftest import Come, serving
from tests.support.loopback import Answer, Seen
from tests.support.serving import Serving
from tests.support.strict_openai import StrictOpenAI

MODELS = ("SORA_2_A", "SORA_1_A")


@dataclass
class SlowLLM:
    """An LLM that answers when it is let; `asked` is set once somebody waits."""

    server: StrictOpenAI
    asked: threading.Event = field(default_factory=threading.Event)
    let: threading.Event = field(default_factory=threading.Event)

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[SlowLLM]:
        """One at a server of its own; nobody is left waiting at its end."""
        with StrictOpenAI() as server:
            slow = cls(server)
            yield slow
            slow.let.set()

    def __call__(self, seen: Seen) -> Any:
        self.asked.set()
        self.let.wait(60)
        return self.server.answer(seen, None)

    def holds_back(self, calls: int = 1) -> None:
        """The next calls wait."""
        self.asked.clear()
        self.let.clear()
        self.server.fail(*[self] * calls)


@pytest.fixture(scope="module")
def llm() -> Iterator[SlowLLM]:
    with SlowLLM.running() as slow:
        yield slow


@pytest.fixture(scope="module")
def server(llm: SlowLLM, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("home"), env=_with(llm)) as server:
        yield server


def _with(llm: SlowLLM) -> dict[str, str]:
    return {"CALLSHEET_LLM": "openai:any", "CALLSHEET_BASE_URL": llm.server.url}


def test_a_reload_while_it_is_written_finds_everything_again(
    come: Come, server: Serving, llm: SlowLLM
) -> None:
    llm.holds_back()
    person = come(server.url)
    person.says()
    person.calls("sora")
    person.button.click()
    expect(person.prompt("SORA_2_A")).to_contain_text("writing")
    assert llm.asked.wait(60)

    person.page.reload()
    expect(person.prompt("SORA_2_A")).to_contain_text("writing")
    expect(person.page.get_by_label("What should be shown?")).to_have_value(
        "a woman reads by a rain-streaked window at dusk"
    )
    llm.let.set()

    assert "rain-streaked" in person.reads("SORA_2_A")
    for model in MODELS:
        expect(person.prompt(model)).to_have_count(1)


def test_words_that_were_not_sent_survive_a_reload(come: Come, server: Serving) -> None:
    person = come(server.url)
    person.says("a heron, not sent yet")
    person.calls("phoenix")
    expect(person.button).to_have_text("Write 1 prompt")
    person.page.reload()
    expect(person.page.get_by_label("What should be shown?")).to_have_value("a heron, not sent yet")
    expect(person.button).to_have_text("Write 1 prompt")


def test_two_tabs_show_the_same_run_and_the_eighth_still_works(
    come: Come, server: Serving, llm: SlowLLM
) -> None:
    llm.holds_back()
    person = come(server.url)
    person.says("a tram in the rain")
    person.calls("sora")
    person.button.click()
    expect(person.prompt("SORA_2_A")).to_contain_text("writing")
    others = [person.opens_tab(f"/#{person.run}") for _ in range(7)]
    llm.let.set()

    person.reads("SORA_2_A")
    for tab in others:
        expect(tab.locator("#prompt-SORA_2_A button.copy")).to_be_visible()
        expect(tab.locator("#run-list a[aria-current]")).to_contain_text("tram")


def test_a_key_pressed_twice_begins_one_run(come: Come, server: Serving, llm: SlowLLM) -> None:
    llm.holds_back()
    person = come(server.url)
    person.says("a lighthouse twice")
    person.calls("leonardo")
    person.button.dblclick()
    expect(person.prompt("LEONARDO_ANIME_XL_A")).to_contain_text("writing")
    llm.let.set()
    person.reads("LEONARDO_ANIME_XL_A")
    expect(person.page.locator("#run-list a", has_text="lighthouse")).to_have_count(1)


def test_a_failure_is_a_sentence_with_a_way_out(come: Come, server: Serving, llm: SlowLLM) -> None:
    bad_key = {"error": {"message": "Incorrect API key provided.", "type": "authentication_error"}}
    llm.server.fail(lambda _: Answer(401, bad_key))
    person = come(server.url)
    person.says("a key that is wrong")
    person.calls("leonardo")
    person.button.click()
    alert = person.page.get_by_role("alert")
    expect(alert).to_contain_text("Image prompts: ")
    expect(alert).to_contain_text("key")
    expect(alert).not_to_contain_text("api.openai")
    expect(alert).to_be_in_viewport()
    alert.get_by_role("button", name="Try again").click()
    person.reads("LEONARDO_ANIME_XL_A")
    expect(alert).to_have_count(0)


def test_a_server_that_is_killed_and_started_again_loses_and_doubles_nothing(
    come: Come, llm: SlowLLM, tmp_path: Path
) -> None:
    with serving(tmp_path, env=_with(llm)) as server:
        llm.holds_back(2)
        person = come(server.url)
        person.says("a server that dies")
        person.calls("sora")
        person.button.click()
        expect(person.prompt("SORA_2_A")).to_contain_text("writing")
        assert llm.asked.wait(60)
        port = server.port
        server.process.kill()
        expect(person.page.get_by_text("The line to the server is down.")).to_be_visible()
    llm.let.set()

    with serving(tmp_path, env=_with(llm), port=port):
        expect(person.page.get_by_text("The line to the server is down.")).to_have_count(0)
        person.page.get_by_role("button", name="Go on").first.click()
        person.reads("SORA_2_A")
        for model in MODELS:
            expect(person.prompt(model)).to_have_count(1)
        expect(person.page.locator("#run-list li")).to_have_count(1)
