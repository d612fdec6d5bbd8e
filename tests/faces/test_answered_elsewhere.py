"""A waiting run has no owner: the first answer counts, and other terminals see it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator

import pytest

from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.runs.session import AlreadyAnsweredError, RunSession
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore
from tests.support.cli import Terminal
from tests.support.runs import IDEA, prompts_of

ASKS = ("run", "--idea", IDEA, "--groups", "sora", "--review")


@pytest.fixture
def waiting(terminal: Terminal) -> Iterator[subprocess.Popen[str]]:
    """A terminal that waits at the review."""
    process = subprocess.Popen(
        terminal.command(*ASKS),
        cwd=terminal.folder,
        env=terminal.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _read_until(process, "Enter one (default: accept): ")
    yield process
    process.kill()
    process.communicate()


def _read_until(process: subprocess.Popen[str], words: str) -> str:
    """Reads stderr of the terminal up to and including the text."""
    assert process.stderr is not None
    output = ""
    while not output.endswith(words):
        letter = process.stderr.read(1)
        assert letter, output
        output += letter
    return output


async def _open() -> RunSession:
    return await RunService(read_settings()).resume("last", RunOptions())


async def test_a_waiting_terminal_shows_the_answer_from_elsewhere_and_finishes_the_run(
    waiting: subprocess.Popen[str],
) -> None:
    here = await _open()
    await here.answer("accept")
    await here.advance()

    output = await asyncio.to_thread(_read_until, waiting, "stored as")
    out, err = await asyncio.to_thread(waiting.communicate, None, 60)

    assert waiting.returncode == 0, err
    assert output.count("the question was answered elsewhere: accept") == 1
    assert "SORA_2_A" in out


async def test_a_waiting_terminal_continues_a_run_that_was_answered_elsewhere_and_not_advanced(
    waiting: subprocess.Popen[str],
) -> None:
    here = await _open()
    await here.answer("edit")
    await here.close()

    output = await asyncio.to_thread(_read_until, waiting, "Enter one: ")
    assert "the question was answered elsewhere: edit" in output
    assert waiting.stdin is not None
    waiting.stdin.write("SORA_1_A\nIn my own words.\n.\naccept\n")
    waiting.stdin.flush()
    _, err = await asyncio.to_thread(waiting.communicate, None, 60)

    assert waiting.returncode == 0, err
    document = await RunService(read_settings()).show("last")
    assert prompts_of(document)["SORA_1_A"] == "In my own words."


async def test_an_answer_to_a_withdrawn_question_is_rejected() -> None:
    service = RunService(read_settings(), store=SqlStore.in_memory())
    first = await service.start(RunOptions(brief={"idea": IDEA}, groups=["sora"], review=True))
    await first.advance()
    again = await service.retry(first.view.run, RunOptions(groups=["leonardo"], review=True))
    await again.advance()

    with pytest.raises(AlreadyAnsweredError, match="no longer asked"):
        await first.answer("accept")
