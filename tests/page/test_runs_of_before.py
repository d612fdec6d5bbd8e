"""The runs at the side: found, opened, taken away as files, deleted; and how small parts behave."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from playwright.sync_api import expect

from tests.support.person import Person


def _written(person: Person, idea: str, group: str = "leonardo") -> str:
    person.page.goto(person.url)
    person.says(idea)
    person.calls(group)
    person.button.click()
    expect(person.page.locator("#receipt")).to_be_visible()
    return person.run


def test_a_run_is_found_by_its_words_and_opened_again(person: Person) -> None:
    heron = _written(person, "a heron at dawn")
    _written(person, "a tram in the snow")
    list_ = person.page.locator("#run-list")
    person.page.get_by_label("Search the runs").fill("heron")
    expect(list_.locator("a", has_text="tram")).to_have_count(0)
    list_.locator("a", has_text="heron").first.click()
    assert person.run == heron
    expect(person.prompt("LEONARDO_ANIME_XL_A")).to_contain_text("heron")
    person.page.go_back()
    expect(person.prompt("LEONARDO_ANIME_XL_A")).to_contain_text("tram")


def test_a_run_is_taken_away_as_markdown_json_and_csv(person: Person, tmp_path: Path) -> None:
    run = _written(person, "a lighthouse")
    text = person.reads("LEONARDO_ANIME_XL_A")
    files = {}
    for name in ("Markdown", "JSON", "CSV"):
        with person.page.expect_download() as download:
            person.page.get_by_role("link", name=f"Download as {name}").click()
        files[name] = tmp_path / name
        download.value.save_as(files[name])
        assert run in download.value.suggested_filename
    assert text in files["Markdown"].read_text("utf-8")
    assert json.loads(files["JSON"].read_text("utf-8"))["run"] == run
    rows = csv.reader(io.StringIO(files["CSV"].read_bytes().decode("utf-8-sig"), newline=""))
    assert any(text in row for row in rows)


def test_a_run_is_deleted_only_when_asked_twice(person: Person) -> None:
    _written(person, "a boat to forget")
    person.page.get_by_role("button", name="Delete").click()
    person.page.get_by_role("button", name="Keep").click()
    expect(person.page.locator("#run-list a", has_text="to forget")).to_have_count(1)
    person.page.get_by_role("button", name="Delete").click()
    expect(person.page.get_by_text("Delete it for good?")).to_be_visible()
    person.page.get_by_role("button", name="Delete").click()
    expect(person.page.locator("#run-list a", has_text="to forget")).to_have_count(0)
    expect(person.page.locator("#prompts")).to_be_hidden()


def test_the_difference_of_two_texts_gives_back_both(person: Person) -> None:
    pairs = [
        ("a heron at dawn, mist", "a grey heron at dusk, soft mist"),
        ("", "all new"),
        ("all gone", ""),
        ("same", "same"),
        ("naïve café — 雨の窓", "naïve bar — 雨の夜"),
        ("a a a b", "a b a a"),
    ]
    for before, after in pairs:
        told = person.page.evaluate(
            "async ([a, b]) => (await import('/page/difference.js')).difference(a, b)",
            [before, after],
        )
        assert "".join(p["text"] for p in told if p["kind"] != "new") == before
        assert "".join(p["text"] for p in told if p["kind"] != "gone") == after


def test_a_mark_stands_below_what_a_finding_speaks_of(person: Person) -> None:
    def marked(text: str, *findings: dict[str, object], limit: int | None = None) -> list[str]:
        pieces = person.page.evaluate(
            "async ([t, f, l]) => (await import('/page/marks.js')).marked(t, f, l)",
            [text, [*findings], limit],
        )
        assert "".join(piece["text"] for piece in pieces) == text
        return [piece["text"] for piece in pieces if piece["severity"]]

    named = {"rule": "not", "message": 'must not say "watermark" at all'}
    long = {"rule": "maxLength", "message": "has 9 characters; at most 4 are read"}
    exact = {"rule": "pattern", "message": "no", "start": 2, "end": 4}
    assert marked("no watermark here", named) == ["watermark"]
    assert marked("🌧🌧🌧🌧rest", long, limit=4) == ["rest"]
    assert marked("abcdef", exact) == ["cd"]
    assert marked("nothing", {"rule": "x", "message": "somewhere"}) == []
