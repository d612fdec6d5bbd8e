"""A row that kills the process of its batch is given up after its third death, and no other row is."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from callsheet.events import Noted, RecordedEvent, RunResumed
from callsheet.loader.bundle import built_in_workflows
from callsheet.plugins import MODULES
from callsheet.workers.crashes import BATCH_NOTE, count_batch_crashes
from tests.support.batches import SharedStore, ideas, read_csv, write_sheet
from tests.support.cli import Terminal
from tests.support.plugins import install, write_package

ROOT = Path(__file__).parents[2]

DEADLY = '''"""Ends its own process where a text holds a word, as a fault in native code would."""
import os, signal
from callsheet.modules.contract import Done, Module, Values


class Inputs(Values):
    text: str
    word: str


class Outputs(Values):
    pass


async def run(inputs, context):
    if inputs.word in inputs.text:
        os.kill(os.getpid(), signal.SIGKILL)
    return Done(Outputs())


module = Module(Inputs, Outputs, run)
'''


def _use(word: str) -> str:
    inputs = {"text": "$state.brief.idea", "word": word}
    return json.dumps({"module_id": "text.deadly", "inputs": inputs})


@pytest.fixture
def deadly(terminal: Terminal, tmp_path: Path) -> Terminal:
    """A terminal with a copy of `oms` that ends its process: before the LLM is called, or after it."""
    site = tmp_path / "site"
    write_package(site, "deadly_kit", {"deadly.py": DEADLY})
    install(site, "deadly_kit", {MODULES.group: {"text.deadly": "deadly_kit.deadly:module"}})
    terminal.env["PYTHONPATH"] = os.pathsep.join(map(str, (terminal.guard, site, ROOT)))
    shutil.copytree(built_in_workflows()["oms"], tmp_path / "mine")
    file = tmp_path / "mine" / "steps" / "prompt_generation.json"
    text = file.read_text("utf-8")
    for comment, word in (("// 5. One LLM call", "early"), ("// 6. Review", "late")):
        assert comment in text
        text = text.replace(comment, f"{_use(word)},")
    file.write_text(text, "utf-8")
    return terminal


def _repeated_until_it_ends(terminal: Terminal, times: int) -> list[int]:
    """The exit statuses of the same command, given until its process is not killed, at most so often."""
    words = (
        "batch",
        "ideas.csv",
        "--workflow",
        "mine",
        "--groups",
        "leonardo",
        "--output",
        "out.csv",
    )
    command = [sys.executable, "-m", "tests.support.repeated_command", str(times), *words]
    done = subprocess.run(
        [*command, "--concurrency", "3", "--json"],
        cwd=terminal.folder,
        env=terminal.environment(),
        capture_output=True,
        check=True,
    )
    statuses: list[int] = json.loads(done.stdout)
    return statuses


def test_a_row_that_kills_its_process_fails_after_three_deaths_and_the_batch_goes_on(
    deadly: Terminal, tmp_path: Path
) -> None:
    rows = ideas(6)
    rows[1]["idea"], rows[2]["idea"] = "an early heron", "a late heron"
    write_sheet(tmp_path / "ideas.csv", rows)

    *deaths, last = _repeated_until_it_ends(deadly, 7)

    # Two rows die three times each, twice beside each other; where one died before the other had
    # begun, that death counts for one of them only.
    assert set(deaths) == {-signal.SIGKILL}
    assert 4 <= len(deaths) <= 6
    assert last == 4
    notes = [
        "alone" in (tmp_path / f"{number}.err").read_text("utf-8")
        for number in range(1, len(deaths) + 1)
    ]
    assert notes[:2] == [False, False]
    assert notes[2]
    assert notes[-1]
    report = json.loads((tmp_path / f"{len(deaths) + 1}.out").read_text("utf-8"))
    assert (report["written"], report["failed"], report["left"]) == (4, 2, 0)
    assert {each["row"]: each["code"] for each in report["failures"]} == dict.fromkeys(
        (3, 4), "run_crashed"
    )
    assert "--retry-failed" in report["failures"][0]["message"]
    statuses = [row["status"] for row in read_csv(tmp_path / "out.csv")]
    assert statuses == ["succeeded", "failed", "failed", "succeeded", "succeeded", "succeeded"]


async def test_a_batch_that_stops_in_order_blames_no_row(tmp_path: Path) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(6))
    bench = SharedStore.with_llm()
    batch = bench.batch(sheet, concurrency=2)
    marks = []
    async for _ in batch.execute():
        marks.append(await bench.store.mark(f"batch {batch.name}"))
        batch.stop(0)
    assert marks[0]
    assert not await bench.store.mark(f"batch {batch.name}")
    again, _ = await bench.execute(sheet)
    assert again.progress.done == 6
    for run in await bench.store.names_starting_with(f"{batch.name}."):
        events = [each.event for each in await bench.store.events(run)]
        assert not [event for event in events if event.kind == "noted" and event.text == BATCH_NOTE]


def test_who_resumes_a_row_begins_to_count_its_deaths_anew() -> None:
    noted = Noted(step="", text=BATCH_NOTE)
    events = [noted, noted, RunResumed(llm="offline"), noted]
    recorded = [RecordedEvent(number, 0.0, event) for number, event in enumerate(events, 1)]
    assert [count_batch_crashes(recorded[:n]) for n in range(5)] == [0, 1, 2, 0, 1]
