"""How the page loads: few requests, all of them named in the page itself, and few bytes."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, expect

from callsheet.web.page_files import joined_modules, page_files
from tests.page.conftest import OpenPage
from tests.support.page_object import TIMEOUT
from tests.support.serving import Serving

MAX_FIRST_BYTES = 110_000

LOADED = """() => performance.getEntriesByType("resource")
    .map((entry) => [entry.name, entry.initiatorType])"""

NAMES = re.compile(
    r"^(?:async )?(?:function|const|let|class) (?:([\w$]+)|[\[{]([^\]}]*)[\]}] =)", re.MULTILINE
)


def test_the_groups_are_there_after_two_round_trips(browser: Browser, server: Serving) -> None:
    """The page, then all that it names: its code, and what the server offers. No request waits."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(server.url)
        expect(page.locator("#groups")).to_be_visible(timeout=TIMEOUT)
        loaded = page.evaluate(LOADED)
        names = [name.removeprefix(server.url) for name, _ in loaded]
        assert len(names) == len(set(names)), "nothing is loaded twice"
        named = {name for name, how in zip(names, loaded, strict=True) if how[1] != "fetch"}
        assert named - {"page/icon.svg"} == {
            "api/llms",
            "api/workflows",
            "api/workflows/oms",
            "page/modules.js",
            "page/styles.css",
            "page/theme.js",
        }
        later = {name for name in names if name.startswith("api/")} - named
        assert not {name for name in later if name.startswith(("api/workflows", "api/llms"))}


def test_the_modules_that_are_joined_have_distinct_names() -> None:
    text = joined_modules(page_files())
    found = [name for pair in NAMES.findall(text) for name in re.findall(r"[\w$]+", "".join(pair))]
    assert len(found) > 400
    assert sorted({name for name in found if found.count(name) > 1}) == []
    assert not re.search(r"^(import|export)\b", text, re.MULTILINE)


def test_little_is_loaded_before_the_first_paint(open_page: OpenPage, server: Serving) -> None:
    ui = open_page(server.url)
    sizes = ui.page.evaluate(
        """() => ["navigation", "resource"]
            .flatMap((kind) => performance.getEntriesByType(kind))
            .map((entry) => [entry.name, entry.transferSize])"""
    )
    assert sum(size for _, size in sizes) < MAX_FIRST_BYTES, sizes
