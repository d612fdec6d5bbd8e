"""Counts the files that one run leads through, and checks what a run on SQLite does not import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

RUN_FILES = 92
BATCH_FILES = 105

OFFLINE = ("--groups", "sora,leonardo", "--llm", "offline")

ELSEWHERE = ("callsheet.workers", "callsheet.web", "callsheet.batches", "callsheet.exports.prompt")
"""What only a database, a server, a sheet or an export needs."""


def _walk(home: Path, *words: str) -> dict[str, list[str]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.walk", *words],
        cwd=ROOT,
        env={**os.environ, "CALLSHEET_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_one_offline_run_leads_through_few_files_and_imports_nothing_of_workers(
    tmp_path: Path,
) -> None:
    walk = _walk(tmp_path, "run", "--idea", "a heron at dawn", *OFFLINE)
    assert len(walk["files"]) <= RUN_FILES, "\n".join(walk["files"])
    assert not [name for name in walk["imported"] if name.startswith(ELSEWHERE)]


def test_one_row_of_a_batch_leads_through_few_files(tmp_path: Path) -> None:
    sheet = tmp_path / "ideas.csv"
    sheet.write_text("idea\na heron at dawn\n", "utf-8")
    output = ("--output", str(tmp_path / "out.csv"))
    walk = _walk(tmp_path, "batch", str(sheet), *OFFLINE, *output)
    assert len(walk["files"]) <= BATCH_FILES, "\n".join(walk["files"])
