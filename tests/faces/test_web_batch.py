"""A sheet of ideas over HTTP: judged whole, priced, carried out, watched, stopped, downloaded."""

from __future__ import annotations

import base64
import csv
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callsheet.batches.sheet_reader import SheetReader
from callsheet.batches.workbook import Workbook
from callsheet.web.http_io import WORKBOOK
from callsheet.web.routes import OPERATIONS
from tests.conftest import GUARD
from tests.support.cli import Terminal
from tests.support.loopback import Status
from tests.support.serving import Serving
from tests.support.strict_openai import StrictOpenAI

SHEET = (
    "id,idea,mood,groups,shot\n"
    'heron,"a heron at dawn, by the river",hushed,,opening\n'
    'boat,a boat under the bridge,,"sora,leonardo",1\n'
)
WISH = {"sheet": SHEET, "title": "ideas", "groups": ["leonardo"]}


@pytest.fixture(scope="module")
def llm() -> Iterator[StrictOpenAI]:
    with StrictOpenAI() as server:
        yield server


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def server(home: Path, llm: StrictOpenAI) -> Iterator[Serving]:
    with Serving(_terminal(home, llm)) as serving:
        yield serving


def _terminal(home: Path, llm: StrictOpenAI) -> Terminal:
    return Terminal.with_own_runs(home, GUARD, CALLSHEET_BASE_URL=llm.url)


def _ended(server: Serving, batch: str) -> dict[str, Any]:
    """The batch, once no row of it is being carried on."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        report: dict[str, Any] = server.get(f"/api/batches/{batch}")
        if report["status"] not in ("running", "stopping"):
            return report
        time.sleep(0.05)
    raise AssertionError(report)


def test_a_sheet_is_judged_and_priced_then_carried_out_and_downloaded(server: Serving) -> None:
    priced = server.post("/api/sheets", WISH | {"title": "priced", "llm": "openai:gpt-5.2"})
    assert (priced["rows"], priced["calls"], priced["carried"]) == (2, 2, ["shot"])
    assert priced["batch"] not in [each["batch"] for each in server.get("/api/batches")]

    started = server.client.post("/api/batches", json=WISH)
    assert started.status_code == 201, started.text
    batch = started.json()["batch"]
    assert started.headers["location"] == f"/api/batches/{batch}"
    done = _ended(server, batch)
    assert (done["status"], done["rows"]["done"], done["error"]) == ("succeeded", 2, None)
    assert batch in [each["batch"] for each in server.get("/api/batches")]

    got = server.client.get(f"/api/batches/{batch}/download?format=csv")
    assert got.headers["content-disposition"] == f'attachment; filename="{batch}.csv"'
    rows = list(csv.DictReader(io.StringIO(got.text)))
    assert [row["id"] for row in rows] == ["heron", "boat"]
    assert all(row["LEONARDO_ANIME_XL_A"] and row["status"] == "succeeded" for row in rows)
    assert (rows[0]["SORA_2_A"], bool(rows[1]["SORA_2_A"])) == ("", True)
    lines = server.client.get(f"/api/batches/{batch}/download?format=jsonl").text.splitlines()
    assert [json.loads(line)["shot"] for line in lines] == ["opening", "1"]
    assert "# row 2" in server.client.get(f"/api/batches/{batch}/download?format=md").text


def test_a_workbook_is_uploaded_as_a_data_url_and_downloaded_as_a_file(
    server: Serving, tmp_path: Path
) -> None:
    written = Workbook()
    written.add(["idea", "shot"])
    written.add(["a heron at dawn", 7])
    url = f"data:;base64,{base64.b64encode(written.close()).decode()}"
    wish = WISH | {"sheet": url, "title": "workbook"}
    assert server.post("/api/sheets", wish)["rows"] == 1
    batch = server.post("/api/batches", wish)["batch"]
    assert _ended(server, batch)["status"] == "succeeded"
    got = server.client.get(f"/api/batches/{batch}/download?format=xlsx")
    assert got.headers["content-type"] == WORKBOOK
    path = tmp_path / "prompts.xlsx"
    path.write_bytes(got.content)
    [line] = SheetReader(path).lines()
    assert (line.cells["shot"], line.cells["status"]) == ("7", "succeeded")
    refused = server.client.post("/api/sheets", json=wish | {"sheet": "data:;base64,UEsDBAxx"})
    assert (refused.status_code, "the sheet cannot be read as a workbook" in refused.text) == (
        422, True
    )  # fmt: skip


def test_the_rows_of_a_batch_do_not_crowd_the_list_and_are_found_by_a_search(
    server: Serving,
) -> None:
    batch = server.post("/api/batches", WISH | {"title": "crowd"})["batch"]
    _ended(server, batch)
    assert not [each for each in server.get("/api/runs")["runs"] if "." in each["run"]]
    found = [each["run"] for each in server.get("/api/runs?search=bridge")["runs"]]
    row = next(run for run in found if run.startswith(f"{batch}."))
    assert server.get(f"/api/runs/{row}")["status"] == "succeeded"
    assert next(iter(server.events(f"{row}:0")))[0] == "ready"


def test_every_problem_is_told_with_its_row_and_no_path_of_this_machine(
    server: Serving, home: Path
) -> None:
    sheet = "idea,groups\na heron,soar\n,sora\n"
    for path in ("/api/sheets", "/api/batches"):
        refused = server.client.post(path, json={"sheet": sheet, "title": "bad"})
        report = refused.json()
        assert (refused.status_code, report["code"]) == (422, "bad_rows")
        assert [each["row"] for each in report["problems"]] == [2, 3]
        assert "soar" in report["problems"][0]["message"]
    empty = server.client.post("/api/sheets", json={"sheet": "idea\n", "groups": ["sora"]})
    assert empty.json()["detail"] == "the sheet has no rows"
    assert not list((home / "kept" / "batches").glob(".new-*"))


@pytest.mark.parametrize("name", ["..", "%2e%2e", "..%2f..", "a%00b", "UPPER", ".new-x", "a" * 99])
def test_a_name_that_no_batch_has_is_no_path(server: Serving, name: str) -> None:
    for each in OPERATIONS:
        if "{batch}" in each.path:
            path = each.path.replace("{batch}", name)
            body = {"job": "any"} if path.endswith("/resend") else {}
            got = server.client.request(each.method, path, json=body if each.body else None)
            assert got.status_code in (404, 405), (path, got.text)


def test_a_failed_row_stops_no_other_and_is_retried_alone(
    server: Serving, llm: StrictOpenAI
) -> None:
    options = {"title": "retried", "llm": "openai:any", "groups": ["leonardo"], "concurrency": 1}
    before = len(llm.requests)
    llm.fail(*[Status(400)] * 1)
    batch = server.post("/api/batches", options | {"sheet": "idea\na heron\na boat\n"})["batch"]
    failed = _ended(server, batch)
    assert (failed["status"], failed["rows"]["done"], failed["rows"]["failed"]) == ("failed", 1, 1)
    assert failed["failures"][0]["row"] == 2
    page = server.get(f"/api/batches/{batch}/rows?limit=1")
    assert [page["rows"][0][name] for name in ("row", "title", "status", "code")] == [
        2, "a heron", "failed", "provider_rejected_request"
    ]  # fmt: skip
    [boat] = server.get(f"/api/batches/{batch}/rows?after={page['next']}&search=BOAT")["rows"]
    assert (boat["status"], "a boat" in boat["prompts"]["LEONARDO_ANIME_XL_A"]) == (
        "succeeded",
        True,
    )
    word = max(boat["prompts"]["LEONARDO_ANIME_XL_A"].split(), key=len)
    assert word not in "a boat"
    found = server.get(f"/api/batches/{batch}/rows?search={word}")["rows"]
    assert [row["title"] for row in found] == ["a boat"], "found by its prompt"
    assert not server.get(f"/api/batches/{batch}/rows?status=left")["rows"]
    assert "api.openai" not in failed["failures"][0]["message"]

    server.post(f"/api/batches/{batch}/resume", {"retry_failed": True})
    again = _ended(server, batch)
    assert (again["status"], again["rows"]["done"]) == ("succeeded", 2)
    assert len(llm.requests) - before == 3


def test_a_batch_outlives_the_server_and_goes_on_where_it_stopped(
    home: Path, llm: StrictOpenAI, tmp_path: Path
) -> None:
    sheet = "idea\n" + "".join(f"a heron number {n}\n" for n in range(40))
    options = {"sheet": sheet, "title": "long", "groups": ["leonardo"], "concurrency": 2}
    with Serving(_terminal(tmp_path, llm)) as server:
        batch = server.post("/api/batches", options)["batch"]
        server.post(f"/api/batches/{batch}/stop", {})
        stopped = _ended(server, batch)
        assert stopped["status"] == "interrupted"
        assert stopped["rows"]["left"] > 0
    with Serving(_terminal(tmp_path, llm)) as server:
        kept = server.get(f"/api/batches/{batch}")
        assert (kept["status"], kept["rows"]["total"]) == ("interrupted", 40)
        server.post(f"/api/batches/{batch}/resume", {})
        assert _ended(server, batch)["rows"]["done"] == 40
        assert server.client.post(f"/api/batches/{batch}/stop", json={}).status_code == 409
        assert server.client.delete(f"/api/batches/{batch}").json() == {"deleted": batch}
        assert server.client.get(f"/api/batches/{batch}").status_code == 404
        assert server.get("/api/runs?search=heron")["runs"] == []
