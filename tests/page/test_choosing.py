"""Choosing: example ideas, named styles and ratios by press; what a rule says stands with its prompt."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.page.conftest import OpenPage, serving
from tests.support.page_object import PageObject


def test_styles_ratios_and_example_ideas_are_chosen_by_press(
    open_page: OpenPage, tmp_path: Path
) -> None:
    with serving(tmp_path, "studio") as server:
        ui = open_page(server.url)
        ui.page.get_by_role("button", name="A red fox asleep").click()
        idea = ui.page.get_by_label("What should be shown?")
        expect(idea).to_have_value("a red fox asleep at a snowy tram stop")
        expect(ui.page.locator("#examples")).to_be_hidden()
        style = ui.page.locator("#field-aesthetic-chips")
        expect(style.get_by_role("button", name="open")).to_have_attribute("aria-pressed", "true")
        style.get_by_role("button", name="lofi anime").click()
        expect(ui.page.get_by_label("Which aesthetic?")).to_have_value("lofi_anime")
        ratio = ui.page.locator("#field-aspect_ratio-chips")
        ratio.get_by_role("button", name="3:2").click()
        ui.select_groups("midjourney_v8")
        ui.primary_button.click()
        assert "--ar 3:2" in ui.prompt_text("MIDJOURNEY_V8")
        expect(ui.primary_button).to_be_hidden()
        expect(style.locator("[aria-pressed=true]")).to_have_text("lofi anime")
        _findings_are_explained_and_fixed(ui)


def _findings_are_explained_and_fixed(ui: PageObject) -> None:
    card = ui.prompt_card("MIDJOURNEY_V8")
    expect(card).to_contain_text("Idea kept: ")
    expect(card.get_by_role("heading")).to_have_text("Midjourney 8.2")
    card.get_by_role("button", name="Edit").click()
    card.get_by_role("textbox").fill("a red fox asleep at a snowy tram stop --ar 3:2 --q 9")
    card.get_by_role("textbox").press("Control+Enter")
    finding = card.get_by_role("listitem").filter(has_text="which V8 does not read")
    expect(finding).to_contain_text("A limit of the model; Midjourney's Version page")
    expect(finding.locator("code")).to_have_text("--q")
    card.get_by_role("button", name="Fix").click()
    expect(card.locator("p.text").first).to_contain_text("--v 8.2")
    expect(card).not_to_contain_text("Names no version")
