"""What a person sees in a real terminal, while it happens."""

from __future__ import annotations

import os
import pty
import re
import subprocess

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


def _read(screen: int) -> str:
    return re.sub(r"\x1b\[\d*m", "", os.read(screen, 1_024).decode())
