"""Without a mouse: every step by key, the focus always seen, and no place that holds it fast."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.person import IDEA, Person


def test_the_whole_way_by_keyboard_alone(person: Person) -> None:
    keys = person.page.keyboard
    keys.press("Tab")
    expect(person.page.get_by_role("link", name="Skip to the work")).to_be_focused()
    keys.press("Enter")
    keys.press("Tab")
    expect(person.page.get_by_label("What should be shown?")).to_be_focused()
    keys.type(IDEA)
    expect(person.page.locator("#group-sora")).not_to_be_checked()
    _tab_to(person, "#group-sora")
    keys.press("Space")
    keys.press("3")
    expect(person.page.locator("#group-leonardo")).to_be_checked()
    _tab_to(person, "#press")
    keys.press("Enter")
    person.reads("LEONARDO_ANIME_XL_A")

    person.prompt("SORA_2_A").focus()
    keys.press("ArrowDown")
    expect(person.prompt("SORA_1_A")).to_be_focused()
    keys.press("c")
    expect(person.copy_of("SORA_1_A")).to_have_text("copied")
    expect(person.page.locator("#said")).to_have_text("SORA_1_A copied")
    assert person.clipboard() == person.reads("SORA_1_A")


def test_digits_are_words_while_one_writes(person: Person) -> None:
    person.page.get_by_label("What should be shown?").focus()
    person.page.keyboard.type("12 monkeys and 3 clocks")
    expect(person.page.locator("label.group.chosen")).to_have_count(0)


def test_tab_goes_round_and_comes_back(person: Person) -> None:
    seen = []
    for _ in range(60):
        person.page.keyboard.press("Tab")
        place = person.page.evaluate(
            "document.activeElement.id || document.activeElement.className"
        )
        if place in seen and place == seen[0]:
            break
        seen.append(place)
    assert {"new-sheet", "field-idea", "group-midjourney_animate", "press"} <= set(seen)
    assert len(seen) < 60, "the focus comes round"


def test_the_focus_is_always_seen(person: Person) -> None:
    for _ in range(25):
        person.page.keyboard.press("Tab")
        seen = person.page.evaluate(
            """() => {
                const drawn = (each) => each && getComputedStyle(each).outlineStyle !== "none";
                const focused = document.activeElement;
                return focused === document.body || drawn(focused) || drawn(focused.closest(".group"));
            }"""
        )
        assert seen, person.page.evaluate("document.activeElement.outerHTML")


def test_an_edit_is_left_with_escape(person: Person) -> None:
    person.says()
    person.calls("leonardo")
    person.button.click()
    before = person.reads("LEONARDO_ANIME_XL_A")
    row = person.prompt("LEONARDO_ANIME_XL_A")
    row.get_by_role("button", name="Edit").press("Enter")
    expect(row.get_by_role("textbox")).to_be_focused()
    person.page.keyboard.type("thrown away")
    person.page.keyboard.press("Escape")
    expect(row).to_be_focused()
    assert person.reads("LEONARDO_ANIME_XL_A") == before


def _tab_to(person: Person, place: str) -> None:
    """Presses Tab until the focus is there; fails after more presses than the page has places."""
    target = person.page.locator(place)
    for _ in range(60):
        if target.evaluate("(each) => each === document.activeElement"):
            return
        person.page.keyboard.press("Tab")
    raise AssertionError(f"Tab never comes to {place}")
