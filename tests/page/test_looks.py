"""How the page looks in each state, narrow and wide, light and dark; and that all can use it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, Page, expect

from tests.page.conftest import Come, serving
from tests.page.test_in_the_middle import SlowLLM
from tests.support.loopback import Answer
from tests.support.person import Person
from tests.support.pictures import packed, size
from tests.support.serving import Serving

ROOT = Path(__file__).parents[2]
README_PICTURE = ROOT / "docs" / "page.png"
WIDTHS = {1440: 900, 820: 1100, 390: 800}
MOST_AT_FIRST = 100_000

WIDE = """() => [
    innerWidth,
    document.documentElement.scrollWidth,
    ...[...document.querySelectorAll("body *")]
        .filter((each) => each.getBoundingClientRect().right > document.documentElement.clientWidth)
        .map((each) => each.outerHTML.slice(0, 80)),
]"""


@pytest.fixture(scope="module")
def llm() -> Iterator[SlowLLM]:
    with SlowLLM.running() as slow:
        yield slow


@dataclass
class Eyes:
    """Takes a picture of each state at each width, light and dark, and lets axe look at it."""

    page: Page
    folder: Path

    def look(self, state: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            for width, height in WIDTHS.items():
                self.page.set_viewport_size({"width": width, "height": height})
                self._fits(state, width)
                self.page.screenshot(path=self.folder / f"{state}-{scheme}-{width}.png")
            self._is_usable(f"{state}, {scheme}")
        self.page.set_viewport_size({"width": 1440, "height": 900})

    def _fits(self, state: str, width: int) -> None:
        """A window takes a moment to have its new size."""
        fits = "(width) => innerWidth === width && document.documentElement.scrollWidth <= width"
        try:
            self.page.wait_for_function(fits, arg=width)
        except Error:
            wide = self.page.evaluate(WIDE)
            raise AssertionError(f"{state} runs over at {width}: {wide}") from None

    def _is_usable(self, state: str) -> None:
        found = Axe().run(self.page).response["violations"]
        assert [_told(each) for each in found] == [], state


def _told(violation: dict[str, Any]) -> str:
    places = [node["html"][:120] for node in violation["nodes"]]
    return f"{violation['id']}: {violation['help']}: {places}"


def test_every_state_is_fit_to_be_seen(
    come: Come, llm: SlowLLM, tmp_path: Path, pictures: Path
) -> None:
    env = {"CALLSHEET_LLM": "openai:any", "CALLSHEET_BASE_URL": llm.server.url}
    with serving(tmp_path, env=env) as server:
        person = come(server.url)
        eyes = Eyes(person.page, pictures)
        eyes.look("empty")
        _writing_and_done(person, llm, eyes)
        _failed(person, llm, eyes)
        _waiting(person, eyes)
        server.process.kill()
        expect(person.page.get_by_text("The line to the server is down.")).to_be_visible()
        eyes.look("no-line")


def _writing_and_done(person: Person, llm: SlowLLM, eyes: Eyes) -> None:
    llm.holds_back()
    person.says()
    person.calls("sora", "leonardo")
    person.button.click()
    expect(person.prompt("SORA_2_A")).to_contain_text("writing")
    eyes.look("writing")
    llm.let.set()
    person.reads("LEONARDO_ANIME_XL_A")
    person.calls("midjourney", "motion_2_0")
    expect(person.page.get_by_label("Which picture will move?")).to_be_visible()
    eyes.look("done")


def _failed(person: Person, llm: SlowLLM, eyes: Eyes) -> None:
    told = {"error": {"message": "Incorrect API key provided.", "type": "authentication_error"}}
    llm.server.fail(lambda _: Answer(401, told))
    person.page.get_by_role("button", name="New sheet").click()
    person.says("a tram in the rain")
    person.button.click()
    expect(person.page.get_by_role("alert")).to_be_visible()
    eyes.look("failed")


def _waiting(person: Person, eyes: Eyes) -> None:
    person.page.get_by_role("button", name="New sheet").click()
    person.page.get_by_label("LLM", exact=True).select_option("paste")
    person.button.click()
    expect(person.page.get_by_role("heading", name="The run asks")).to_be_visible()
    eyes.look("waiting")


def test_the_first_paint_is_light(come: Come, server: Serving) -> None:
    person = come(server.url)
    sizes = person.page.evaluate(
        """() => ["navigation", "resource"]
            .flatMap((kind) => performance.getEntriesByType(kind))
            .map((entry) => [entry.name, entry.transferSize])"""
    )
    assert sum(size for _, size in sizes) < MOST_AT_FIRST, sizes


def test_the_switch_between_light_and_dark_holds_through_a_reload(
    come: Come, server: Serving
) -> None:
    person = come(server.url, color_scheme="light")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = person.page.evaluate(ground)
    person.page.get_by_role("button", name="Switch to dark").click()
    dark = person.page.evaluate(ground)
    assert dark != light
    person.page.reload()
    assert person.page.evaluate(ground) == dark
    person.page.get_by_role("button", name="Switch to light").click()
    assert person.page.evaluate(ground) == light


def test_the_picture_in_the_readme_is_the_page(come: Come, server: Serving, pictures: Path) -> None:
    """`CALLSHEET_TEST_PICTURE=1` makes the picture in `docs/` anew."""
    person = come(server.url, color_scheme="light", reduced_motion="reduce")
    person.says()
    person.calls("sora", "leonardo")
    person.button.click()
    person.reads("LEONARDO_ANIME_XL_A")
    expect(person.page.locator("#receipt")).to_be_visible()
    person.page.set_viewport_size({"width": 1440, "height": 1130})
    person.page.evaluate("scrollTo(0, 0)")
    pictures.mkdir(parents=True, exist_ok=True)
    fresh = pictures / "readme.png"
    person.page.screenshot(path=fresh)
    if os.environ.get("CALLSHEET_TEST_PICTURE") == "1":
        README_PICTURE.write_bytes(packed(fresh.read_bytes()))
    kept = README_PICTURE.read_bytes()
    assert size(kept) == size(fresh.read_bytes())
    assert len(kept) < 150_000
    assert "docs/page.png" in (ROOT / "README.md").read_text("utf-8")
