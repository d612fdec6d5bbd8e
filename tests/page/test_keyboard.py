"""The page by keyboard alone: every step by key, a visible focus, no focus trap."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.page_object import IDEA, PageObject


def test_prompts_are_written_and_copied_by_keyboard(ui: PageObject) -> None:
    keys = ui.page.keyboard
    keys.press("Tab")
    expect(ui.page.get_by_role("link", name="Skip to main content")).to_be_focused()
    keys.press("Enter")
    keys.press("Tab")
    expect(ui.page.get_by_label("What should be shown?")).to_be_focused()
    keys.type(IDEA)
    expect(ui.page.locator("#group-sora")).not_to_be_checked()
    _tab_to(ui, "#group-sora")
    keys.press("Space")
    keys.press("3")
    expect(ui.page.locator("#group-leonardo")).to_be_checked()
    _tab_to(ui, "#primary-button")
    keys.press("Enter")
    ui.prompt_text("LEONARDO_ANIME_XL_A")

    ui.prompt_card("SORA_2_A").focus()
    keys.press("ArrowDown")
    expect(ui.prompt_card("SORA_1_A")).to_be_focused()
    keys.press("c")
    expect(ui.copy_button("SORA_1_A")).to_have_text("copied")
    expect(ui.page.locator("#live-region")).to_have_text("Sora 1 A copied")
    assert ui.clipboard() == ui.prompt_text("SORA_1_A")


def test_ctrl_enter_in_the_idea_writes_and_the_focus_goes_on_to_the_prompts(ui: PageObject) -> None:
    keys = ui.page.keyboard
    ui.select_groups("leonardo")
    ui.enter_idea("a lamp by the sea")
    ui.page.get_by_label("What should be shown?").press("Control+Enter")
    ui.prompt_text("LEONARDO_ANIME_XL_A")
    keys.press("Control+k")
    expect(ui.page.get_by_label("Search runs")).to_be_focused()
    ui.copy_button("LEONARDO_ANIME_XL_A").focus()
    keys.press("?")
    expect(ui.page.get_by_role("dialog", name="Keys")).to_contain_text("search the runs")
    keys.press("Escape")
    expect(ui.copy_button("LEONARDO_ANIME_XL_A")).to_be_focused()
    ui.select_groups("phoenix")
    ui.primary_button.press("Enter")
    ui.prompt_text("PHOENIX_1_0_A")
    expect(ui.page.locator("#prompts")).to_be_focused()


def test_no_bar_of_a_phone_covers_what_has_the_focus(ui: PageObject) -> None:
    ui.page.set_viewport_size({"width": 390, "height": 700})
    ui.page.locator("#field-idea").focus()
    for _ in range(25):
        ui.page.keyboard.press("Tab")
        covered = ui.page.evaluate(
            """() => {
                const focused = document.activeElement;
                const bar = document.querySelector(".primary-action");
                if (focused === document.body || bar.contains(focused)) return null;
                const { bottom } = focused.getBoundingClientRect();
                const { top } = bar.getBoundingClientRect();
                return bottom > top ? focused.outerHTML.slice(0, 90) : null;
            }"""
        )
        assert covered is None


def test_digits_typed_into_a_field_are_no_shortcuts(ui: PageObject) -> None:
    ui.page.get_by_label("What should be shown?").focus()
    ui.page.keyboard.type("12 monkeys and 3 clocks")
    expect(ui.page.locator("label.group.selected")).to_have_count(0)


def test_tab_reaches_everything_and_wraps_around(ui: PageObject) -> None:
    seen = []
    for _ in range(60):
        ui.page.keyboard.press("Tab")
        focused = ui.page.evaluate("document.activeElement.id || document.activeElement.className")
        if focused in seen and focused == seen[0]:
            break
        seen.append(focused)
    assert {"new-run", "field-idea", "group-midjourney_animate", "primary-button"} <= set(seen)
    assert len(seen) < 60, "the focus wraps around"


def test_the_focus_is_always_visible(ui: PageObject) -> None:
    for _ in range(25):
        ui.page.keyboard.press("Tab")
        seen = ui.page.evaluate(
            """() => {
                const drawn = (each) => each && getComputedStyle(each).outlineStyle !== "none";
                const focused = document.activeElement;
                return focused === document.body || drawn(focused) || drawn(focused.closest(".group"));
            }"""
        )
        assert seen, ui.page.evaluate("document.activeElement.outerHTML")


def test_an_edit_is_cancelled_with_escape(ui: PageObject) -> None:
    ui.enter_idea()
    ui.select_groups("leonardo")
    ui.primary_button.click()
    before = ui.prompt_text("LEONARDO_ANIME_XL_A")
    row = ui.prompt_card("LEONARDO_ANIME_XL_A")
    row.get_by_role("button", name="Edit").press("Enter")
    expect(row.get_by_role("textbox")).to_be_focused()
    ui.page.keyboard.type("thrown away")
    ui.page.keyboard.press("Escape")
    expect(row).to_be_focused()
    assert ui.prompt_text("LEONARDO_ANIME_XL_A") == before


def _tab_to(ui: PageObject, selector: str) -> None:
    """Presses Tab until the focus is there; fails after 60 presses."""
    target = ui.page.locator(selector)
    for _ in range(60):
        if target.evaluate("(each) => each === document.activeElement"):
            return
        ui.page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reaches {selector}")
