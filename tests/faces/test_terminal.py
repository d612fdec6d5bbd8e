"""What a terminal shows during a command."""

from __future__ import annotations

import os
import pty
import subprocess
from contextlib import suppress

import pytest

from tests.support.cli import TIMEOUT_SECONDS, Terminal
from tests.support.runs import IDEA
from tests.support.streaming import Pace
from tests.support.strict_openai import StrictOpenAI


def test_a_prompt_is_reported_as_soon_as_it_is_complete(terminal: Terminal) -> None:
    with StrictOpenAI() as server:
        server.fail(Pace(0.2))
        terminal.env |= {"CALLSHEET_BASE_URL": server.url}
        screen, end = pty.openpty()
        words = ("run", "--idea", IDEA, "--groups", "sora", "--llm", "openai:any")
        process = subprocess.Popen(
            terminal.command(*words),
            cwd=terminal.folder,
            env=terminal.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=end,
        )
        os.close(end)
        seen = ""
        while "✓ SORA_2_A" not in seen:
            seen += _read(screen)
        assert process.poll() is None
        # Before that, its words were shown in a line that each new one replaces.
        lines = [line for line in seen.split("\r") if line.strip()]
        assert len([line for line in lines if "SORA_2_A" in line and "✓" not in line]) > 2
        assert "SORA_1_A" not in seen
        while "✓ SORA_1_A" not in seen:
            seen += _read(screen)
        assert process.wait(TIMEOUT_SECONDS) == 0
        os.close(screen)


@pytest.mark.parametrize("no_color", ["", "1"])
def test_no_color_disables_colour(terminal: Terminal, no_color: str) -> None:
    screen, end = pty.openpty()
    environment = terminal.environment() | {"NO_COLOR": no_color}
    command = terminal.command("show", "nothing")
    process = subprocess.Popen(
        command, cwd=terminal.folder, env=environment, stdout=end, stderr=end
    )
    os.close(end)
    seen = "".join(iter(lambda: _read(screen), ""))
    process.wait(TIMEOUT_SECONDS)
    os.close(screen)
    assert seen
    assert ("\x1b[" in seen) is (no_color == "")


def test_lines_are_wrapped_between_words(terminal: Terminal) -> None:
    screen, end = pty.openpty()
    command = terminal.command("lint", "-", "--model", "SORA_3_A")
    environment = terminal.environment() | {"COLUMNS": "40"}
    process = subprocess.Popen(
        command,
        cwd=terminal.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=end,
        stderr=end,
    )
    os.close(end)
    lines = "".join(iter(lambda: _read(screen), "")).splitlines()
    process.wait(TIMEOUT_SECONDS)
    os.close(screen)
    assert max(map(len, lines)) <= 40
    words = " ".join(lines).replace(",", " ").split()
    assert {"SORA_2_A", "LEONARDO_ANIME_XL_A", "midjourney_animate"} <= set(words)


def _read(screen: int) -> str:
    """The next output to the terminal; empty when every writer has ended."""
    with suppress(OSError):
        return os.read(screen, 1_024).decode(errors="replace")
    return ""
