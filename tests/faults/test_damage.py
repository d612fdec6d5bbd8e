"""A damaged store: found when it is opened, never written to, and rescued as far as it can be read."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from callsheet.errors import StorageCorruptError
from callsheet.store.rescue import rescue
from callsheet.store.sql import SqlStore
from tests.support.cli import Terminal
from tests.support.serving import Serving

RUN = ("run", "--json", "--idea", "a heron", "--groups", "sora")
PAGE = 4096


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with three finished runs; a test takes a copy of it."""
    from tests.conftest import GUARD

    home = tmp_path_factory.mktemp("kept")
    terminal = Terminal(home, GUARD, {"CALLSHEET_HOME": str(home)})
    for _ in range(3):
        assert terminal(*RUN).status == 0
    return home


@pytest.fixture
def file(kept: Path, terminal: Terminal, tmp_path: Path) -> Path:
    home = tmp_path / "copy"
    shutil.copytree(kept, home)
    terminal.env["CALLSHEET_HOME"] = str(home)
    return home / "runs.sqlite"


def _overwrite(file: Path, page: int) -> bytes:
    """Overwrites a page with noise; the whole content that results."""
    content = bytearray(file.read_bytes())
    start = page * PAGE + (100 if page == 0 else 0)
    content[start : (page + 1) * PAGE] = random.Random(page).randbytes((page + 1) * PAGE - start)  # noqa: S311
    file.write_bytes(content)
    return bytes(content)


def _pages(file: Path) -> int:
    return file.stat().st_size // PAGE


def _is_sound(file: Path) -> bool:
    connection = sqlite3.connect(file)
    try:
        return bool(connection.execute("pragma integrity_check").fetchone() == ("ok",))
    except sqlite3.DatabaseError:
        return False
    finally:
        connection.close()


def test_an_overwritten_page_is_found_by_the_next_command_and_the_file_stays_as_it_is(
    terminal: Terminal, file: Path
) -> None:
    # A page of events that nothing reads when a run is started.
    content = _overwrite(file, _pages(file) - 1)
    assert not _is_sound(file)
    for words in (
        RUN,
        ("show", "last", "--json"),
        ("runs", "--json"),
        ("resume", "last", "--json"),
    ):
        result = terminal(*words)
        assert result.status == 6
        assert result.json["error"]["code"] == "storage_corrupt"
        assert f"callsheet runs --rescue {file}" in result.json["error"]["hint"]
        assert file.read_bytes() == content
    found = terminal("doctor", "--json")
    assert found.status == 6
    assert any("is damaged" in each["found"] for each in found.json)


def test_damage_in_any_page_is_found_before_anything_is_written(file: Path, tmp_path: Path) -> None:
    for page in range(_pages(file)):
        copy = tmp_path / f"{page}" / "runs.sqlite"
        copy.parent.mkdir()
        shutil.copyfile(file, copy)
        shutil.copyfile(f"{file}-state", f"{copy}-state")
        content = _overwrite(copy, page)
        if _is_sound(copy):
            continue
        with pytest.raises(StorageCorruptError) as found:
            SqlStore(copy)
        assert found.value.code == "storage_corrupt"
        assert copy.read_bytes() == content


def test_a_file_that_is_cut_short_is_damaged(terminal: Terminal, file: Path) -> None:
    content = file.read_bytes()[: -3 * PAGE]
    file.write_bytes(content)
    result = terminal(*RUN)
    assert (result.status, result.json["error"]["code"]) == (6, "storage_corrupt")
    assert file.read_bytes() == content


def test_a_file_left_by_a_killed_process_is_checked_and_one_in_use_is_not(
    terminal: Terminal, file: Path
) -> None:
    mark = file.with_name("runs.sqlite-state")
    clean = mark.read_bytes()
    with Serving(terminal) as server:
        server.until(server.start("sora"))
        assert mark.read_bytes() == clean, "others may still write"
        assert terminal(*RUN).status == 0
        assert mark.read_bytes() == clean
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
    # What changed while it was dead is found: the mark no longer fits the file.
    _overwrite(file, _pages(file) - 1)
    assert terminal(*RUN).json["error"]["code"] == "storage_corrupt"


def test_damage_that_the_file_system_hides_is_found_by_a_deep_check(
    terminal: Terminal, file: Path
) -> None:
    before = file.stat()
    _overwrite(file, _pages(file) - 1)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    content = file.read_bytes()
    found = terminal("doctor", "--deep", "--json")
    assert found.status == 6
    assert any("is damaged" in each["found"] for each in found.json if not each["well"])
    assert file.read_bytes() == content
    # From then on every command knows.
    assert terminal(*RUN).json["error"]["code"] == "storage_corrupt"


def test_a_deep_check_names_a_changed_file_and_a_missing_event(
    terminal: Terminal, file: Path
) -> None:
    assert terminal("doctor", "--deep").status == 0
    run = terminal("runs", "--json").json[0]["run"]
    connection = sqlite3.connect(file)
    connection.execute("delete from events where run = ? and seq = 3", [run])
    connection.execute("update files set content = content || ' '")
    connection.commit()
    connection.close()
    found = terminal("doctor", "--deep", "--json")
    assert found.status == 6
    problems = " ".join(each["found"] for each in found.json if not each["well"])
    assert f"event 3 of the run {run}" in problems
    assert "a stored file" in problems


def test_what_can_be_read_is_rescued_and_takes_the_place_of_the_damaged_file(
    terminal: Terminal, file: Path
) -> None:
    names = [each["run"] for each in terminal("runs", "--json").json]
    shown = {name: terminal("show", name, "--json").json for name in names}
    content = _overwrite(file, _pages(file) - 1)

    result = terminal("runs", "--rescue", str(file), "--json")

    assert result.status == 0, result.err
    found: dict[str, Any] = result.json
    assert Path(found["damaged"]).read_bytes() == content
    assert Path(found["damaged"]) != file
    assert found["store"] == str(file)
    named = [*found["complete"], *found["partial"], *found["unreadable"]]
    assert sorted(named) == sorted(names)
    assert found["complete"]
    assert _is_sound(file)
    for name in found["complete"]:
        assert terminal("show", name, "--json").json == shown[name]
    assert terminal(*RUN).status == 0
    assert terminal("doctor", "--deep").status == 0


def test_a_file_in_use_is_not_replaced(terminal: Terminal, file: Path) -> None:
    with Serving(terminal):
        result = terminal("runs", "--rescue", str(file), "--json")
    assert (result.status, result.json["error"]["code"]) == (6, "storage_locked")
    assert [*file.parent.glob("*damaged*")] == []


async def test_each_lost_page_costs_only_what_was_in_it(file: Path, tmp_path: Path) -> None:
    whole = SqlStore.in_memory()
    everything = await rescue(file, whole)
    assert (len(everything.complete), everything.partial, everything.unreadable) == (3, {}, [])
    for page in range(1, _pages(file)):
        copy = tmp_path / "damaged.sqlite"
        shutil.copyfile(file, copy)
        content = _overwrite(copy, page)
        store = SqlStore.in_memory()
        found = await rescue(copy, store)
        assert copy.read_bytes() == content
        rescued = [*found.complete, *found.partial]
        for run in rescued:
            events = await store.events(run)
            assert events == (await whole.events(run))[: len(events)], "what is there is unchanged"
        assert {*rescued, *found.unreadable} == set(everything.complete), "each run is named"


def test_another_damaged_file_is_copied_into_the_current_store(
    terminal: Terminal, file: Path, tmp_path: Path
) -> None:
    names = {each["run"] for each in terminal("runs", "--json").json}
    old = tmp_path / "old.sqlite"
    file.rename(old)
    new = terminal(*RUN).json["run"]
    result = terminal("runs", "--rescue", str(old))
    assert result.status == 0
    assert "3 runs copied" in result.err
    assert {each["run"] for each in terminal("runs", "--json").json} == {*names, new}
    again = terminal("runs", "--rescue", str(old), "--json")
    assert set(again.json["present"]) == names


def test_a_file_that_does_not_exist_cannot_be_rescued(terminal: Terminal) -> None:
    result = terminal("runs", "--rescue", "nowhere.sqlite", "--json")
    assert (result.status, result.json["error"]["code"]) == (2, "bad_input")
