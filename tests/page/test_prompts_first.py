"""An opened run shows its prompts first: what was entered is a line each, many groups have contents."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.page.conftest import OpenPage
from tests.support.page_object import PageObject
from tests.support.serving import Serving

PHONE = {"width": 390, "height": 800}
LAPTOP = {"width": 1440, "height": 900}
MANY = ("sora", "phoenix", "leonardo", "midjourney", "motion_2_0")


@pytest.fixture(scope="module")
def run(server: Serving) -> str:
    """A finished run with many groups."""
    run = server.start(*MANY)
    server.until(run)
    return run


def _open(open_page: OpenPage, server: Serving, run: str, viewport: dict[str, int]) -> PageObject:
    ui = open_page(server.url, viewport=viewport, reduced_motion="reduce")
    ui.page.goto(f"{ui.url}/#{run}")
    expect(ui.copy_button("SORA_2_A")).to_be_visible()
    return ui


def _top(element: Locator) -> float:
    box = element.bounding_box()
    assert box is not None
    return box["y"]


@pytest.mark.parametrize("viewport", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_the_first_prompt_is_on_the_first_screen_and_the_bar_stays_in_reach(
    open_page: OpenPage, server: Serving, run: str, viewport: dict[str, int]
) -> None:
    ui = _open(open_page, server, run, viewport)
    assert _top(ui.prompt_card("SORA_2_A")) < viewport["height"] * 0.7
    expect(ui.page.locator("#brief-summary")).to_contain_text("a woman reads by")
    expect(ui.page.locator("#groups-summary")).to_contain_text("Phoenix")
    expect(ui.page.get_by_label("What should be shown?")).to_be_hidden()

    ui.copy_button("motion_2_0.negative_prompt").scroll_into_view_if_needed()
    for control in (ui.page.locator("#copy-all"), ui.page.locator("#download-menu summary")):
        expect(control).to_be_in_viewport()
        control.click()
    expect(ui.page.get_by_role("link", name="Download as CSV")).to_be_in_viewport()
    ui.page.keyboard.press("Escape")
    expect(ui.page.get_by_role("link", name="Download as CSV")).to_be_hidden()


def test_what_was_entered_opens_from_its_line_and_by_number(
    open_page: OpenPage, server: Serving, run: str
) -> None:
    ui = _open(open_page, server, run, LAPTOP)
    line = ui.page.locator("#brief-fold")
    expect(line).to_have_attribute("aria-expanded", "false")
    line.press("Enter")
    expect(ui.page.get_by_label("What should be shown?")).to_be_visible()
    expect(line).to_be_focused()
    line.press("Enter")
    expect(ui.page.get_by_label("What should be shown?")).to_be_hidden()
    ui.page.keyboard.press("3")
    expect(ui.group_row("leonardo")).to_be_visible()
    expect(ui.page.locator("#group-leonardo")).not_to_be_checked()


def test_many_groups_are_jumped_to_and_folded(
    open_page: OpenPage, server: Serving, run: str
) -> None:
    ui = _open(open_page, server, run, LAPTOP)
    contents = ui.page.locator("#contents-menu")
    contents.locator("summary").click()
    contents.get_by_role("button", name="Fold all", exact=True).click()
    expect(ui.prompt_card("MIDJOURNEY_A")).to_be_hidden()
    contents.locator("summary").click()
    contents.get_by_role("button", name="Midjourney").click()
    expect(ui.prompt_card("MIDJOURNEY_A")).to_be_focused()
    expect(ui.prompt_card("MIDJOURNEY_A")).to_be_in_viewport()
    expect(ui.prompt_card("SORA_2_A")).to_be_hidden()
    heading = ui.page.locator("#fold-sora")
    expect(heading).to_have_attribute("aria-expanded", "false")
    heading.click()
    expect(ui.prompt_card("SORA_2_A")).to_be_visible()
    text = ui.prompt_card("motion_2_0.negative_prompt").locator("h5")
    expect(text).to_have_text("Leonardo Motion 2.0: Negative prompt")
    _nothing_is_cut_off_in_a_window_of_medium_width(ui, contents)


def _nothing_is_cut_off_in_a_window_of_medium_width(ui: PageObject, contents: Locator) -> None:
    ui.page.set_viewport_size({"width": 820, "height": 900})
    contents.locator("summary").click()
    for element in (contents.locator(".menu-body"), ui.page.get_by_label("Workflow")):
        box = element.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["width"] > 150


def test_new_prompts_are_scrolled_to_and_the_focus_stays(
    open_page: OpenPage, server: Serving, run: str
) -> None:
    ui = _open(open_page, server, run, LAPTOP)
    ui.select_groups("stable_diffusion")
    ui.primary_button.press("Enter")
    expect(ui.prompt_card("SD_A")).to_be_in_viewport()
    expect(ui.prompt_card("SORA_2_A")).not_to_be_in_viewport()
    expect(ui.page.locator("#groups-fold")).to_have_attribute("aria-expanded", "false")
    focused = "!document.activeElement.closest('.prompt-card')"
    assert ui.page.evaluate(focused), "no prompt takes the focus"
