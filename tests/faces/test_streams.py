"""stdout that is left, closed or full changes nothing but the exit status that it deserves."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from callsheet.store.sql import SqlStore
from tests.support.batches import ideas, read_csv, write_sheet

ROOT = Path(__file__).parents[2]

BATCH = ("batch", "ideas.csv", "--groups", "leonardo")

COMMANDS = {
    "run": (0, "run", "--idea", "a heron at dawn", "--groups", "leonardo", "--json"),
    "show": (0, "show", "last"),
    "runs": (0, "runs"),
    "an error": (2, "show", "nothing", "--json"),
}
PRINTING = COMMANDS | {
    "batch": (0, *BATCH, "--output", "out.csv", "--json"),
    "batch --dry-run": (0, *BATCH, "--dry-run"),
    "export": (0, "export", "last", "--format", "md"),
    "savings": (0, "savings"),
    "groups": (0, "groups"),
    "estimate": (0, "estimate", "--groups", "leonardo"),
    "check": (0, "check"),
    "lint": (1, "lint", "prompt.txt", "--model", "SORA_2_A"),
    "doctor": (0, "doctor"),
    "--help": (0, "--help"),
}


def with_stdout(kind: str, folder: Path, commands: dict[str, tuple[object, ...]]) -> dict[str, str]:
    """Every command's status and stderr, where stdout is of this kind."""
    write_sheet(folder / "ideas.csv", ideas(1))
    (folder / "prompt.txt").write_text("short", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.stdout_kinds", str(folder), kind],
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1", "CALLSHEET_HOME": str(folder / "home")},
        input=json.dumps([words for _, *words in commands.values()]),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300,
    )
    return dict(zip(commands, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("kind", ["left", "closed"])
def test_a_reader_that_leaves_or_a_closed_stdout_is_not_mentioned_and_changes_no_exit_status(
    tmp_path: Path, kind: str
) -> None:
    found = with_stdout(kind, tmp_path, COMMANDS)
    assert [status for status, _ in found.values()] == [each[0] for each in COMMANDS.values()]
    errors = "\n".join(err for _, err in found.values())
    assert "stored as" in errors
    assert not [word for word in ("pipe", "stdout", "Traceback", "ignored") if word in errors]


def test_stdout_that_cannot_be_written_ends_every_command_with_6_and_keeps_the_run(
    tmp_path: Path,
) -> None:
    found = with_stdout("full", tmp_path, PRINTING)
    assert {status for status, _ in found.values()} == {6}, found
    for name, (_, err) in found.items():
        assert err.count("error: stdout cannot be written: No space left on device") == 1, name
        assert "Traceback" not in err, name
        assert "ignored" not in err, name
    assert [row["status"] for row in read_csv(tmp_path / "out.csv")] == ["succeeded"]
    store = SqlStore(tmp_path / "home" / "runs.sqlite")
    runs = asyncio.run(store.runs())
    store.close()
    assert [run.last_event for run in runs] == ["run_finished"] * 2
