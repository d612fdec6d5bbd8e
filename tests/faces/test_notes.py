"""Notes, images and the search say the same on the command line, over HTTP and in Python."""

from __future__ import annotations

import base64
import csv
import io
from pathlib import Path
from zipfile import ZipFile

import pytest

import callsheet
from tests.support.cli import Terminal
from tests.support.images import png
from tests.support.serving import Serving

IMAGE = png(8, 12)
IN_BASE64 = base64.b64encode(IMAGE).decode()


def test_a_note_of_the_command_line_reaches_the_server_its_stream_and_python(
    server: Serving, home: Terminal
) -> None:
    run = server.start("sora")
    server.until(run)
    (home.folder / "heron.png").write_bytes(IMAGE)

    stream = server.events()
    assert next(stream)[0] == "ready"

    words = ("--title", "Reiher [bold]", "--text", "für Ana", "--favourite")
    told = home("note", run, *words, "--image", "SORA_2_A=heron.png", "--json")

    assert told.status == 0, told.err
    document = server.get(f"/api/runs/{run}")
    assert told.json == {name: document[name] for name in ("run", "noted", "rendered")}
    entry = next(data for name, data, _ in stream if name == "run" and data["note_seq"])
    assert (entry["run"], entry["title"], entry["favourite"]) == (run, "Reiher [bold]", True)
    assert home("note", run).out.splitlines()[:2] == ["title: Reiher [bold]", "favourite"]
    listed = home("runs", "--search", "reiher SORA", "--favourite")
    assert run in listed.out
    assert "★ Reiher [bold]" in listed.out
    kept = Path(home.env["CALLSHEET_HOME"])
    assert callsheet.find_runs("reiher", home=kept)[0]["run"] == run
    again = callsheet.note(run, text="for Eva", images={"SORA_2_A": None}, home=kept)
    assert again.document["noted"]["text"] == "for Eva"
    assert again.document["rendered"] == {}
    assert home("runs", "--search", "Ana reiher").err == "no run matches\n"


def test_an_image_is_uploaded_served_inertly_and_exported(server: Serving, home: Terminal) -> None:
    run = server.start("leonardo")
    server.until(run)
    body = {"model": "LEONARDO_ANIME_XL_A", "image": f"data:image/png;base64,{IN_BASE64}"}

    document = server.post(f"/api/runs/{run}/images", body)

    file = f"{run}-LEONARDO_ANIME_XL_A.png"
    assert document["rendered"]["LEONARDO_ANIME_XL_A"]["file"] == file
    served = server.client.get(f"/api/runs/{run}/images/LEONARDO_ANIME_XL_A")
    assert served.content == IMAGE
    assert served.headers["content-type"] == "image/png"
    assert served.headers["x-content-type-options"] == "nosniff"
    assert file in server.client.get(f"/api/runs/{run}/download?format=md").text
    folder = home.folder / "out"
    assert home("export", run, "--format", "json", "--output", f"{folder}/").status == 0
    assert (folder / file).read_bytes() == IMAGE
    assert file in (folder / f"{run}.json").read_text("utf-8")
    assert home("export", run, "--output", str(folder / "heron.csv")).err.count("wrote") == 2
    [row] = csv.DictReader((folder / "heron.csv").read_text("utf-8").splitlines())
    assert row["image"] == file
    zipped = server.client.get(f"/api/runs/{run}/download?format=csv&images=true")
    assert zipped.headers["content-disposition"] == f'attachment; filename="{run}.zip"'
    with ZipFile(io.BytesIO(zipped.content)) as archive:
        assert archive.namelist() == [f"{run}.csv", file]
    assert server.post(f"/api/runs/{run}/images", body | {"image": None})["rendered"] == {}
    assert (
        server.client.get(f"/api/runs/{run}/images/LEONARDO_ANIME_XL_A").json()["code"]
        == "not_found"
    )


@pytest.mark.parametrize(
    ("image", "code", "status"),
    [
        ("PHN2Zz4=", "answer", 422),
        (base64.b64encode(bytes(10_000_001)).decode(), "answer", 422),
        ("x" * (14 * 1024 * 1024), "too_large", 413),
    ],
    ids=["an SVG", "more than 10 MB", "a larger body"],
)
def test_what_is_no_image_of_ten_megabytes_is_refused(
    server: Serving, image: str, code: str, status: int
) -> None:
    run = server.start("leonardo")
    server.until(run)
    refused = server.client.post(
        f"/api/runs/{run}/images", json={"model": "LEONARDO_ANIME_XL_A", "image": image}
    )
    assert refused.status_code == status, refused.text
    assert server.get(f"/api/runs/{run}")["rendered"] == {}


def test_a_repeated_note_is_recorded_once(server: Serving) -> None:
    run = server.start("leonardo")
    server.until(run)
    for _ in range(2):
        document = server.post(f"/api/runs/{run}/notes", {"title": "once"}, once="a-note")
    assert (document["noted"]["title"], document["note_seq"]) == ("once", 1)
    other = server.client.post(
        f"/api/runs/{run}/notes", json={"title": "x"}, headers={"Idempotency-Key": "a-note"}
    )
    assert other.json()["code"] == "key_reused"
    assert server.get("/api/runs?favourite=true&search=once")["runs"] == []


def test_a_run_like_another_begins_with_its_scene(home: Terminal) -> None:
    idea = ("--idea", "a tram in fog", "--set", "mood=grim", "--groups", "leonardo")
    first = home("run", "--json", *idea).json
    second = home("run", "--json", "--like", first["run"]).json
    assert second["run"] != first["run"]
    assert (second["brief"], second["prompts"]) == (first["brief"], first["prompts"])
