"""Two processes never carry out the same run: the second is told, the dead one is replaced."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.support.cli import Terminal
from tests.support.loopback import Hang
from tests.support.runs import IDEA
from tests.support.strict_openai import StrictOpenAI


@pytest.fixture
def server() -> Iterator[StrictOpenAI]:
    with StrictOpenAI() as running:
        yield running


@pytest.fixture
def busy(terminal: Terminal, server: StrictOpenAI) -> Iterator[subprocess.Popen[bytes]]:
    """A process in the middle of a call."""
    server.fail(Hang())
    terminal.env["CALLSHEET_BASE_URL"] = server.url
    process = subprocess.Popen(
        terminal.command("run", "--idea", IDEA, "--groups", "sora", "--llm", "openai:any"),
        cwd=terminal.folder,
        env=terminal.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 30
    while not server.requests and time.monotonic() < deadline:
        time.sleep(0.02)
    yield process
    process.kill()
    process.wait()


def test_the_second_process_is_told_who_holds_the_run_and_sends_nothing(
    terminal: Terminal, server: StrictOpenAI, busy: subprocess.Popen[bytes]
) -> None:
    for words in (("resume", "last"), ("retry", "last", "--groups", "sora"), ("delete", "last")):
        result = terminal(*words)
        assert result.status == 6, result.err
        assert f":{busy.pid}:" in result.err
        assert "Traceback" not in result.err
    assert len(server.requests) == 1


def test_a_held_run_can_be_looked_at(terminal: Terminal, busy: subprocess.Popen[bytes]) -> None:
    assert busy.poll() is None
    assert terminal("runs", "--json").json[0]["status"] == "running"
    assert terminal("show", "last", "--json").json["status"] == "running"


def test_a_held_run_is_watched_until_nobody_carries_it_on(
    terminal: Terminal, busy: subprocess.Popen[bytes]
) -> None:
    watching = subprocess.Popen(
        terminal.command("show", "last", "--follow"),
        cwd=terminal.folder,
        env=terminal.environment(),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watching.stderr is not None
    assert f"process {busy.pid} on " in watching.stderr.readline()
    busy.kill()
    busy.wait()
    _, report = watching.communicate(timeout=60)
    assert watching.returncode == 0, report
    assert "no process is executing the run any more; to resume it: callsheet resume " in report
    assert ": interrupted, written by " in report


def test_other_runs_go_on_meanwhile(terminal: Terminal, busy: subprocess.Popen[bytes]) -> None:
    assert busy.poll() is None
    assert terminal("run", "--llm", "offline", "--idea", "x", "--groups", "sora").status == 0


def test_a_dead_holder_is_replaced_at_once(
    terminal: Terminal, server: StrictOpenAI, busy: subprocess.Popen[bytes]
) -> None:
    busy.kill()
    busy.wait()
    assert terminal("resume", "last").status == 0
    assert len(server.requests) == 2
