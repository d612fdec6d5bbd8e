"""A batch in provider jobs on the page: the checkbox and its price, and the list of the jobs."""

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


def _store_job(home: Path, batch: str) -> None:
    store = SqlStore(home / "runs.sqlite")
    sent = time.time() - 60
    record = JobRecord(
        batch, LLM, state="sent", rows=40, sent=sent, ends_by=sent + 86_400, provider_id="batch_1"
    )
    asyncio.run(JobRecords(store).save(record))
    store.close()


def test_batch_jobs_are_offered_where_the_provider_has_them_and_listed_with_their_times(
    open_page: OpenPage, tmp_path: Path
) -> None:
    with serving(tmp_path, env={"CALLSHEET_LLM": LLM, "OPENAI_API_KEY": "k"}) as server:
        batch = server.post("/api/batches", SHEET | {"llm": "offline"})["batch"]
        with ThreadPoolExecutor(1) as thread:  # the browser has an event loop in this one
            thread.submit(_store_job, tmp_path, batch).result()
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
        ui.page.get_by_label("LLM", exact=True).select_option("offline")
        expect(box).to_be_hidden()

        ui.page.goto(f"{server.url}#batch={batch}")
        expect(region).to_contain_text("40 rows · at the provider · since")
        expect(region).to_contain_text("ends by")
        assert Axe().run(ui.page).response["violations"] == []
