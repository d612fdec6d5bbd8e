"""The wheel in a bare environment: the first command, and an MCP session."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.long.wheel import FIRST, MODELS, TOOLS, installed, run, session


def test_the_wheel_in_a_bare_environment_writes_prompts_and_serves_an_assistant(
    tmp_path: Path,
) -> None:
    if shutil.which("uv") is None:
        pytest.skip("uv is not installed: pip install uv")
    try:
        callsheet = installed(tmp_path, "--offline")
    except AssertionError as error:
        if "network" not in str(error) and "offline" not in str(error):
            raise
        pytest.skip("packages are missing in uv's cache: uv run python -m tests.long.wheel")
    printed = run(callsheet, *FIRST, cwd=tmp_path)
    assert all(model in printed for model in MODELS)
    assert session(callsheet, tmp_path) >= TOOLS
