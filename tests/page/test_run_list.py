"""Runs are found, opened, downloaded and deleted; and how texts are compared and highlighted."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from playwright.sync_api import expect

from tests.support.page_object import PageObject


def _write(ui: PageObject, idea: str, group: str = "leonardo") -> str:
    ui.page.goto(ui.url)
    ui.enter_idea(idea)
    ui.select_groups(group)
    ui.primary_button.click()
    expect(ui.page.locator("#receipt")).to_be_visible()
    return ui.run_name


def test_a_run_is_found_by_search_and_opened(ui: PageObject) -> None:
    heron = _write(ui, "a heron at dawn")
    _write(ui, "a tram in the snow")
    list_ = ui.page.locator("#run-list")
    ui.page.get_by_label("Search runs").fill("heron")
    expect(list_.locator("a", has_text="tram")).to_have_count(0)
    list_.locator("a", has_text="heron").first.click()
    assert ui.run_name == heron
    expect(ui.prompt_card("LEONARDO_ANIME_XL_A")).to_contain_text("heron")
    ui.page.go_back()
    expect(ui.prompt_card("LEONARDO_ANIME_XL_A")).to_contain_text("tram")


def test_a_run_is_downloaded_as_markdown_json_and_csv(ui: PageObject, tmp_path: Path) -> None:
    run = _write(ui, "a lighthouse")
    text = ui.prompt_text("LEONARDO_ANIME_XL_A")
    files = {}
    for name in ("Markdown", "JSON", "CSV"):
        ui.page.locator("#download-menu summary").click()
        with ui.page.expect_download() as download:
            ui.page.get_by_role("link", name=f"Download as {name}").click()
        ui.page.keyboard.press("Escape")
        files[name] = tmp_path / name
        download.value.save_as(files[name])
        assert run in download.value.suggested_filename
    assert text in files["Markdown"].read_text("utf-8")
    assert json.loads(files["JSON"].read_text("utf-8"))["run"] == run
    rows = csv.reader(io.StringIO(files["CSV"].read_bytes().decode("utf-8-sig"), newline=""))
    assert any(text in row for row in rows)


def test_a_run_is_deleted_only_after_confirmation(ui: PageObject) -> None:
    _write(ui, "a boat to forget")
    ui.page.get_by_role("button", name="Delete").click()
    ui.page.get_by_role("button", name="Keep").click()
    expect(ui.page.locator("#run-list a", has_text="to forget")).to_have_count(1)
    ui.page.get_by_role("button", name="Delete").click()
    expect(ui.page.get_by_text("Delete this run permanently?")).to_be_visible()
    ui.page.get_by_role("button", name="Delete").click()
    expect(ui.page.locator("#run-list a", has_text="to forget")).to_have_count(0)
    expect(ui.page.locator("#prompts")).to_be_hidden()


def test_a_text_diff_contains_both_texts(ui: PageObject) -> None:
    pairs = [
        ("a heron at dawn, mist", "a grey heron at dusk, soft mist"),
        ("", "all new"),
        ("all gone", ""),
        ("same", "same"),
        ("naïve café — 雨の窓", "naïve bar — 雨の夜"),
        ("a a a b", "a b a a"),
    ]
    for before, after in pairs:
        parts = ui.page.evaluate(
            "async ([a, b]) => (await import('/page/text_diff.js')).diffWords(a, b)",
            [before, after],
        )
        assert "".join(p["text"] for p in parts if p["kind"] != "added") == before
        assert "".join(p["text"] for p in parts if p["kind"] != "removed") == after


def test_what_a_finding_concerns_is_highlighted(ui: PageObject) -> None:
    def highlighted(text: str, *findings: dict[str, object], limit: int | None = None) -> list[str]:
        pieces = ui.page.evaluate(
            "async ([t, f, l]) => (await import('/page/findings.js')).splitByFindings(t, f, l)",
            [text, [*findings], limit],
        )
        assert "".join(piece["text"] for piece in pieces) == text
        return [piece["text"] for piece in pieces if piece["severity"]]

    named = {"rule": "not", "message": 'must not say "watermark" at all'}
    long = {"rule": "maxLength", "message": "has 9 characters; at most 4 are read"}
    exact = {"rule": "pattern", "message": "no", "start": 2, "end": 4}
    assert highlighted("no watermark here", named) == ["watermark"]
    assert highlighted("🌧🌧🌧🌧rest", long, limit=4) == ["rest"]
    assert highlighted("abcdef", exact) == ["cd"]
    assert highlighted("nothing", {"rule": "x", "message": "somewhere"}) == []
