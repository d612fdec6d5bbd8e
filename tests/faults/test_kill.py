"""A run killed with SIGKILL at any moment goes on from its last fact, and pays for nothing twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callsheet.engine.journal import read_view
from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore
from tests.conftest import GUARD
from tests.support.cli import Terminal
from tests.support.counting_store import CountingStore
from tests.support.loopback import Hang
from tests.support.plain_llm import PlainLLM
from tests.support.runs import IDEA
from tests.support.self_killing_run import GROUPS, database_at
from tests.support.strict_openai import StrictOpenAI

ROOT = Path(__file__).parents[2]

TRANSACTIONS = 2
"""How many an unharmed run of two generation steps commits behind its first; a test counts them."""

MODULES = 19
"""How many of its modules finish; the test counts these too."""

UNBORN = 6
"""How many of them finish before anything is worth keeping: then there is no run to go on with."""

CALLS = 2


@pytest.fixture
def server() -> Iterator[StrictOpenAI]:
    with StrictOpenAI() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where runs are kept: a file's path, or a database's address."""
    if request.param == "sqlite":
        return str(tmp_path / "runs.sqlite")
    address: str = request.getfixturevalue("database_url")
    return address


def _service(place: str, url: str) -> RunService:
    return RunService(read_settings(), store=SqlStore(database_at(place)), llm=PlainLLM(url))


async def _unharmed(url: str, store: SqlStore | None = None) -> dict[str, Any]:
    service = RunService(read_settings(), store=store or SqlStore.in_memory(), llm=PlainLLM(url))
    session = await service.start(RunOptions(brief={"idea": IDEA}, groups=GROUPS))
    await session.advance()
    return session.document()


async def test_an_unharmed_run_commits_as_often_as_is_killed_at(server: StrictOpenAI) -> None:
    store = CountingStore()
    await _unharmed(server.url, store)
    assert (store.count, store.modules) == (TRANSACTIONS, MODULES)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(1, TRANSACTIONS + 1))
async def test_killed_around_any_transaction_the_run_ends_as_if_unharmed(
    place: str, server: StrictOpenAI, moment: str, number: int
) -> None:
    await _killed_and_resumed(place, server, moment, number)


@pytest.mark.parametrize("number", range(UNBORN + 1, MODULES + 1))
async def test_killed_behind_any_module_the_run_ends_as_if_unharmed(
    tmp_path: Path, server: StrictOpenAI, number: int
) -> None:
    await _killed_and_resumed(str(tmp_path / "runs.sqlite"), server, "module", number)


async def _killed_and_resumed(place: str, server: StrictOpenAI, moment: str, number: int) -> None:
    died = _kill(place, server.url, moment, number)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()

    service = _service(place, server.url)
    recorded = (await read_view(service.store, await service.find("last"))).usage.calls
    paid = len(server.requests)
    session = await service.resume("last", RunOptions())
    await session.advance()

    unharmed = await _unharmed(server.url)
    del server.requests[-CALLS:]
    harmed = session.document()
    assert harmed["status"] == "succeeded"
    assert harmed["prompts"] == unharmed["prompts"]
    assert harmed["usage"]["calls"] == CALLS
    assert paid - recorded <= 1  # the call in flight
    assert len(server.requests) == paid + CALLS - recorded
    service.store.close()


def _kill(place: str, url: str, moment: str, number: int) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "tests.support.self_killing_run", place, url, moment, str(number)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{GUARD}{os.pathsep}{ROOT}"},
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_killed_while_the_llm_is_writing_the_run_pays_for_that_call_alone_again(
    terminal: Terminal, server: StrictOpenAI
) -> None:
    server.fail(Hang())
    terminal.env |= {"CALLSHEET_BASE_URL": server.url}
    words = ("run", "--json", "--idea", IDEA, "--groups", "leonardo", "--llm", "openai:any")
    process = subprocess.Popen(
        terminal.command(*words),
        cwd=terminal.folder,
        env=terminal.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _wait_for(lambda: len(server.requests) == 1)
    process.kill()
    process.wait()
    assert terminal("runs", "--json").json[0]["status"] == "interrupted"

    done = terminal("resume", "last", "--json")
    assert done.status == 0, done.err
    assert len(server.requests) == 2
    assert done.json["usage"]["calls"] == 1


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_a_signal_ends_the_command_in_order_and_the_run_can_be_resumed(
    terminal: Terminal, server: StrictOpenAI, number: int, status: int
) -> None:
    server.fail(Hang())
    terminal.env |= {"CALLSHEET_BASE_URL": server.url}
    words = ("run", "--idea", IDEA, "--groups", "leonardo", "--llm", "openai:any")
    process = subprocess.Popen(
        terminal.command(*words),
        cwd=terminal.folder,
        env=terminal.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _wait_for(lambda: len(server.requests) == 1)
    began = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == status, err
    assert time.monotonic() - began < 10
    assert "callsheet resume" in err
    assert "Traceback" not in err
    assert terminal("resume", "last").status == 0


def test_a_second_ctrl_c_ends_it_at_once(terminal: Terminal, server: StrictOpenAI) -> None:
    terminal.env |= {"CALLSHEET_BASE_URL": server.url}
    process = subprocess.Popen(
        terminal.command("run"),
        cwd=terminal.folder,
        env=terminal.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    seen = b""
    while b"What should be shown?" not in seen:
        seen += process.stderr.read(1)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    # Read on, so that the process is never kept waiting by a full pipe.
    threading.Thread(target=process.stderr.read, daemon=True).start()
    assert process.wait(timeout=5) == 130
    assert time.monotonic() - began < 1
    process.stderr.close()
    assert process.stdin is not None
    process.stdin.close()


async def test_what_a_run_kept_is_enough_to_go_on_when_the_workflow_has_changed(
    terminal: Terminal, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "text.txt").write_text("as it was: {{ word }}")
    steps = [
        {
            "step_id": "ask",
            "modules": [
                {
                    "module_id": "user.form",
                    "inputs": {"fields": [{"key": "word", "text": "Which word?"}]},
                    "outputs_to_state": {"values": "said"},
                },
                {
                    "module_id": "prompt.template",
                    "inputs": {"template": {"$ref": "text.txt"}, "variables": "$state.said"},
                    "outputs_to_state": {"rendered": "text"},
                },
            ],
        }
    ]
    workflow = {
        "workflow_id": "mine",
        "name": "Mine",
        "steps": steps,
        "results": {"prompts": {"only": {"text": "$state.text"}}},
    }
    (mine / "workflow.json").write_text(json.dumps(workflow))
    assert terminal("run", "mine").status == 3

    (mine / "text.txt").write_text("as it is now: {{ word }}")
    kept = terminal("resume", "last", "--json", stdin="heron\n")
    assert kept.json["prompts"]["only"]["text"] == "as it was: heron"
    today = terminal("retry", "last", "--step", "ask", "--json", stdin="\n")
    assert today.status == 3 or today.json["prompts"]["only"]["text"] == "as it is now: heron"


def _wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
