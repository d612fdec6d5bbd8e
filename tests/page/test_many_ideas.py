"""A sheet of ideas on the page: written or dropped, judged as it stands, watched, stopped, taken away."""

from __future__ import annotations

import base64
import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.page.conftest import Come, serving
from tests.page.test_a_picture import CARRIED
from tests.page.test_in_the_middle import SlowLLM
from tests.support.loopback import Status
from tests.support.person import IDEA, Person
from tests.support.serving import Serving


@pytest.fixture(scope="module")
def llm() -> Iterator[SlowLLM]:
    with SlowLLM.running() as slow:
        yield slow


@pytest.fixture(scope="module")
def server(llm: SlowLLM, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    env = {"CALLSHEET_LLM": "openai:any", "CALLSHEET_BASE_URL": llm.server.url}
    with serving(tmp_path_factory.mktemp("home"), env=env) as server:
        yield server


def _many(person: Person) -> Locator:
    person.page.get_by_role("button", name="Many ideas at once").click()
    region = person.page.get_by_role("region", name="Many ideas")
    expect(region).to_be_visible()
    return region


def _offline(person: Person) -> None:
    person.page.get_by_label("LLM", exact=True).select_option("offline")


def test_from_one_idea_to_a_sheet_and_its_prompts_in_a_file(
    come: Come, server: Serving, tmp_path: Path
) -> None:
    person = come(server.url)
    _offline(person)
    person.says(f"{IDEA}, softly")
    many = _many(person)
    field = many.get_by_role("textbox")
    expect(field).to_have_value(f'idea\n"{IDEA}, softly"\n')
    field.press("Control+End")
    person.page.keyboard.type("a heron at dawn\n")
    expect(many).to_contain_text("Call a group below, or name some in a column groups.")
    person.calls("leonardo")
    expect(many).to_contain_text("2 ideas.")
    expect(person.button).to_have_text("Write 2 ideas")
    expect(person.page.locator("#meter")).to_contain_text("Free: offline drafts")
    person.button.click()
    expect(many).to_contain_text("2 of 2 ideas written")
    with person.page.expect_download() as taken:
        many.get_by_role("link", name="CSV").click()
    taken.value.save_as(tmp_path / "prompts.csv")
    with (tmp_path / "prompts.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["idea"] for row in rows] == [f"{IDEA}, softly", "a heron at dawn"]
    assert all(row["LEONARDO_ANIME_XL_A"] for row in rows)


def test_a_dropped_file_is_read_in_a_spreadsheets_encoding_and_mended_in_place(
    come: Come, server: Serving
) -> None:
    person = come(server.url)
    _offline(person)
    many = _many(person)
    content = "idea;groups\na heron über the river;soar\n".encode("utf-16")
    told = ["my sheet.csv", "text/csv", base64.b64encode(content).decode()]
    carried = person.page.evaluate_handle(CARRIED, told)
    many.get_by_role("textbox").dispatch_event("drop", {"dataTransfer": carried})
    expect(many).to_contain_text("Row 2")
    expect(many).to_contain_text("sora")
    expect(person.button).to_have_text("Mend the sheet")
    many.get_by_role("textbox").fill("idea;groups\na heron über the river;sora\n")
    expect(person.button).to_have_text("Write 1 idea")
    person.button.click()
    expect(many).to_contain_text("my sheet is done")


def test_a_batch_is_watched_through_a_reload_stopped_and_gone_on_with(
    come: Come, server: Serving, llm: SlowLLM
) -> None:
    person = come(server.url)
    many = _many(person)
    person.calls("leonardo")
    many.get_by_role("textbox").fill("idea\n" + "".join(f"a lamp number {n}\n" for n in range(30)))
    expect(person.button).to_have_text("Write 30 ideas")
    llm.holds_back(30)
    person.button.click()
    expect(many.get_by_role("progressbar")).to_be_visible()
    assert llm.asked.wait(60)
    person.page.reload()
    expect(many).to_contain_text("is being written")
    expect(person.page.locator("#batch-list a[aria-current]")).to_contain_text("30 ideas")
    many.get_by_role("button", name="Stop").click()
    llm.let.set()
    expect(many).to_contain_text("was stopped")
    person.button.click()
    expect(many).to_contain_text("30 of 30 ideas written")
    expect(many).to_contain_text("tokens")


def test_a_row_that_failed_is_named_opened_and_retried_alone(
    come: Come, server: Serving, llm: SlowLLM
) -> None:
    person = come(server.url)
    many = _many(person)
    person.calls("leonardo")
    llm.server.fail(Status(400))
    content = b"id,idea\nfox,a fox in snow\n"
    file = {"name": "fox.csv", "mimeType": "text/csv", "buffer": content}
    with person.page.expect_file_chooser() as chooser:
        many.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(file)  # type: ignore[arg-type]
    expect(person.button).to_have_text("Write 1 idea")
    person.button.click()
    expect(many).to_contain_text("Rows that failed")
    expect(many).to_contain_text(re.compile(r"Row 2 \(fox\): .*refused"))
    many.get_by_role("link", name="Row 2 (fox)").click()
    expect(person.page.get_by_role("alert")).to_contain_text("Image prompts: ")
    person.page.go_back()
    expect(person.button).to_have_text("Retry 1 row")
    person.button.click()
    expect(many).to_contain_text("1 of 1 idea written")
    many.get_by_role("button", name="Delete with its runs").click()
    expect(many).to_be_hidden()
    expect(person.page.locator("#batch-list a[href^='#batch=fox-']")).to_have_count(0)
