"""Nothing a person did is undone: edits, choices and what is typed outlive everything else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.page.conftest import OpenPage, serving
from tests.support.page_object import IDEA, PageObject
from tests.support.serving import Serving
from tests.support.slow_llm import SlowLLM

MINE = f"{IDEA}, oil on canvas, my own words, cold blue light from the left"
OTHER = f"{IDEA}, charcoal on paper, other words, warm light from the right"
MOTION = "motion_2_0.simplified_cinematic"


@pytest.fixture(scope="module")
def slow_server(llm: SlowLLM, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    env = {"CALLSHEET_LLM": "openai:gpt-5.2", "CALLSHEET_BASE_URL": llm.server.url}
    with serving(tmp_path_factory.mktemp("home"), env=env) as server:
        yield server


def _open(ui: PageObject, server: Serving, *groups: str) -> str:
    """Opens a finished run with these groups."""
    run = server.start(*groups)
    server.until(run)
    ui.page.goto(f"{ui.url}/#{run}")
    return run


def _edit(ui: PageObject, name: str, text: str) -> Locator:
    card = ui.prompt_card(name)
    card.get_by_role("button", name="Edit").click()
    card.get_by_role("textbox").fill(text)
    return card


def _shown(ui: PageObject, name: str) -> Locator:
    return ui.prompt_card(name).locator("p.text").first


def test_an_edit_in_a_run_with_motion_stands_at_once_and_the_motion_is_marked_and_rewritten(
    ui: PageObject, server: Serving
) -> None:
    run = _open(ui, server, "midjourney", "motion_2_0")
    mine = f"{MINE} --ar 2:3"
    _edit(ui, "MIDJOURNEY_A", mine).get_by_role("textbox").press("Control+Enter")
    expect(_shown(ui, "MIDJOURNEY_A")).to_have_text(mine)
    ui.copy_button("MIDJOURNEY_A").click()
    expect(ui.copy_button("MIDJOURNEY_A")).to_have_text("copied")
    assert ui.clipboard() == mine

    motion = ui.page.get_by_role("group", name="Motion 2.0")
    expect(motion).to_contain_text("Made from the earlier picture")
    expect(ui.page.locator("#run-toolbar")).to_contain_text("done")
    assert server.get(f"/api/runs/{run}")["usage"]["calls"] == 2, "an edit costs nothing"
    expect(ui.primary_button).to_have_text("Rewrite motion prompts")
    expect(ui.page.locator("#primary-note")).to_contain_text("Free.")
    ui.primary_button.click()
    expect(motion).not_to_contain_text("Made from the earlier picture")
    expect(ui.primary_button).to_be_hidden()
    expect(_shown(ui, "MIDJOURNEY_A")).to_have_text(mine)


def test_an_open_edit_outlives_another_run_a_reload_and_what_is_written_meanwhile(
    ui: PageObject, server: Serving
) -> None:
    other = server.start("phoenix")
    run = _open(ui, server, "sora")
    _edit(ui, "SORA_1_A", MINE)
    ui.page.goto(f"{ui.url}/#{other}")
    expect(ui.copy_button("PHOENIX_1_0_A")).to_be_visible()
    ui.page.goto(f"{ui.url}/#{run}")
    area = ui.prompt_card("SORA_1_A").get_by_role("textbox")
    expect(area).to_have_value(MINE)
    ui.page.reload()
    expect(area).to_have_value(MINE)
    ui.select_groups("leonardo")
    ui.primary_button.click()
    ui.prompt_text("LEONARDO_ANIME_XL_A")
    expect(area).to_have_value(MINE)
    area.press("Control+Enter")
    expect(_shown(ui, "SORA_1_A")).to_have_text(MINE)
    ui.page.reload()
    expect(_shown(ui, "SORA_1_A")).to_have_text(MINE)


def test_two_edits_of_one_prompt_show_both_texts_and_the_person_chooses(
    ui: PageObject, server: Serving
) -> None:
    run = _open(ui, server, "sora")
    card = _edit(ui, "SORA_1_A", MINE)
    server.post(f"/api/runs/{run}/edits", {"prompt": "SORA_1_A", "text": OTHER})
    expect(card).to_contain_text("This prompt was changed elsewhere.")
    expect(card.get_by_role("textbox")).to_have_value(MINE)
    expect(card.locator(".elsewhere ins").first).to_contain_text("charcoal")
    card.get_by_role("button", name="Save mine instead").click()
    expect(_shown(ui, "SORA_1_A")).to_have_text(MINE)
    card.get_by_role("button", name="earlier attempt").click()
    expect(card.locator(".prompt-history")).to_contain_text("charcoal")

    _edit(ui, "SORA_1_A", "thrown away")
    server.post(f"/api/runs/{run}/edits", {"prompt": "SORA_1_A", "text": OTHER})
    card.get_by_role("button", name="Take the newer text").click()
    expect(_shown(ui, "SORA_1_A")).to_have_text(OTHER)


def test_an_edit_that_was_overtaken_unseen_is_opened_again_with_the_newer_text(
    ui: PageObject, server: Serving
) -> None:
    run = _open(ui, server, "sora")
    card = _edit(ui, "SORA_2_A", MINE)
    ui.page.route("**/api/runs/*", lambda route: route.abort())  # the page hears nothing
    server.post(f"/api/runs/{run}/edits", {"prompt": "SORA_2_A", "text": OTHER})
    card.get_by_role("button", name="Save", exact=True).click()
    expect(card).to_contain_text("This prompt was changed elsewhere.")
    expect(card.get_by_role("textbox")).to_have_value(MINE)
    expect(card.locator(".elsewhere")).to_contain_text("charcoal")


def test_a_selected_video_group_stays_selected_while_the_images_are_written(
    open_page: OpenPage, slow_server: Serving, llm: SlowLLM
) -> None:
    llm.pause()
    ui = open_page(slow_server.url)
    ui.enter_idea()
    ui.select_groups("leonardo", "motion_2_0")
    ui.primary_button.click()
    expect(ui.prompt_card("LEONARDO_ANIME_XL_A")).to_contain_text("writing")
    assert llm.called.wait(60)
    expect(ui.page.locator("#group-motion_2_0")).to_be_checked()
    ui.select_groups("phoenix")
    ui.page.reload()
    expect(ui.prompt_card("LEONARDO_ANIME_XL_A")).to_contain_text("writing")
    for group in ("leonardo", "motion_2_0", "phoenix"):
        expect(ui.page.locator(f"#group-{group}")).to_be_checked()
    llm.release.set()
    ui.prompt_text(MOTION)
    expect(ui.page.locator("#group-phoenix")).to_be_checked()
    expect(ui.primary_button).to_have_text("Add Phoenix 1.0: 1 prompt")
    ui.page.get_by_role("button", name="New run").click()
    expect(ui.page.locator("#group-motion_2_0")).to_be_checked()


def test_what_was_changed_in_a_run_is_there_again_when_it_is_opened_again(
    ui: PageObject, server: Serving
) -> None:
    other = server.start("phoenix")
    ui.enter_idea("a heron, not sent yet")
    run = _open(ui, server, "sora", "leonardo")
    ui.prompt_text("SORA_2_A")
    ui.select_groups("leonardo", "midjourney")
    ui.page.goto(f"{ui.url}/#{other}")
    ui.prompt_text("PHOENIX_1_0_A")
    expect(ui.page.locator("#group-midjourney")).not_to_be_checked()
    ui.page.goto(f"{ui.url}/#{run}")
    expect(ui.page.locator("#group-midjourney")).to_be_checked()
    expect(ui.page.locator("#group-leonardo")).not_to_be_checked()
    expect(ui.page.locator("#group-sora")).to_be_checked()
    ui.page.get_by_role("button", name="New run").click()
    expect(ui.page.get_by_label("What should be shown?")).to_have_value("a heron, not sent yet")
