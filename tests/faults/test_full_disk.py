"""A disk that fills at any of a run's commits: result at once, nothing harmed, nothing received lost."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

import callsheet
from callsheet.errors import StorageFullError
from callsheet.llm.port import Reply, Request, TextListener
from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.runs.session import RunSession
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore
from tests.support.batches import ideas, read_csv, write_sheet
from tests.support.cli import CommandResult, Terminal
from tests.support.plain_llm import PlainLLM
from tests.support.serving import Serving
from tests.support.slow_llm import SlowLLM
from tests.support.small_disk import SmallDisk, small_disk
from tests.support.strict_openai import StrictOpenAI

RUN = ("run", "--json", "--idea", "a heron", "--groups", "sora,leonardo")
MODELS = ["SORA_2_A", "SORA_1_A", "LEONARDO_ANIME_XL_A"]


@pytest.fixture
def disk(
    tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SmallDisk]:
    """A small disk with the runs on it, one of them finished."""
    folder = tmp_path / "small"
    folder.mkdir()
    with small_disk(folder) as disk:
        home = folder / "kept"
        terminal.env["CALLSHEET_HOME"] = str(home)
        monkeypatch.setenv("CALLSHEET_HOME", str(home))
        assert terminal(*RUN).status == 0
        yield disk


def _integrity(disk: SmallDisk) -> str:
    connection = sqlite3.connect(disk.folder / "kept" / "runs.sqlite")
    found = str(connection.execute("pragma integrity_check").fetchone()[0])
    connection.close()
    return found


def _assert_full(result: CommandResult, disk: SmallDisk) -> None:
    assert result.status == 6, result.err
    error = result.json["error"]
    assert error["code"] == "storage_full"
    assert "the disk is full" in error["message"]
    assert str(disk.folder / "kept" / "runs.sqlite") in error["message"]
    assert error["hint"].startswith("free disk space")
    assert result.err.count("error: ") == 1
    assert "Traceback" not in result.err
    assert "taken over" not in result.err


def _stored_events(disk: SmallDisk, run: str) -> int:
    connection = sqlite3.connect(disk.folder / "kept" / "runs.sqlite")
    rows = connection.execute("select count(*) from events where run = ?", [run])
    found = int(rows.fetchone()[0])
    connection.close()
    return found


def test_a_disk_that_is_full_at_any_commit_of_a_run_is_named_and_the_run_goes_on_later(
    terminal: Terminal, disk: SmallDisk
) -> None:
    met: set[int] = set()
    for free in range(0, 200, 4):
        disk.leave(free)
        result = disk.run(terminal, *RUN)
        if result.status == 0:
            break
        _assert_full(result, disk)
        assert _integrity(disk) == "ok"
        run = result.json.get("run", "")
        stored = _stored_events(disk, run)
        assert bool(stored) == bool(run), "a run that is named is stored"
        if stored in met:
            continue
        met.add(stored)
        listed = [each["run"] for each in terminal("runs", "--json").json]
        assert run in [*listed, ""], "what is full can be read"
        if run:
            # Everything was received, and is shown although it is not all stored.
            assert result.json["status"] == "interrupted"
            assert list(result.json["prompts"]["image_generation"]) == MODELS
            assert f"callsheet resume {run}" in result.err
            disk.free_all()
            again = terminal("resume", run, "--json")
            assert again.status == 0
            assert again.json["prompts"] == result.json["prompts"]
    assert result.status == 0
    assert met >= {0}, "the run's first commit was met"
    assert len(met) > 1, "a later one was met too"


async def _run_with_pages(service: RunService, free: int) -> RunSession:
    """A run that may take so many more pages; SQLite's own limit fails a write as a full disk does."""
    connection = service.store.database.connection  # type: ignore[attr-defined]
    here = connection.execute("pragma page_count").fetchone()[0]
    connection.execute(f"pragma max_page_count = {here + free}")
    session = await service.start(RunOptions(brief={"idea": "a heron"}, groups=["all"]))
    with suppress(StorageFullError):
        await session.advance()
    assert connection.execute("pragma integrity_check").fetchone()[0] == "ok"
    connection.execute("pragma max_page_count = 100000")
    return session


async def test_every_commit_of_a_run_may_meet_a_full_disk(tmp_path: Path) -> None:
    service = RunService(read_settings(), store=SqlStore(tmp_path / "runs.sqlite"))
    await _run_with_pages(service, 1_000)
    met: set[int] = set()
    # Where a run lands in the file decides what its commits need: a second try meets what one missed.
    for free in [*range(40)] * 3:
        session = await _run_with_pages(service, free)
        if session.journal.failure is None:
            assert session.view.status in ("succeeded", "waiting")
            if len(met) > 2:
                break
            continue
        met.add(session.journal.stored)
        await session.journal.release()
        assert session.unsaved is None
        kept = await service.show("last")
        assert kept.run == session.view.run
        assert kept.prompts == session.document().prompts, "what was received is stored later"
    assert 0 in met
    assert len(met) > 2, "the first commit, the one of the prompts, the last"
    service.store.close()


async def test_a_program_gets_what_was_received_with_the_error(disk: SmallDisk) -> None:
    with StrictOpenAI() as server:

        class Filling(PlainLLM):
            async def compose(self, request: Request, on_text: TextListener | None = None) -> Reply:
                reply = await super().compose(request, on_text)
                disk.leave(0)
                return reply

        if not disk.is_mounted:
            pytest.skip("only a file system can be filled for this process")
        with pytest.raises(StorageFullError) as full:
            await callsheet.run_async("a heron", ["sora"], llm=Filling(server.url))
        disk.free_all()
        document = full.value.document
        assert document is not None
        assert document["status"] == "interrupted"
        assert list(document["prompts"]["image_generation"]) == MODELS[:2]
        assert document["error"]["code"] == "storage_full"


def test_a_batch_on_a_full_disk_pauses_and_its_output_has_what_was_received(
    terminal: Terminal, disk: SmallDisk
) -> None:
    sheet = write_sheet(terminal.folder / "ideas.csv", ideas(4))
    out = terminal.folder / "out.csv"
    command = ("batch", str(sheet), "--groups", "leonardo", "--json", "--concurrency", "2")
    command += ("--output", str(out))
    disk.leave(40)
    result = disk.run(terminal, *command)
    _assert_full(result, disk)
    assert result.json["left"] > 0
    assert result.json["written"] + result.json["left"] == 4
    assert "the batch is paused: " in result.err
    rows = read_csv(Path(result.json["output"]))
    assert len(rows) == 4
    assert {row["status"] for row in rows} <= {"succeeded", "left"}

    disk.free_all()
    again = terminal(*command)
    assert again.status == 0, again.err
    assert [row["status"] for row in read_csv(out)] == ["succeeded"] * 4


def test_a_server_tells_of_a_disk_that_fills_under_a_run_and_stores_what_it_received_on_resume(
    terminal: Terminal, disk: SmallDisk
) -> None:
    with SlowLLM.running() as llm:
        terminal.env["CALLSHEET_LLM"] = "openai:gpt-5.2"
        terminal.env["CALLSHEET_BASE_URL"] = llm.server.url
        with Serving(terminal) as server:
            llm.pause()
            run = server.start("sora", "leonardo")
            assert llm.called.wait(60)
            disk.leave(0, server.process.pid)
            llm.release.set()

            found = server.until(run, lambda document: "error" in document)
            assert found["status"] == "interrupted"
            assert found["error"]["code"] == "storage_full"
            assert list(found["prompts"]["image_generation"]) == MODELS
            listed = server.get("/api/runs")["runs"]
            assert [each["status"] for each in listed if each["run"] == run] == ["interrupted"]

            for path, body in (
                ("/api/runs", {"brief": {"idea": "a heron " * 400}, "groups": ["sora"]}),
                (f"/api/runs/{run}/resume", {}),
            ):
                refused = server.client.post(path, json=body)
                assert refused.status_code == 507, (path, refused.text)
                assert refused.json()["code"] == "storage_full"
                assert refused.json()["hint"].startswith("free disk space")

            disk.free_all(server.process.pid)
            server.post(f"/api/runs/{run}/resume", {})
            ended = server.until(run)
            assert ended["status"] == "succeeded"
            assert "error" not in ended
            assert ended["prompts"] == found["prompts"]
            assert len(llm.server.requests) == 1, "what was received was paid for once"
