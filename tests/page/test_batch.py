"""A batch on the page: its sheet typed or dropped and checked, its progress, stop, retry, download."""

from __future__ import annotations

import base64
import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from callsheet.batches.sheet_reader import SheetReader
from callsheet.batches.workbook import Workbook
from callsheet.web.http_io import WORKBOOK
from tests.page.conftest import OpenPage, serving
from tests.page.test_image import DATA_TRANSFER
from tests.support.loopback import Status
from tests.support.page_object import IDEA, PageObject
from tests.support.serving import Serving
from tests.support.slow_llm import SlowLLM


@pytest.fixture(scope="module")
def server(llm: SlowLLM, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    env = {"CALLSHEET_LLM": "openai:any", "CALLSHEET_BASE_URL": llm.server.url}
    with serving(tmp_path_factory.mktemp("home"), env=env) as server:
        yield server


def _open_batch(ui: PageObject) -> Locator:
    ui.page.get_by_role("button", name="Batch: many ideas at once").click()
    region = ui.page.get_by_role("region", name="Batch")
    expect(region).to_be_visible()
    return region


def _select_offline(ui: PageObject) -> None:
    ui.page.get_by_label("LLM", exact=True).select_option("offline")


def test_a_sheet_is_typed_written_and_downloaded(
    open_page: OpenPage, server: Serving, tmp_path: Path
) -> None:
    ui = open_page(server.url)
    _select_offline(ui)
    ui.enter_idea(f"{IDEA}, softly")
    batch = _open_batch(ui)
    field = batch.get_by_role("textbox")
    expect(field).to_have_value(f'idea\n"{IDEA}, softly"\n')
    field.press("Control+End")
    ui.page.keyboard.type("a heron at dawn\n")
    expect(batch).to_contain_text("Select a group below, or name some in a column groups.")
    ui.select_groups("leonardo")
    expect(batch).to_contain_text("2 ideas.")
    expect(ui.primary_button).to_have_text("Write 2 ideas")
    expect(ui.page.locator("#cost-panel")).to_contain_text("Free: offline drafts")
    ui.primary_button.click()
    expect(batch).to_contain_text("2 of 2 ideas written")
    with ui.page.expect_download() as taken:
        batch.get_by_role("link", name="CSV").click()
    taken.value.save_as(tmp_path / "prompts.csv")
    with (tmp_path / "prompts.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["idea"] for row in rows] == [f"{IDEA}, softly", "a heron at dawn"]
    assert all(row["LEONARDO_ANIME_XL_A"] for row in rows)


def test_a_dropped_file_in_a_spreadsheets_encoding_is_read_and_fixed(
    open_page: OpenPage, server: Serving
) -> None:
    ui = open_page(server.url)
    _select_offline(ui)
    batch = _open_batch(ui)
    content = "idea;groups\na heron über the river;soar\n".encode("utf-16")
    file = ["my sheet.csv", "text/csv", base64.b64encode(content).decode()]
    transfer = ui.page.evaluate_handle(DATA_TRANSFER, file)
    batch.get_by_role("textbox").dispatch_event("drop", {"dataTransfer": transfer})
    expect(batch).to_contain_text("Row 2")
    expect(batch).to_contain_text("sora")
    expect(ui.primary_button).to_have_text("Correct the rows")
    batch.get_by_role("textbox").fill("idea;groups\na heron über the river;sora\n")
    expect(ui.primary_button).to_have_text("Write 1 idea")
    ui.primary_button.click()
    expect(batch).to_contain_text("my sheet: done")


def test_a_dropped_workbook_is_written_and_downloaded_as_one(
    open_page: OpenPage, server: Serving, tmp_path: Path
) -> None:
    written = Workbook()
    written.add(["idea", "groups"])
    written.add(["a heron at dawn", "sora"])
    ui = open_page(server.url)
    _select_offline(ui)
    batch = _open_batch(ui)
    file = ["my sheet.xlsx", WORKBOOK, base64.b64encode(written.close()).decode()]
    transfer = ui.page.evaluate_handle(DATA_TRANSFER, file)
    batch.get_by_role("textbox").dispatch_event("drop", {"dataTransfer": transfer})
    expect(batch.get_by_role("textbox")).to_have_value("An Excel workbook")
    expect(ui.primary_button).to_have_text("Write 1 idea")
    ui.primary_button.click()
    expect(batch).to_contain_text("my sheet: done")
    with ui.page.expect_download() as taken:
        batch.get_by_role("link", name="Excel").click()
    taken.value.save_as(tmp_path / "prompts.xlsx")
    [line] = SheetReader(tmp_path / "prompts.xlsx").lines()
    assert (line.cells["idea"], line.cells["status"]) == ("a heron at dawn", "succeeded")


def test_a_batch_survives_a_reload_is_stopped_and_resumed(
    open_page: OpenPage, server: Serving, llm: SlowLLM
) -> None:
    ui = open_page(server.url)
    batch = _open_batch(ui)
    ui.select_groups("leonardo")
    batch.get_by_role("textbox").fill("idea\n" + "".join(f"a lamp number {n}\n" for n in range(30)))
    expect(ui.primary_button).to_have_text("Write 30 ideas")
    llm.pause(30)
    ui.primary_button.click()
    expect(batch.get_by_role("progressbar")).to_be_visible()
    assert llm.called.wait(60)
    ui.page.reload()
    expect(batch).to_contain_text(": running")
    expect(ui.page.locator("#batch-list a[aria-current]")).to_contain_text("30 ideas")
    batch.get_by_role("button", name="Stop").click()
    llm.release.set()
    expect(batch).to_contain_text(": interrupted")
    ui.primary_button.click()
    expect(batch).to_contain_text("30 of 30 ideas written")
    expect(batch).to_contain_text("tokens")


def test_a_failed_row_is_listed_opened_and_retried_alone(
    open_page: OpenPage, server: Serving, llm: SlowLLM
) -> None:
    ui = open_page(server.url)
    batch = _open_batch(ui)
    ui.select_groups("leonardo")
    llm.server.fail(Status(400))
    content = b"id,idea\nfox,a fox in snow\n"
    file = {"name": "fox.csv", "mimeType": "text/csv", "buffer": content}
    with ui.page.expect_file_chooser() as chooser:
        batch.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(file)  # type: ignore[arg-type]
    expect(ui.primary_button).to_have_text("Write 1 idea")
    ui.primary_button.click()
    row = batch.get_by_role("row").filter(has_text="a fox in snow")
    expect(row).to_contain_text(re.compile("failed.*refused the request"))
    row.get_by_role("link", name="fox a fox in snow").click()
    expect(ui.page.get_by_role("alert")).to_contain_text("Image prompts: ")
    ui.page.go_back()
    expect(ui.primary_button).to_have_text("Retry 1 row")
    ui.primary_button.click()
    expect(batch).to_contain_text("1 of 1 idea written")
    expect(row).to_contain_text("done")
    _copy_and_find(ui, batch, row)
    batch.get_by_role("button", name="Delete with its runs").click()
    expect(batch).to_contain_text("permanently?")
    batch.get_by_role("button", name="Delete", exact=True).click()
    expect(batch).to_be_hidden()
    expect(ui.page.locator("#batch-list a[href^='#batch=fox-']")).to_have_count(0)


def _copy_and_find(ui: PageObject, batch: Locator, row: Locator) -> None:
    row.get_by_role("button", name="Copy").click()
    expect(row.get_by_role("button", name="Copy")).to_have_text("copied")
    assert "a fox in snow" in ui.clipboard()
    batch.get_by_label("Show rows").select_option("Failed")
    expect(batch).to_contain_text("No such rows.")
    batch.get_by_label("Show rows").select_option("Done")
    batch.get_by_label("Search rows").fill("FOX")
    expect(row).to_be_visible()
    batch.get_by_label("Search rows").fill("heron")
    expect(batch).to_contain_text("No such rows.")
