"""Groups that newer ones replace are folded in, and stay selectable."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.page.conftest import OpenPage, serving
from tests.support.older_groups import write_workflow


def test_older_groups_are_shown_on_request_and_numbers_mean_current_ones(
    open_page: OpenPage, tmp_path: Path
) -> None:
    with serving(tmp_path, str(write_workflow(tmp_path / "older"))) as server:
        ui = open_page(server.url)
        image = ui.page.get_by_role("group", name="Image generation")
        ink_1 = ui.group_row("ink_1")
        expect(ui.group_row("ink_2")).to_be_visible()
        expect(ink_1).to_be_hidden()

        ui.page.keyboard.press("2")
        expect(ui.page.locator("#group-ink_2")).to_be_checked()
        image.get_by_text("Show older (1)").click()
        expect(ink_1).to_contain_text("Closes on Mar 1, 2099; replaced by: Ink 2")
        ink_1.click()
        ui.enter_idea("a heron")
        ui.primary_button.click()

        assert ui.prompt_text("INK_1") == "In the manner of ink_1: a heron."
        ui.page.reload()
        ui.prompt_text("INK_1")
        ui.unfold("groups")
        expect(ink_1).to_be_visible()
        expect(ui.page.get_by_text("Replaced by: Clip 2")).to_be_hidden()
