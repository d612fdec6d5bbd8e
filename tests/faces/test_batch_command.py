"""The `batch` command: estimates, messages, progress and exit status."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from callsheet.batches.outcomes import BatchProgress
from callsheet.cli.progress import progress_text, time_left
from callsheet.usage import Usage
from tests.support.batches import ideas, read_csv, write_sheet
from tests.support.cli import Terminal


def test_every_invalid_row_is_reported_before_any_row_is_started(terminal: Terminal) -> None:
    sheet = 'idea,groups\n"a heron",soar\n,sora\n'
    result = terminal("batch", "-", "--output", "out.csv", "--json", stdin=sheet)
    assert result.status == 2
    assert [problem["number"] for problem in result.json["error"]["problems"]] == [2, 3]
    assert "row 2: there is no model group 'soar' (known: sora" in result.err
    assert "row 3: has no `idea`" in result.err
    assert terminal("runs", "--json").json == []


def test_a_dry_run_estimates_the_cost_of_the_batch_without_a_key(
    terminal: Terminal, tmp_path: Path
) -> None:
    write_sheet(tmp_path / "ideas.csv", ideas(7))
    words = ("batch", "ideas.csv", "--groups", "sora", "--dry-run", "--json")
    priced = terminal(*words, "--llm", "openai:gpt-5.2").json
    assert (priced["rows"], priced["calls"], priced["exact"]) == (7, 7, True)
    assert 0 < priced["least_usd"] < priced["most_usd"]
    assert (priced["cost_usd"], priced["output_from"]) == (priced["least_usd"], "schema")
    said = terminal(*words[:-1], "--llm", "openai:gpt-5.2")
    assert "cost           $" in said.out
    assert "`--limit 20` measures it" in said.err
    assert terminal(*words, "--llm", "ollama:own").json["least_usd"] is None


def test_a_batch_is_listed_as_one_run_and_deleted_as_one(
    terminal: Terminal, tmp_path: Path
) -> None:
    own = terminal("run", "--idea", "a boat", "--groups", "sora", "--json").json["run"]
    write_sheet(tmp_path / "ideas.csv", ideas(4))
    words = ("batch", "ideas.csv", "--groups", "sora", "--output", "out.csv", "--json")
    batch = terminal(*words).json["batch"]
    rows = {row["run"]: row for row in terminal("runs", "--json").json}
    assert list(rows) == [batch, own]
    assert (rows[batch]["runs"], rows[batch]["status"]) == (4, "succeeded")
    assert terminal("show", "last", "--json").json["run"] == own
    one = read_csv(tmp_path / "out.csv")[0]["run"]
    assert terminal("show", one, "--json").json["brief"]["idea"] == ideas(1)[0]["idea"]
    assert terminal("delete", batch).status == 0
    assert [row["run"] for row in terminal("runs", "--json").json] == [own]


def test_the_sheet_is_not_overwritten_by_its_output(terminal: Terminal, tmp_path: Path) -> None:
    sheet = write_sheet(tmp_path / "ideas.csv", ideas(1))
    before = sheet.read_bytes()
    assert terminal("batch", "ideas.csv", "--groups", "sora", "--output", "ideas.csv").status == 2
    assert terminal("batch", "ideas.csv", "--groups", "sora").status == 2
    assert sheet.read_bytes() == before


def test_fifty_thousand_rows_are_validated_in_little_memory(
    terminal: Terminal, tmp_path: Path
) -> None:
    write_sheet(tmp_path / "ideas.csv", ideas(50_000))
    words = terminal.command("batch", "ideas.csv", "--groups", "sora", "--dry-run")
    # A process of its own, for the most that any child has used is all that can be asked for.
    child = (
        "import resource, subprocess, sys;"
        "status = subprocess.run(sys.argv[1:]).returncode;"
        "print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", child, *words],
        cwd=terminal.folder,
        env=terminal.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    status, most = done.stdout.splitlines()[-1].split()
    unit = 1 if sys.platform == "darwin" else 1024
    assert status == "0", done.stderr
    assert int(most) * unit < 250_000_000


def test_progress_shows_the_outcomes_of_rows_and_the_time_left() -> None:
    progress = BatchProgress(10, done=3, failed=1, fresh=2, repaired=1)
    progress.usage = Usage(20_000, 0, 5_000, 0.456, calls=3, repairs=1)
    assert progress_text(progress) == "1 failed, 1 repaired; 25k tokens, $0.46"
    assert time_left(progress, 10) == "30 s left"
    progress.usage = replace(progress.usage, cost_usd=None)
    assert "price unknown" in progress_text(progress)
