"""The page speaks the language of the browser, or the one that was chosen on it, and no other."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import Page, expect

from callsheet.web.page_messages import messages
from tests.page.conftest import OpenPage
from tests.support.page_object import PageObject
from tests.support.serving import Serving

SAID = """() => [...document.querySelectorAll("body *")]
    .filter((each) => each.checkVisibility() && !each.closest("#run-notes, .settings, .findings"))
    .flatMap((each) => [
        ...[...each.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data),
        ...["aria-label", "title", "placeholder", "alt"].map((name) => each.getAttribute(name)),
    ])
    .filter((text) => text?.trim())"""
"""Every text that the page shows or announces, except what the server says of a prompt."""

NAMES = {
    "brief", "description", "label", "models", "name", "prompts", "run", "spec",
    "successor", "variables", "version",
}  # fmt: skip
"""Keys of the API whose values are names, or what a person or an LLM wrote."""

WORD = re.compile(r"[A-Za-z]{3,}")


def _words(value: Any, *, named: bool = False) -> set[str]:
    """The words of all names in a JSON value."""
    if isinstance(value, dict):
        entries = [_words(each, named=named or key in NAMES) for key, each in value.items()]
        keys = {word for key in value for word in WORD.findall(key)} if named else set()
        return keys.union(*entries)
    if isinstance(value, list):
        return set().union(*(_words(each, named=named) for each in value))
    return set(WORD.findall(value)) if named and isinstance(value, str) else set()


def _english_left(page: Page, allowed: set[str]) -> set[str]:
    lowered = {word.lower() for word in allowed}
    return {
        text
        for text in page.evaluate(SAID)
        if any(word.lower() not in lowered for word in WORD.findall(text))
    }


def test_a_browser_gets_its_own_language_and_no_other(open_page: OpenPage, server: Serving) -> None:
    ui = open_page(server.url, locale="de-AT")
    expect(ui.page.locator("html[lang=de][dir=ltr]")).to_be_attached()
    expect(ui.primary_button).to_have_text("Gruppe auswählen")
    ui.page.locator("#field-idea").fill("ein Reiher im Morgengrauen")
    ui.select_groups("sora")
    expect(ui.primary_button).to_have_text("2 Prompts schreiben")
    expect(ui.page.locator("#estimate-figures")).to_contain_text(re.compile(r"78\s%"))
    loaded = ui.page.evaluate("performance.getEntriesByType('resource').map((each) => each.name)")
    assert not [name for name in loaded if "messages" in name]
    code = ui.page.evaluate("fetch('/page/modules.js').then((response) => response.text())")
    assert messages("de")["next.select_group"] in code
    assert messages("en")["next.select_group"] not in code


def test_another_language_is_chosen_at_once_and_nothing_entered_is_lost(
    open_page: OpenPage, server: Serving
) -> None:
    ui = open_page(server.url, locale="fr-FR")
    expect(ui.primary_button).to_have_text("Select a group")
    ui.enter_idea("a heron at dawn")
    ui.select_groups("leonardo")
    ui.page.locator("#group-name").fill("sor")
    ui.page.get_by_label("Language").select_option("Deutsch")
    expect(ui.primary_button).to_have_text("1 Prompt schreiben")
    expect(ui.page.locator("html[lang=de]")).to_be_attached()
    expect(ui.page.get_by_role("button", name="Neuer Lauf")).to_have_count(0)
    expect(ui.page.get_by_role("heading", name="Modellgruppen")).to_be_visible()
    expect(ui.page.locator("#field-idea")).to_have_value("a heron at dawn")
    expect(ui.page.locator("#group-name")).to_have_value("sor")
    ui.page.reload()
    expect(ui.primary_button).to_have_text("1 Prompt schreiben")
    ui.page.get_by_label("Sprache").select_option("English")
    expect(ui.primary_button).to_have_text("Write 1 prompt")


def test_nothing_is_said_in_english_on_a_chinese_page(open_page: OpenPage, server: Serving) -> None:
    ui = open_page(server.url, locale="zh-CN")
    page = ui.page
    allowed = set(WORD.findall(json.dumps(messages("zh-Hans"), ensure_ascii=False)))
    allowed |= {"English", "Deutsch", "callsheet", "offline"}
    allowed |= _names(page, "workflows/oms", "llms")
    expect(page.locator("html[lang=zh-Hans]")).to_be_attached()
    assert _english_left(page, allowed) == set()
    _through_a_run(ui)
    allowed |= _names(page, f"runs/{ui.run_name}", "exports")
    assert _english_left(page, allowed) == set()
    for tag in ("de", "en", "zh-Hans"):
        page.locator("#language-select").select_option(tag)
        expect(page.locator(f"html[lang={tag}]")).to_be_attached()
        _fits_every_window(page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert _english_left(page, allowed) == set()
    page.keyboard.press("Escape")
    page.locator("#run-toolbar button").last.click()
    page.locator(".batch-button").click()
    page.locator("#sheet-text").fill("idea\na heron\n")
    expect(page.locator("#sheet-check .success")).to_be_visible()
    assert _english_left(page, allowed) == set()


def _fits_every_window(page: Page) -> None:
    for width in (390, 820, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        fits = "(width) => innerWidth === width && document.documentElement.scrollWidth <= width"
        page.wait_for_function(fits, arg=width)


def _names(page: Page, *paths: str) -> set[str]:
    """The names in these responses of the API."""
    read = "(path) => fetch(`/api/${path}`).then((response) => response.json())"
    return set().union(*(_words(page.evaluate(read, path)) for path in paths))


def _through_a_run(ui: PageObject) -> None:
    """Writes two prompts; edits one, with all that opens below it."""
    ui.page.locator("#field-idea").fill("a heron at dawn")
    ui.select_groups("sora", "motion_2_0")
    ui.primary_button.click()
    ui.prompt_text("SORA_1_A")
    expect(ui.page.locator("#receipt")).to_be_visible()
    ui.unfold("brief")
    ui.unfold("groups")
    ui.prompt_card("SORA_2_A").get_by_text("编辑").click()
    ui.prompt_card("SORA_2_A").get_by_role("textbox").fill("a heron at dawn by the river")
    ui.prompt_card("SORA_2_A").get_by_text("保存").click()
    ui.prompt_card("SORA_2_A").get_by_text("历史").click()
    ui.prompt_card("SORA_1_A").get_by_text("对比").click()
    ui.prompt_card("motion_2_0.simplified_cinematic").get_by_text("重写").click()
    ui.page.locator("#delete-run").click()
