"""Counts and waiting are truthful: texts are counted, progress only grows, each wait has its name."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import expect

from callsheet.web.server_state import MAX_CONCURRENT_RUNS
from tests.page.conftest import OpenPage, serving
from tests.support.loopback import Status
from tests.support.page_object import PageObject
from tests.support.slow_llm import SlowLLM

RECORD_PROGRESS = """() => {
    window.seen = [];
    const record = () => {
        const text = document.querySelector("#prompt-count")?.textContent;
        if (text && text !== window.seen.at(-1)) window.seen.push(text);
    };
    new MutationObserver(record).observe(document.body, {
        childList: true, characterData: true, subtree: true,
    });
}"""


def test_what_is_promised_is_written_and_progress_only_grows(
    open_page: OpenPage, llm: SlowLLM, tmp_path: Path
) -> None:
    env = {"CALLSHEET_LLM": "openai:any", "CALLSHEET_BASE_URL": llm.server.url}
    with serving(tmp_path, env=env) as server:
        ui = open_page(server.url)
        ui.page.evaluate(RECORD_PROGRESS)
        ui.enter_idea()
        ui.select_groups("sora", "leonardo", "motion_2_0")
        expect(ui.primary_button).to_have_text("Write 7 prompts")
        expect(ui.page.locator("#estimate")).to_contain_text("7 prompts")
        llm.pause()
        ui.primary_button.click()
        expect(ui.prompt_card("SORA_2_A")).to_contain_text("writing")
        expect(ui.prompt_card("SORA_1_A")).to_contain_text("not begun")
        llm.release.set()
        ui.prompt_text("motion_2_0.negative_prompt")
        expect(ui.page.locator("#prompt-count")).to_have_text("7 prompts")
        seen = [re.findall(r"\d+", text) for text in ui.page.evaluate("window.seen")]
        written = [int(first) for first, *_ in seen]
        assert written == sorted(written)
        assert {total for _, *total in seen for total in total} == {"7"}
        percentages = re.findall(r"\d+\s?%", ui.page.locator("body").inner_text())
        assert len(percentages) == 1

        llm.pause()
        _rewrite_all(ui)
        server.process.kill()
        expect(ui.prompt_card("SORA_2_A")).to_contain_text("waiting for the server")
        expect(ui.primary_button).to_have_text("The server is away")
        expect(ui.page.locator(".caret")).to_have_count(0)
        llm.release.set()


def _rewrite_all(ui: PageObject) -> None:
    """The price is said before anything is written; what is being written again is not counted."""
    ui.page.get_by_role("button", name="Rewrite all").click()
    form = ui.page.locator(".prompts-bar .rewrite-form")
    expect(form).to_contain_text("The cost is unknown.")
    form.get_by_role("button", name="Rewrite now").click()
    expect(ui.prompt_card("SORA_2_A")).to_contain_text("writing")
    expect(ui.page.locator("#prompt-count")).to_have_text("4 of 7 prompts")


def test_a_queued_run_and_a_call_that_is_made_again_say_so(
    open_page: OpenPage, llm: SlowLLM, tmp_path: Path
) -> None:
    env = {"CALLSHEET_LLM": "openai:any", "CALLSHEET_BASE_URL": llm.server.url}
    with serving(tmp_path, env=env) as server:
        llm.pause(MAX_CONCURRENT_RUNS)
        for _ in range(MAX_CONCURRENT_RUNS):
            server.start("leonardo")
        ui = open_page(server.url)
        ui.enter_idea()
        ui.select_groups("leonardo")
        ui.primary_button.click()
        expect(ui.primary_button).to_have_text("Queued")
        expect(ui.page.locator("#run-toolbar")).to_contain_text("queued")
        llm.server.fail(Status(500, headers={"retry-after": "3"}))  # long enough to be seen
        llm.release.set()
        expect(ui.primary_button).to_have_text("Trying again: 2 of 4")
        expect(ui.page.locator("#primary-note")).to_contain_text("is failing (status 500)")
        expect(ui.prompt_card("LEONARDO_ANIME_XL_A")).to_contain_text("waiting for the next try")
        ui.prompt_text("LEONARDO_ANIME_XL_A")
