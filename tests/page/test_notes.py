"""A run is given a title, a note, a star and an image; it is found again by them and begun anew."""

from __future__ import annotations

import base64
import json
from zipfile import ZipFile

from playwright.sync_api import Locator, expect

from tests.page.test_image import DATA_TRANSFER
from tests.support.images import png
from tests.support.page_object import PageObject
from tests.support.serving import Serving

IMAGE = png(400, 600)


def _write(ui: PageObject, idea: str, *groups: str) -> str:
    ui.page.goto(ui.url)
    ui.enter_idea(idea)
    ui.select_groups(*groups)
    ui.primary_button.click()
    expect(ui.page.locator("#receipt")).to_be_visible()
    return ui.run_name


def _listed(ui: PageObject) -> Locator:
    return ui.page.locator("#run-list a")


def _drop(card: Locator, name: str, content: bytes) -> None:
    file = [name, "image/png", base64.b64encode(content).decode()]
    transfer = card.page.evaluate_handle(DATA_TRANSFER, file)
    card.locator("p.text").dispatch_event("drop", {"dataTransfer": transfer})


def test_a_title_a_note_and_a_star_stay_and_a_run_is_found_by_them(
    ui: PageObject, server: Serving
) -> None:
    run = _write(ui, "a heron at dawn, for notes", "leonardo")
    ui.page.get_by_role("button", name="Note", exact=True).click()
    expect(ui.page.get_by_label("Title")).to_be_focused()
    ui.page.get_by_label("Title").fill("Reiher <b>1</b>")
    ui.page.get_by_label("Note", exact=True).last.fill("für Ana\n鹭")
    ui.page.keyboard.press("Control+Enter")
    expect(ui.page.locator(".note-text")).to_have_text("für Ana\n鹭")
    expect(ui.page.get_by_role("button", name="Note", exact=True)).to_be_focused()
    ui.page.get_by_role("button", name="Favourite", exact=True).click()
    expect(_listed(ui).first).to_contain_text("★ Favourite: Reiher <b>1</b>")

    other = _write(ui, "a tram in the snow, for notes", "leonardo")
    ui.page.get_by_role("button", name="Favourites only").click()
    expect(_listed(ui)).to_have_count(1)
    ui.page.get_by_role("button", name="Favourites only").click()
    ui.page.get_by_label("Search runs").fill("鹭 REIHER lofi")
    expect(_listed(ui)).to_have_count(1)
    _listed(ui).click()
    assert ui.run_name == run
    expect(ui.page.locator("#run-toolbar strong")).to_have_text("Reiher <b>1</b>")
    ui.page.get_by_label("Search runs").fill("")

    ui.page.get_by_role("button", name="Note", exact=True).click()
    ui.page.get_by_label("Title").fill("half typed")
    server.post(f"/api/runs/{run}/notes", {"title": "From elsewhere", "text": ""})
    expect(ui.page.locator("#run-toolbar strong")).to_have_text("From elsewhere")
    expect(ui.page.get_by_label("Title")).to_have_value("half typed")
    expect(ui.page.get_by_label("Title")).to_be_focused()
    ui.page.keyboard.press("Escape")
    expect(ui.page.locator(".note-text")).to_have_count(0)
    server.post(f"/api/runs/{other}/notes", {"title": "Tram elsewhere"})
    expect(_listed(ui).first).to_contain_text("Tram elsewhere")


def _downloaded(ui: PageObject) -> dict[str, bytes]:
    ui.page.locator("#download-menu summary").click()
    with ui.page.expect_download() as downloading:
        ui.page.get_by_role("link", name="Markdown with images (ZIP)").click()
    with ZipFile(downloading.value.path()) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_an_image_dropped_on_a_prompt_is_kept_shown_animated_and_removed(
    ui: PageObject, server: Serving
) -> None:
    run = _write(ui, "a heron at dusk, rendered", "sora")
    card = ui.prompt_card("SORA_1_A")
    _drop(card, "note.txt", b"no image")
    expect(card.get_by_role("alert")).to_contain_text("note.txt is not a supported image")
    _drop(card, "heron.png", IMAGE)
    image = card.get_by_role("img", name="Image rendered from Sora 1 A")
    expect(image).to_be_visible()
    expect(card.locator(".field-error")).to_have_text("")
    assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 400
    rendered = server.get(f"/api/runs/{run}")["rendered"]
    assert [*rendered] == ["SORA_1_A"]
    assert _downloaded(ui)[rendered["SORA_1_A"]["file"]] == IMAGE

    card.get_by_role("button", name="Animate").click()
    expect(ui.page.locator("#groups-fold")).to_have_attribute("aria-expanded", "true")
    ui.select_groups("motion_2_0")
    expect(ui.page.get_by_label("Which image should be animated?")).to_have_value("SORA_1_A")
    with ui.page.expect_request(lambda request: request.url.endswith("/retry")) as sent:
        ui.primary_button.click()
    body = json.loads(sent.value.post_data or "")
    assert base64.b64decode(body["picture"]) == IMAGE
    ui.prompt_text("motion_2_0.simplified_cinematic")
    expect(
        ui.prompt_card("motion_2_0.negative").get_by_role("button", name="Add image")
    ).to_have_count(0)

    card.get_by_role("button", name="Remove").click()
    expect(image).to_have_count(0)
    expect(ui.page.locator("#download-images")).to_be_hidden()
    expect(card.get_by_role("button", name="Add the image")).to_be_visible()


def test_a_duplicate_has_everything_filled_in_and_nothing_is_written(
    ui: PageObject, server: Serving
) -> None:
    run = _write(ui, "a kettle to duplicate", "sora")
    before = len(server.get("/api/runs?search=kettle")["runs"])

    ui.page.get_by_role("button", name="Duplicate", exact=True).click()

    expect(ui.page.locator("#run-toolbar")).to_be_hidden()
    expect(ui.page.get_by_label("What should be shown?")).to_have_value("a kettle to duplicate")
    expect(ui.primary_button).to_have_text("Write 2 prompts")
    assert len(server.get("/api/runs?search=kettle")["runs"]) == before
    ui.page.go_back()
    ui.page.get_by_role("button", name="Duplicate", exact=True).click()
    expect(ui.page.locator("#run-toolbar")).to_contain_text("replaces what you entered")
    ui.page.get_by_role("button", name="Keep").click()
    ui.page.get_by_role("button", name="New run").click()
    ui.primary_button.click()
    expect(ui.page.locator("#receipt")).to_be_visible()
    assert ui.run_name != run
