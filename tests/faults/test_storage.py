"""A place that cannot be used: exit 6, one line naming the file, the file unharmed."""

from __future__ import annotations

import ctypes
import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.support.cli import CommandResult, Terminal

RUN = ("run", "--json", "--idea", "a heron", "--groups", "sora")


def _assert_reported(result: CommandResult, path: Path, code: str = "") -> None:
    assert result.status == 6, result.err
    if result.out:
        assert result.json["error"]["code"] == code
    assert result.err.count("error: ") == 1
    assert str(path) in result.err
    assert "CALLSHEET_HOME" in result.err
    assert "Traceback" not in result.err


@pytest.fixture
def home(terminal: Terminal, tmp_path: Path) -> Path:
    """Where runs are kept, with one run in it."""
    terminal.env["CALLSHEET_HOME"] = str(tmp_path / "kept")
    assert terminal(*RUN).status == 0
    return tmp_path / "kept"


def test_a_corrupt_file_is_named_and_left_as_it_is(terminal: Terminal, home: Path) -> None:
    file = home / "runs.sqlite"
    file.write_bytes(b"this is no database" * 400)
    before = file.read_bytes()
    _assert_reported(terminal("runs"), file)
    _assert_reported(terminal(*RUN), file, "storage_corrupt")
    assert file.read_bytes() == before


def test_a_file_of_a_newer_version_is_left_alone(terminal: Terminal, home: Path) -> None:
    file = home / "runs.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("update callsheet_meta set value = '99' where name = 'version'")
    connection.close()
    _assert_reported(terminal("runs", "--json"), file, "storage_newer")


def test_one_unreadable_run_does_not_hide_the_others(terminal: Terminal, home: Path) -> None:
    bad = terminal("runs", "--json").json[0]["run"]
    good = terminal(*RUN).json["run"]
    with sqlite3.connect(home / "runs.sqlite") as connection:
        connection.execute(
            "update events set body = '{\"kind\": 1}' where run = ? and seq = 2", (bad,)
        )
    connection.close()
    assert terminal("show", good).status == 0
    assert len(terminal("runs", "--json").json) == 2
    result = terminal("show", bad)
    assert result.status == 6
    assert bad in result.err
    assert f"callsheet delete {bad}" in result.err
    assert terminal("delete", bad).status == 0


def test_one_unreadable_run_of_a_batch_fails_alone_and_names_what_to_do(
    terminal: Terminal, home: Path, tmp_path: Path
) -> None:
    (tmp_path / "ideas.csv").write_text("idea\na heron\na crane\n", "utf-8")
    command = ("batch", "ideas.csv", "--groups", "sora", "--output", "out.csv", "--json")
    assert terminal(*command).status == 0
    with sqlite3.connect(home / "runs.sqlite") as connection:
        (bad,) = connection.execute("select run from runs where run like 'ideas%'").fetchone()
        connection.execute("update events set body = '{' where run = ? and seq = 2", (bad,))
    connection.close()

    result = terminal(*command)

    assert result.status == 4, result.err
    assert (result.json["written"], result.json["failed"], result.json["left"]) == (1, 1, 0)
    failure = result.json["failures"][0]
    assert (failure["run"], failure["code"]) == (bad, "run_unreadable")
    assert f"callsheet delete {bad}" in failure["message"]
    assert terminal("delete", bad).status == 0
    assert terminal(*command).status == 0


def test_a_locked_file_is_waited_for_and_then_named(terminal: Terminal, home: Path) -> None:
    file = home / "runs.sqlite"
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("begin exclusive")
    try:
        _assert_reported(terminal(*RUN), file, "storage_locked")
    finally:
        holder.execute("rollback")
        holder.close()
    assert terminal(*RUN).status == 0


def test_a_folder_that_cannot_be_made_is_named(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    terminal.env["CALLSHEET_HOME"] = str(tmp_path / "file" / "kept")
    _assert_reported(terminal(*RUN), tmp_path / "file", "storage")


def test_only_its_owner_can_read_what_is_kept(home: Path) -> None:
    assert (home / "runs.sqlite").stat().st_mode & 0o077 == 0


def test_a_full_disk_is_said_and_the_run_goes_on_when_there_is_room(
    terminal: Terminal, home: Path
) -> None:
    # A limit on a file's size fails a write as a full disk does, without a disk to fill.
    file = home / "runs.sqlite"
    limit = (file.stat().st_size // 1024) + 24
    done = subprocess.run(
        ["bash", "-c", f'trap "" XFSZ; ulimit -f {limit}; for i in 1 2 3 4 5 6; do "$@" || exit $?; done',
         "bash", *terminal.command(*RUN)],
        cwd=terminal.folder, env=terminal.environment(), capture_output=True, check=False,
    )  # fmt: skip
    result = CommandResult(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert result.status == 6, result.err
    assert "the disk is full" in result.err
    assert str(file) in result.err
    check = sqlite3.connect(file)
    assert check.execute("pragma integrity_check").fetchone() == ("ok",)
    check.close()
    rows = terminal("runs", "--json").json
    left = [row["run"] for row in rows if row["status"] == "interrupted"]
    for run in left:
        assert terminal("resume", run).status == 0


def _as_anyone() -> None:
    """Takes root's power to write anywhere from a child process."""
    drop_from_bounding_set, write_anywhere, read_anywhere = 24, 1, 2
    for power in (write_anywhere, read_anywhere):
        ctypes.CDLL(None).prctl(drop_from_bounding_set, power, 0, 0, 0)


def test_a_read_only_folder_is_named_and_can_still_be_read(terminal: Terminal, home: Path) -> None:
    (home / "runs.sqlite").chmod(0o400)
    home.chmod(0o500)
    try:
        for words, status in ((RUN, 6), (("runs", "--json"), 0), (("show", "last"), 0)):
            done = subprocess.run(
                terminal.command(*words),
                cwd=terminal.folder,
                env=terminal.environment(),
                capture_output=True,
                preexec_fn=_as_anyone if os.geteuid() == 0 else None,
                check=False,
            )
            result = CommandResult(done.returncode, done.stdout.decode(), done.stderr.decode())
            assert result.status == status, result.err
            if status:
                _assert_reported(result, home / "runs.sqlite", "storage_read_only")
    finally:
        home.chmod(0o700)
