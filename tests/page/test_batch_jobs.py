"""A batch in provider jobs on the page: the choices and their price, the list of the jobs, and its buttons."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from callsheet.runs.job_records import JobRecord, JobRecords
from callsheet.store.sql import SqlStore
from tests.page.conftest import OpenPage, serving

LLM = "openai:gpt-5.4-mini"
SHEET = {"sheet": "idea\na heron at dawn\n", "title": "herons", "groups": ["sora"]}


def _store_jobs(home: Path, batch: str) -> None:
    store, sent = SqlStore(home / "runs.sqlite"), time.time() - 60
    records = (
        JobRecord(
            batch, LLM, state="sent", rows=40, sent=sent, ends_by=sent + 86_400, provider_id="1"
        ),
        JobRecord(batch, LLM, id="5e9d1e55", state="sending", rows=7, sent=sent),
    )
    for record in records:
        asyncio.run(JobRecords(store).save(record))
    store.close()


def test_batch_jobs_are_offered_where_the_provider_has_them_with_a_choice_for_corrections(
    open_page: OpenPage, tmp_path: Path
) -> None:
    with serving(tmp_path, env={"CALLSHEET_LLM": LLM, "OPENAI_API_KEY": "k"}) as server:
        ui = open_page(server.url)
        ui.select_groups("sora")
        ui.page.get_by_role("button", name="Batch: many ideas at once").click()
        region = ui.page.get_by_role("region", name="Batch")
        region.get_by_role("textbox").fill("idea\na heron at dawn\n")
        box = region.get_by_label("Batch jobs: about half the price, within a day")
        expect(ui.primary_button).to_have_text("Write 1 idea")
        with ui.page.expect_response("**/api/sheets") as checked:
            box.check()
        assert checked.value.request.post_data_json["jobs"] is True
        expect(ui.primary_button).to_have_text("Write 1 idea")
        repairs = region.get_by_label("Corrections of prompts that break a rule")
        expect(repairs).to_have_value("live")
        with ui.page.expect_response("**/api/sheets") as checked:
            repairs.select_option("In a further job: about half the price, up to a day more")
        assert checked.value.request.post_data_json["repair"] == "job"
        ui.page.get_by_label("LLM", exact=True).select_option("offline")
        expect(box).to_be_hidden()
        expect(repairs).to_be_hidden()


def test_jobs_are_listed_with_their_times_and_cancelled_or_sent_again_once_that_is_confirmed(
    open_page: OpenPage, tmp_path: Path
) -> None:
    with serving(tmp_path) as server:
        batch = server.post("/api/batches", SHEET | {"llm": "offline"})["batch"]
        with ThreadPoolExecutor(1) as thread:  # the browser has an event loop in this one
            thread.submit(_store_jobs, tmp_path, batch).result()
        ui = open_page(server.url)
        region = ui.page.get_by_role("region", name="Batch")
        ui.page.goto(f"{server.url}#batch={batch}")
        expect(region).to_contain_text("40 rows · at the provider · since")
        expect(region).to_contain_text("ends by")
        expect(region).to_contain_text("7 rows · not confirmed by the provider")

        region.get_by_role("button", name="Send again").click()
        expect(region).to_contain_text("then its rows are paid for twice")
        expect(region.get_by_role("button", name="Send again")).to_be_focused()
        region.get_by_role("button", name="Leave it").click()
        expect(region).not_to_contain_text("paid for twice")
        region.get_by_role("button", name="Send again").click()
        with ui.page.expect_request(f"**/api/batches/{batch}/resend") as sent:
            region.get_by_role("button", name="Send again").click()
        assert sent.value.post_data_json == {"job": "5e9d1e55"}

        region.get_by_role("button", name="Cancel the jobs").click()
        expect(region).to_contain_text("is billed and kept")
        assert Axe().run(ui.page).response["violations"] == []
        with ui.page.expect_request(f"**/api/batches/{batch}/cancel"):
            region.get_by_role("button", name="Cancel the jobs").click()
