"""Screenshots and accessibility of each state: narrow and wide, light and dark."""

from __future__ import annotations

import base64
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Error, Locator, Page, expect

from tests.page.conftest import OpenPage, serving
from tests.support.images import png
from tests.support.loopback import Answer, Status
from tests.support.page_object import PageObject
from tests.support.pictures import packed, size
from tests.support.serving import Serving
from tests.support.slow_llm import SlowLLM

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"\]\((page[\w-]*\.png)\)")
WIDTHS = {1440: 900, 820: 1100, 390: 800}

OVERFLOWING = """() => [
    innerWidth,
    document.documentElement.scrollWidth,
    ...[...document.querySelectorAll("body *")]
        .filter((each) => each.getBoundingClientRect().right > document.documentElement.clientWidth)
        .map((each) => each.outerHTML.slice(0, 80)),
]"""


@dataclass
class Inspector:
    """Takes a screenshot of each state at each width, light and dark, and checks it with axe."""

    page: Page
    folder: Path

    def check(self, state: str) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for scheme in ("light", "dark"):
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
            for width, height in WIDTHS.items():
                self.page.set_viewport_size({"width": width, "height": height})
                self._check_width(state, width)
                self.page.screenshot(path=self.folder / f"{state}-{scheme}-{width}.png")
            self._check_accessibility(f"{state}, {scheme}")
        self.page.set_viewport_size({"width": 1440, "height": 900})

    def _check_width(self, state: str, width: int) -> None:
        """Waits, because a window takes a moment to have its new size."""
        fits = "(width) => innerWidth === width && document.documentElement.scrollWidth <= width"
        try:
            self.page.wait_for_function(fits, arg=width)
        except Error:
            overflowing = self.page.evaluate(OVERFLOWING)
            raise AssertionError(f"{state} overflows at {width}: {overflowing}") from None

    def _check_accessibility(self, state: str) -> None:
        found = Axe().run(self.page).response["violations"]
        assert [_describe(each) for each in found] == [], state

    def check_languages(self, state: str) -> None:
        """The same state once more in the page's other languages."""
        chosen = self.page.locator("#language-select")
        for tag in ("de", "zh-Hans"):
            chosen.select_option(tag)
            expect(self.page.locator(f"html[lang={tag}]")).to_be_attached()
            self._check_accessibility(f"{state}, {tag}")
        chosen.select_option("en")


def _describe(violation: dict[str, Any]) -> str:
    places = [node["html"][:120] for node in violation["nodes"]]
    return f"{violation['id']}: {violation['help']}: {places}"


def test_every_state_fits_the_window_and_is_accessible(
    open_page: OpenPage, llm: SlowLLM, tmp_path: Path, screenshots: Path
) -> None:
    env = {"CALLSHEET_LLM": "openai:any", "CALLSHEET_BASE_URL": llm.server.url}
    with serving(tmp_path, env=env) as server:
        ui = open_page(server.url)
        inspector = Inspector(ui.page, screenshots)
        inspector.check("empty")
        _writing_and_done(ui, llm, inspector)
        _edited(ui, server, inspector)
        _compared(ui, inspector)
        _noted(ui, inspector)
        inspector.check_languages("noted")
        _failed(ui, llm, inspector)
        _waiting(ui, inspector)
        _batch(ui, llm, inspector)
        server.process.kill()
        expect(ui.page.get_by_text("The connection to the server is lost.")).to_be_visible()
        inspector.check("disconnected")


def _writing_and_done(ui: PageObject, llm: SlowLLM, inspector: Inspector) -> None:
    llm.pause()
    ui.enter_idea()
    ui.select_groups("sora", "leonardo")
    ui.primary_button.click()
    expect(ui.prompt_card("SORA_2_A")).to_contain_text("writing")
    inspector.check("writing")
    llm.release.set()
    ui.prompt_text("LEONARDO_ANIME_XL_A")
    ui.select_groups("midjourney", "motion_2_0")
    expect(ui.page.get_by_label("Which image should be animated?")).to_be_visible()
    inspector.check("done")
    ui.page.locator("#groups-fold").click()
    ui.page.locator("#download-menu summary").click()
    inspector.check("folded")


def _edited(ui: PageObject, server: Serving, inspector: Inspector) -> None:
    """Motion of the earlier picture, and an edit that was overtaken."""
    ui.primary_button.click()
    ui.prompt_text("motion_2_0.simplified_cinematic")
    card = ui.prompt_card("SORA_2_A")
    card.get_by_role("button", name="Edit").click()
    card.get_by_role("textbox").fill("a woman reads, mine")
    edit = {"prompt": "SORA_2_A", "text": "a woman reads by a window, theirs"}
    server.post(f"/api/runs/{ui.run_name}/edits", edit)
    expect(card).to_contain_text("changed elsewhere")
    expect(ui.primary_button).to_have_text("Rewrite motion prompts")
    inspector.check("edited")
    card.get_by_role("button", name="Take the newer text").click()


def _compared(ui: PageObject, inspector: Inspector) -> None:
    """Two texts side by side, and the form of a wish."""
    ui.prompt_card("SORA_2_A").get_by_role("button", name="Compare").click()
    expect(ui.prompt_card("SORA_2_A").locator(".comparison .text")).to_have_count(2)
    ui.prompt_card("SORA_1_A").get_by_role("button", name="Rewrite").click()
    expect(ui.prompt_card("SORA_1_A").locator(".rewrite-form")).to_contain_text("The cost is")
    inspector.check("compared")
    ui.page.get_by_role("button", name="Keys").click()
    inspector.check("keys")
    ui.page.keyboard.press("Escape")


def _noted(ui: PageObject, inspector: Inspector) -> None:
    """A run with a title and a star whose note is being written, and a rendered image."""
    ui.page.get_by_role("button", name="Favourite", exact=True).click()
    file = {"name": "still.png", "mimeType": "image/png", "buffer": png(400, 600)}
    ui.prompt_card("SORA_2_A").locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    expect(ui.prompt_card("SORA_2_A").get_by_role("img")).to_be_visible()
    ui.page.get_by_role("button", name="Note", exact=True).click()
    ui.page.get_by_label("Title").fill("A woman reads, second try")
    ui.page.keyboard.press("Control+Enter")
    expect(ui.page.locator("#run-toolbar strong")).to_be_visible()
    ui.page.get_by_role("button", name="Note", exact=True).click()
    inspector.check("noted")


def _batch(ui: PageObject, llm: SlowLLM, inspector: Inspector) -> None:
    """The rows of a batch: one failed, one open."""
    ui.page.get_by_role("button", name="New run").click()
    ui.page.get_by_label("LLM", exact=True).select_option("openai:any")
    ui.page.get_by_role("button", name="Batch: many ideas at once").click()
    ui.page.locator("#sheet-text").fill("idea\na fox in the snow\na heron at dawn\n")
    expect(ui.primary_button).to_have_text("Write 2 ideas")
    llm.server.fail(Status(400))
    ui.primary_button.click()
    expect(ui.page.locator(".rows .failed")).to_have_count(1)
    ui.page.locator(".row-prompts summary").click()
    inspector.check("rows")


def _failed(ui: PageObject, llm: SlowLLM, inspector: Inspector) -> None:
    refusal = {"error": {"message": "Incorrect API key provided.", "type": "authentication_error"}}
    llm.server.fail(lambda _: Answer(401, refusal))
    ui.page.get_by_role("button", name="New run").click()
    ui.enter_idea("a tram in the rain")
    ui.primary_button.click()
    expect(ui.page.get_by_role("alert")).to_be_visible()
    inspector.check("failed")


def _waiting(ui: PageObject, inspector: Inspector) -> None:
    ui.page.get_by_role("button", name="New run").click()
    ui.page.get_by_label("LLM", exact=True).select_option("paste")
    ui.primary_button.click()
    expect(ui.page.get_by_role("heading", name="Ask your chat")).to_be_visible()
    inspector.check("waiting")


def test_the_theme_survives_a_reload(open_page: OpenPage, server: Serving) -> None:
    ui = open_page(server.url, color_scheme="light")
    background = "getComputedStyle(document.documentElement).backgroundColor"
    light = ui.page.evaluate(background)
    ui.page.get_by_role("button", name="Switch to dark").click()
    dark = ui.page.evaluate(background)
    assert dark != light
    ui.page.reload()
    assert ui.page.evaluate(background) == dark
    ui.page.get_by_role("button", name="Switch to light").click()
    assert ui.page.evaluate(background) == light


PAINT = """() => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 400, height: 600 });
    const brush = canvas.getContext("2d");
    const fill = (colour, ...box) => {
        brush.fillStyle = colour;
        brush.fillRect(...box);
    };
    const dusk = ["#2f3e5c", "#41506e", "#5b6480", "#7d788b", "#a38b8d", "#c59c86", "#dfae80"];
    dusk.forEach((colour, row) => fill(colour, 0, row * 66, 400, 66));
    for (let drop = 0; drop < 40; drop++) fill("#c9d3e2", (drop * 83) % 400, (drop * 137) % 420, 2, 34);
    fill("#2b2119", 0, 0, 26, 600);
    fill("#2b2119", 374, 0, 26, 600);
    fill("#2b2119", 190, 0, 18, 470);
    fill("#3a2d22", 0, 450, 400, 150);
    fill("#f1b13f", 270, 330, 76, 60);
    fill("#8a6a3a", 302, 390, 12, 62);
    fill("#efe6d3", 92, 436, 116, 16);
    return canvas.toDataURL().split(",")[1];
}"""
"""Draws the image that the documentation shows as rendered: a window at dusk, as PNG in Base64."""


@dataclass
class Gallery:
    """Takes the pictures of the documentation, and writes them if that is asked for."""

    ui: PageObject
    folder: Path

    def take(self, name: str, width: int, height: int, at: Locator | None = None) -> None:
        """One picture of this size, scrolled to its top or to an element."""
        page = self.ui.page
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("scrollTo(0, 0)")
        if at:
            at.evaluate("(element) => scrollBy(0, element.getBoundingClientRect().top - 64)")
        fresh = self.folder / name
        page.screenshot(path=fresh)
        kept = ROOT / "docs" / name
        if os.environ.get("CALLSHEET_TEST_PICTURE") == "1":
            kept.write_bytes(packed(fresh.read_bytes()))
        assert size(kept.read_bytes()) == (width, height), name
        assert kept.stat().st_size < 150_000, name


def test_the_pictures_in_the_documentation_are_the_page(
    open_page: OpenPage, server: Serving, screenshots: Path
) -> None:
    """`CALLSHEET_TEST_PICTURE=1` writes the pictures in `docs/` again."""
    ui = open_page(server.url, color_scheme="light", reduced_motion="reduce")
    screenshots.mkdir(parents=True, exist_ok=True)
    gallery = Gallery(ui, screenshots)
    ui.enter_idea()
    ui.select_groups("sora", "leonardo")
    ui.primary_button.click()
    ui.prompt_text("LEONARDO_ANIME_XL_A")
    expect(ui.page.locator("#receipt")).to_be_visible()
    gallery.take("page.png", 1440, 1000)
    gallery.take("page-phone.png", 390, 800)
    _picture_of_a_comparison(gallery)
    _picture_of_a_note(gallery)
    _picture_of_a_batch(gallery)
    assert "docs/page.png" in (ROOT / "README.md").read_text("utf-8")
    guide = (ROOT / "docs" / "page.md").read_text("utf-8")
    assert {each.name for each in (ROOT / "docs").glob("page*.png")} == {*NAMED.findall(guide)}


def _picture_of_a_comparison(gallery: Gallery) -> None:
    card = gallery.ui.prompt_card("SORA_1_A")
    card.get_by_role("button", name="Edit").click()
    text = card.get_by_role("textbox")
    text.fill(text.input_value().replace("dusk", "dawn") + " A cup of tea steams on the sill.")
    text.press("Control+Enter")
    card.get_by_role("button", name="Compare").click()
    expect(card.locator(".comparison .text")).to_have_count(2)
    gallery.ui.page.locator("#content").focus()
    gallery.take("page-compare.png", 1440, 560, card)
    card.get_by_role("button", name="Close").click()


def _picture_of_a_note(gallery: Gallery) -> None:
    page = gallery.ui.page
    image = base64.b64decode(page.evaluate(PAINT))
    file = {"name": "window.png", "mimeType": "image/png", "buffer": image}
    card = gallery.ui.prompt_card("SORA_2_A")
    card.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
    picture = card.get_by_role("img")
    expect(picture).to_be_visible()
    picture.evaluate("(image) => image.decode()")
    page.get_by_role("button", name="Favourite", exact=True).click()
    page.get_by_role("button", name="Note", exact=True).click()
    page.get_by_label("Title").fill("Rain window")
    page.get_by_label("Note", exact=True).last.fill("For Ana's poster: the second try is best.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#run-toolbar strong")).to_be_visible()
    page.locator("#content").focus()
    gallery.take("page-note.png", 1440, 940)


def _picture_of_a_batch(gallery: Gallery) -> None:
    page = gallery.ui.page
    page.get_by_role("button", name="New run").click()
    gallery.ui.select_groups("sora")
    page.get_by_role("button", name="Batch: many ideas at once").click()
    ideas = ("a fox in the snow", "a heron at dawn by the river", "a market in the rain")
    page.locator("#sheet-text").fill("\n".join(("idea", *ideas)))
    expect(gallery.ui.primary_button).to_have_text("Write 3 ideas")
    gallery.ui.primary_button.click()
    expect(page.locator(".rows .succeeded")).to_have_count(3)
    expect(page.locator("#batch")).to_contain_text("3 of 3 ideas written")
    page.locator(".row-prompts summary").first.click()
    page.locator("#content").focus()
    gallery.take("page-batch.png", 1440, 620)
