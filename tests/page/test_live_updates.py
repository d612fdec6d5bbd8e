"""While prompts are written: a reload, several tabs, a failed call, a server that is killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.page.conftest import OpenPage, serving
from tests.support.loopback import Answer
from tests.support.serving import Serving
from tests.support.slow_llm import SlowLLM

MODELS = ("SORA_2_A", "SORA_1_A")


@pytest.fixture(scope="module")
def server(llm: SlowLLM, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("home"), env=_with(llm)) as server:
        yield server


def _with(llm: SlowLLM) -> dict[str, str]:
    return {"CALLSHEET_LLM": "openai:any", "CALLSHEET_BASE_URL": llm.server.url}


def test_a_reload_while_prompts_are_written_shows_them_again(
    open_page: OpenPage, server: Serving, llm: SlowLLM
) -> None:
    llm.pause()
    ui = open_page(server.url)
    ui.enter_idea()
    ui.select_groups("sora")
    ui.primary_button.click()
    expect(ui.prompt_card("SORA_2_A")).to_contain_text("writing")
    assert llm.called.wait(60)

    ui.page.reload()
    expect(ui.prompt_card("SORA_2_A")).to_contain_text("writing")
    expect(ui.page.get_by_label("What should be shown?")).to_have_value(
        "a woman reads by a rain-streaked window at dusk"
    )
    llm.release.set()

    assert "rain-streaked" in ui.prompt_text("SORA_2_A")
    for model in MODELS:
        expect(ui.prompt_card(model)).to_have_count(1)


def test_a_draft_survives_a_reload(open_page: OpenPage, server: Serving) -> None:
    ui = open_page(server.url)
    ui.enter_idea("a heron, not sent yet")
    ui.select_groups("phoenix")
    expect(ui.primary_button).to_have_text("Write 1 prompt")
    ui.page.reload()
    expect(ui.page.get_by_label("What should be shown?")).to_have_value("a heron, not sent yet")
    expect(ui.primary_button).to_have_text("Write 1 prompt")


def test_eight_tabs_show_the_same_run(open_page: OpenPage, server: Serving, llm: SlowLLM) -> None:
    llm.pause()
    ui = open_page(server.url)
    ui.enter_idea("a tram in the rain")
    ui.select_groups("sora")
    ui.primary_button.click()
    expect(ui.prompt_card("SORA_2_A")).to_contain_text("writing")
    others = [ui.open_tab(f"/#{ui.run_name}") for _ in range(7)]
    llm.release.set()

    ui.prompt_text("SORA_2_A")
    for tab in others:
        expect(tab.locator("#prompt-SORA_2_A button.copy")).to_be_visible()
        expect(tab.locator("#run-list a[aria-current]")).to_contain_text("tram")


def test_a_double_click_starts_one_run(open_page: OpenPage, server: Serving, llm: SlowLLM) -> None:
    llm.pause()
    ui = open_page(server.url)
    ui.enter_idea("a lighthouse twice")
    ui.select_groups("leonardo")
    ui.primary_button.dblclick()
    expect(ui.prompt_card("LEONARDO_ANIME_XL_A")).to_contain_text("writing")
    llm.release.set()
    ui.prompt_text("LEONARDO_ANIME_XL_A")
    expect(ui.page.locator("#run-list a", has_text="lighthouse")).to_have_count(1)


def test_a_failed_run_is_explained_and_can_be_tried_again(
    open_page: OpenPage, server: Serving, llm: SlowLLM
) -> None:
    bad_key = {"error": {"message": "Incorrect API key provided.", "type": "authentication_error"}}
    llm.server.fail(lambda _: Answer(401, bad_key))
    ui = open_page(server.url)
    ui.enter_idea("a key that is wrong")
    ui.select_groups("leonardo")
    ui.primary_button.click()
    alert = ui.page.get_by_role("alert")
    expect(alert).to_contain_text("Image prompts: ")
    expect(alert).to_contain_text("key")
    expect(alert).not_to_contain_text("api.openai")
    expect(alert).to_be_in_viewport()
    alert.get_by_role("button", name="Try again").click()
    ui.prompt_text("LEONARDO_ANIME_XL_A")
    expect(alert).to_have_count(0)


def test_a_server_killed_and_restarted_loses_and_repeats_nothing(
    open_page: OpenPage, llm: SlowLLM, tmp_path: Path
) -> None:
    with serving(tmp_path, env=_with(llm)) as server:
        llm.pause(2)
        ui = open_page(server.url)
        ui.enter_idea("a server that dies")
        ui.select_groups("sora")
        ui.primary_button.click()
        expect(ui.prompt_card("SORA_2_A")).to_contain_text("writing")
        assert llm.called.wait(60)
        port = server.port
        server.process.kill()
        expect(ui.page.get_by_text("The connection to the server is lost.")).to_be_visible()
    llm.release.set()

    with serving(tmp_path, env=_with(llm), port=port):
        expect(ui.page.get_by_text("The connection to the server is lost.")).to_have_count(0)
        expect(ui.prompt_card("SORA_2_A")).to_contain_text("not begun")
        expect(ui.page.get_by_role("button", name="Copy group")).to_have_count(0)
        ui.page.get_by_role("button", name="Resume").first.click()
        ui.prompt_text("SORA_2_A")
        for model in MODELS:
            expect(ui.prompt_card(model)).to_have_count(1)
        expect(ui.page.locator("#run-list li")).to_have_count(1)
