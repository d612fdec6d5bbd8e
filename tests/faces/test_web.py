"""The API does all that the command line does: start, watch, answer, edit, retry, download, delete."""

from __future__ import annotations

import base64
import csv
import io
import signal
import time
from contextlib import closing
from http.client import HTTPConnection
from statistics import median
from typing import Any

import pytest

from tests.support.cli import Terminal
from tests.support.images import png
from tests.support.runs import prompts_of
from tests.support.serving import IDEA, Serving

PNG = png(8, 8)


def test_a_stranger_gets_from_an_idea_to_prompts_with_nothing_configured(server: Serving) -> None:
    started = server.client.post(
        "/api/runs", json={"brief": {"idea": IDEA}, "groups": ["sora", "leonardo"]}
    )
    document = server.until(started.json()["run"])

    assert started.status_code == 201
    assert started.headers["location"] == f"/api/runs/{document['run']}"
    assert document["status"] == "succeeded"
    assert [*document["prompts"]["image_generation"]] == [
        "SORA_2_A",
        "SORA_1_A",
        "LEONARDO_ANIME_XL_A",
    ]
    assert document["brief"]["idea"] == IDEA
    assert document["attempts"][-1]["result"] in ("done", "skipped")


def test_an_empty_text_leaves_a_field_open_over_http(server: Serving) -> None:
    brief = {"idea": IDEA, "mood": ""}
    begun = server.client.post("/api/runs", json={"brief": brief, "groups": ["leonardo"]})
    document = server.until(begun.json()["run"])
    assert document["status"] == "succeeded"
    assert document["brief"]["mood"] == ""
    assert document["brief"]["aesthetic"].startswith("lofi anime")


def test_the_form_of_a_workflow_says_all_that_a_page_needs(server: Serving) -> None:
    first = server.get("/api/workflows")[0]
    form = server.get(f"/api/workflows/{first['name']}")

    fields = {each["key"]: each for each in form["fields"]}
    assert fields["idea"]["default"] is None
    assert fields["mood"]["default"]
    assert [key for key in fields if fields[key]["may_be_open"]] == ["aesthetic", "mood"]
    groups = {g["name"]: g for each in form["categories"] for g in each["groups"]}
    assert groups["sora"]["models"] == ["SORA_2_A", "SORA_1_A"]
    assert groups["sora"]["tokens"] > 0
    assert groups["sora"]["closed"]
    assert set(form["limits"]) >= set(groups["sora"]["models"])
    assert server.get("/api/llms")["chosen"] == "offline"


def test_the_meter_weighs_a_choice_against_all_groups(server: Serving) -> None:
    asked = {"groups": ["sora", "leonardo"], "llm": "openai:gpt-5.2"}
    report = server.post("/api/estimate", asked)

    assert report == server.post("/api/estimate", asked)
    assert 0 < report["selection"]["input_tokens"] < report["all"]["input_tokens"]
    assert 0 < report["selection"]["cost_usd"] < report["all"]["cost_usd"]


def test_a_prompt_is_proofread_and_mended(server: Serving) -> None:
    report = server.post("/api/lint", {"model": "SORA_2_A", "text": "x" * 5_000})
    assert report["findings"][0]["severity"] == "error"
    fenced = server.post(
        "/api/lint", {"model": "MIDJOURNEY_A", "text": "```\na heron --ar 2:3\n```"}
    )
    assert fenced["mended"] == "a heron --ar 2:3"
    hidden = {"model": "SD_A", "text": "a heron, #1 of two, at dawn", "tools": ["a1111"]}
    rules = [each["rule"] for each in server.post("/api/lint", hidden)["findings"]]
    assert "a1111: comment" in rules


def test_a_review_is_answered_and_a_prompt_edited_in_place(server: Serving) -> None:
    run = server.start("sora", review=True)
    waiting = server.until(run)
    assert waiting["question"]["key"] == "review.prompt_generation"

    edited = server.post(f"/api/runs/{run}/edits", {"prompt": "SORA_1_A", "text": "My own words."})
    number = edited["question"]["number"]
    report = server.post(f"/api/runs/{run}/answers", {"question": number, "value": "accept"})

    assert edited["question"]["show"]["SORA_1_A"] == "My own words."
    assert (report["question"], report["value"]) == (number, "accept")
    assert prompts_of(server.until(run))["SORA_1_A"] == "My own words."


def test_an_edit_of_an_ended_run_stands_at_once_and_an_older_one_gets_the_newer_text(
    server: Serving,
) -> None:
    run = server.start("sora", "motion_2_0")
    before = server.until(run)
    edit = {"prompt": "SORA_2_A", "text": "Mine.", "seq": before["seq"]}

    after = server.post(f"/api/runs/{run}/edits", edit)

    assert (after["status"], after["usage"]) == ("succeeded", before["usage"])
    assert prompts_of(after) == {**prompts_of(before), "SORA_2_A": "Mine."}
    assert after["from_earlier_still"] == ["motion_2_0"]
    refused = server.client.post(f"/api/runs/{run}/edits", json=edit | {"text": "Also mine."})
    assert (refused.status_code, refused.json()["code"]) == (409, "edited_elsewhere")
    newer = refused.json()["newer"]
    assert newer == {"prompt": "SORA_2_A", "text": "Mine.", "seq": after["seq"]}
    again = server.post(
        f"/api/runs/{run}/edits", edit | {"text": "Also mine.", "seq": newer["seq"]}
    )
    assert prompts_of(again)["SORA_2_A"] == "Also mine."
    assert server.get(f"/api/runs?search={run}")["runs"][0]["status"] == "succeeded"


def test_more_groups_are_previewed_and_then_written_without_the_others(server: Serving) -> None:
    run = server.start("sora")
    before = server.until(run)
    wanted = {"groups": ["sora", "leonardo"]}

    report = server.post(f"/api/runs/{run}/preview", wanted)
    assert (report["write"], report["keep"]) == (["LEONARDO_ANIME_XL_A"], ["SORA_2_A", "SORA_1_A"])
    assert report["cost"]["input_tokens"] > 0
    assert server.get(f"/api/runs/{run}")["seq"] == before["seq"]

    server.post(f"/api/runs/{run}/retry", wanted)
    after = server.until(run)
    assert prompts_of(after) | prompts_of(before) == prompts_of(after)
    assert "LEONARDO_ANIME_XL_A" in prompts_of(after)


def test_the_motion_comes_with_video_groups_for_the_chosen_picture(server: Serving) -> None:
    run = server.start("sora")
    server.until(run)
    options = {"groups": ["motion_2_0"], "brief": {"picture": "SORA_1_A"}}
    server.post(f"/api/runs/{run}/retry", options)
    after = server.until(run)

    assert after["status"] == "succeeded", after
    assert [*after["prompts"]["video_generation"]] == ["motion_2_0"]
    assert [*after["prompts"]["image_generation"]] == ["SORA_2_A", "SORA_1_A"]


def test_the_still_is_a_field_of_new_runs_and_of_retries(server: Serving) -> None:
    run = server.start("sora", "motion_2_0", still="SORA_1_A")
    assert server.until(run)["still"] == "SORA_1_A"
    preview = server.post(f"/api/runs/{run}/preview", {"still": "SORA_2_A"})
    assert preview["write"] == ["motion_2_0"]
    server.post(f"/api/runs/{run}/retry", {"still": "SORA_2_A"})
    assert server.until(run)["still"] == "SORA_2_A"
    refused = server.client.post(f"/api/runs/{run}/retry", json={"still": "SD_A"})
    assert (refused.status_code, refused.json()["code"]) == (422, "unknown_name")


def test_one_model_of_a_group_is_estimated_written_and_replaced(server: Serving) -> None:
    one, whole = "stable_diffusion/SD_B", "stable_diffusion"
    estimates = [server.post("/api/estimate", {"groups": [name]}) for name in (one, whole)]
    sent = [each["selection"]["input_tokens"] for each in estimates]
    assert sent[0] < sent[1]
    assert estimates[0]["all"] == estimates[1]["all"]

    run = server.start(one)
    assert server.until(run)["models"]["image_generation"] == ["SD_B"]
    server.post(f"/api/runs/{run}/retry", {"groups": ["stable_diffusion/SD_C"]})
    after = server.until(run)
    assert after["selection"]["image_generation"] == ["stable_diffusion"]
    assert list(prompts_of(after)) == ["SD_C"]

    refused = server.client.post(f"/api/runs/{run}/retry", json={"groups": ["sora/SD_B"]})
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_answer")
    assert refused.json()["hint"].startswith("known: SORA_")


def test_a_category_that_is_let_go_is_skipped_and_nobody_is_called(server: Serving) -> None:
    run = server.start("sora", "motion_2_0")
    before = server.until(run)
    unknown = server.client.post(f"/api/runs/{run}/retry", json={"without": ["sound"]})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_name")

    options = {"without": ["video_generation"]}
    preview = server.post(f"/api/runs/{run}/preview", options)
    assert (preview["write"], preview["cost"]["calls"]) == ([], 0)
    server.post(f"/api/runs/{run}/retry", options)
    after = server.until(run)
    assert after["status"] == "succeeded", after
    assert after["selection"]["video_generation"] == []
    assert after["prompts"] == before["prompts"] | {"video_generation": {}}
    assert after["usage"]["calls"] == before["usage"]["calls"]


def test_a_rendered_still_comes_as_base64_and_no_text_passes_for_one(server: Serving) -> None:
    run = server.start("sora")
    server.until(run)
    options: dict[str, Any] = {"groups": ["motion_2_0"], "brief": {"picture": "SORA_1_A"}}
    refused = server.client.post(f"/api/runs/{run}/retry", json=options | {"picture": "aGVsbG8="})
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_answer")

    still = base64.b64encode(PNG).decode()
    server.post(f"/api/runs/{run}/retry", options | {"picture": f"data:image/png;base64,{still}"})
    after = server.until(run)
    assert after["status"] == "succeeded", after
    assert [*after["prompts"]["video_generation"]] == ["motion_2_0"]


def test_the_list_is_searched_and_turned_page_by_page(server: Serving) -> None:
    made = [
        server.post("/api/runs", {"brief": {"idea": f"a fox, number {n}"}, "groups": ["sora"]})
        for n in range(3)
    ]
    first = server.get("/api/runs?search=FOX&limit=2")
    rest = server.get(f"/api/runs?search=fox&limit=2&after={first['next']}")

    names = [each["run"] for each in first["runs"] + rest["runs"]]
    assert names == [each["run"] for each in reversed(made)]
    assert rest["next"] is None
    assert first["runs"][0]["title"] == "a fox, number 2"


def test_downloads_are_files_and_no_cell_is_a_formula(server: Serving) -> None:
    run = server.start("sora", review=True)
    server.until(run)
    server.post(f"/api/runs/{run}/edits", {"prompt": "SORA_1_A", "text": "=HYPERLINK(1)"})
    fit = server.get(f"/api/runs/{run}")["exports"]
    assert fit == ["csv", "md", "json"]
    for form in server.get("/api/exports"):
        got = server.client.get(f"/api/runs/{run}/download?format={form['name']}")
        if form["name"] not in fit:
            assert got.status_code == 422
            assert got.json()["hint"] == "formats that take them: csv, md, json"
            continue
        assert got.headers["content-disposition"] == f'attachment; filename="{run}.{form["file"]}"'
        assert got.headers["x-content-type-options"] == "nosniff"
        if form["name"] == "csv":
            rows = list(csv.DictReader(io.StringIO(got.text)))
            assert {row["model"] for row in rows} == {"SORA_2_A", "SORA_1_A"}
            assert not any(row["prompt"].startswith("=") for row in rows)


def test_a_run_has_its_receipt_and_the_project_its_savings(server: Serving) -> None:
    run = server.start("sora")
    assert "receipt" in server.until(run)
    report = server.get("/api/savings?newest=1")
    assert report["runs"] >= 1
    assert [row["run"] for row in report["rows"]] == [run]


def test_a_deleted_run_is_gone(server: Serving) -> None:
    run = server.start("sora")
    server.until(run)
    assert server.client.delete(f"/api/runs/{run}").json() == {"deleted": run}
    assert server.client.get(f"/api/runs/{run}").json()["code"] == "no_such_run"


def test_the_terminal_sees_what_the_page_did(server: Serving, home: Terminal) -> None:
    run = server.start("sora", review=True)
    server.until(run)

    assert home("resume", run, stdin="accept\n").status == 0
    assert server.get(f"/api/runs/{run}")["status"] == "succeeded"


def test_a_page_is_served_at_the_root_and_its_files_by_name_alone(server: Serving) -> None:
    assert server.client.get("/").headers["content-type"].startswith("text/html")
    for name in ("../app.py", "%2e%2e/app.py", "..%2fapp.py", "/etc/passwd", "index.html%00"):
        assert server.client.get(f"/page/{name}").status_code == 404


def test_a_port_that_is_taken_is_said_so(server: Serving, home: Terminal) -> None:
    result = home("serve", "--port", server.port)
    assert result.status == 2
    assert result.err.count("error: ") == 1
    assert "--port 0" in result.err


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_server_in_order(terminal: Terminal, number: int, status: int) -> None:
    with Serving(terminal) as serving:
        serving.start("sora")
        ended, _, err = serving.end(number)
        assert (ended, "Traceback" in err) == (status, False), err


def test_the_next_answer_on_a_connection_comes_as_fast_as_the_first(server: Serving) -> None:
    def seconds(number: int) -> list[float]:
        found = []
        with closing(HTTPConnection("127.0.0.1", int(server.port))) as line:
            for _ in range(number):
                began = time.perf_counter()
                line.request("GET", "/api/health")
                line.getresponse().read()
                found.append(time.perf_counter() - began)
        return found

    first = [seconds(1)[0] for _ in range(20)]
    # One that waits until the answer before was heard of takes forty milliseconds.
    assert median(seconds(20)) < 5 * median(first)
