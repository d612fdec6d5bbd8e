"""The checks that decide: format, lint, types and floors, run as anybody would run them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CHECKS = {
    "the code is formatted": ["ruff", "format", "--check", "."],
    "the linter finds nothing": ["ruff", "check", "."],
    "every type fits": ["mypy"],
}


@pytest.mark.parametrize("what", CHECKS)
def test_a_check_passes(what: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *CHECKS[what]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_imports_go_down_and_never_in_circles() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
