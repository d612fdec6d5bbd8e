"""What a person sees in a real terminal, while it happens."""

from __future__ import annotations

import os
import pty
import subprocess
from contextlib import suppress

import pytest

from tests.support.cli import LONGEST, Terminal
from tests.support.runs import IDEA
from tests.support.streaming import Pace
from tests.support.strict_openai import StrictOpenAI


def test_a_prompt_is_named_as_soon_as_it_is_written(terminal: Terminal) -> None:
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
        assert "SORA_1_A" not in seen
        while "✓ SORA_1_A" not in seen:
            seen += _read(screen)
        assert process.wait(LONGEST) == 0
        os.close(screen)


@pytest.mark.parametrize("no_color", ["", "1"])
def test_no_color_is_heeded(terminal: Terminal, no_color: str) -> None:
    screen, end = pty.openpty()
    environment = terminal.environment() | {"NO_COLOR": no_color}
    command = terminal.command("show", "nothing")
    process = subprocess.Popen(
        command, cwd=terminal.folder, env=environment, stdout=end, stderr=end
    )
    os.close(end)
    seen = "".join(iter(lambda: _read(screen), ""))
    process.wait(LONGEST)
    os.close(screen)
    assert seen
    assert ("\x1b[" in seen) is (no_color == "")


def _read(screen: int) -> str:
    """What a terminal is written next; nothing where all who wrote have ended."""
    with suppress(OSError):
        return os.read(screen, 1_024).decode(errors="replace")
    return ""
