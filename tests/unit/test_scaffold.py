"""What is made to be filled in: copies of workflows, and new groups that `check` leads to green."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callsheet.authoring.check import check_workflow
from callsheet.authoring.scaffold import copy_workflow, new_group
from callsheet.errors import AnswerError, InputError, UnknownNameError
from callsheet.jsonc import insert_member, parse
from callsheet.loader.bundle import built_in_workflows, load_workflow
from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore
from tests.support.cli import Terminal

TODAY = dt.date(2026, 11, 23)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A copy of studio."""
    copy_workflow("studio", tmp_path / "mine")
    return tmp_path / "mine"


def files_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("source", list(built_in_workflows()))
def test_a_copy_is_the_workflow_under_its_own_name_with_its_own_groups(
    source: str, tmp_path: Path
) -> None:
    folder = tmp_path / "my own, 2"
    written = copy_workflow(source, folder)

    copied, original = files_of(folder), files_of(built_in_workflows()[source])
    assert sorted(written) == sorted(copied)
    assert '"workflow_id": "my_own_2"' in copied.pop("workflow.json")
    original.pop("workflow.json")
    assert {path: copied[path] for path in original} == original
    assert "config.json" in copied
    ours = load_workflow(str(folder))
    theirs = load_workflow(source)
    assert ours.name == "my_own_2"
    assert ours.resources.catalog == theirs.resources.catalog
    assert check_workflow(str(folder)) == []


def test_nothing_that_is_there_is_written_over(mine: Path, tmp_path: Path) -> None:
    before = files_of(mine)
    with pytest.raises(InputError, match="exists already"):
        copy_workflow("oms", mine)
    with pytest.raises(InputError, match="exists already"):
        copy_workflow("oms", mine / "config.json")
    with pytest.raises(UnknownNameError):
        copy_workflow("studioo", tmp_path / "other")
    draft = mine / "drafts/image_generation/inkwash.json"
    draft.write_text("{}")
    with pytest.raises(InputError, match=r"inkwash\.json exists already"):
        new_group("inkwash", "image_generation", mine, TODAY)
    draft.unlink()
    assert files_of(mine) == before


@pytest.mark.parametrize("category", ["image_generation", "video_generation"])
def test_a_new_group_is_valid_except_for_its_placeholders(mine: Path, category: str) -> None:
    written = new_group("inkwash", category, mine, TODAY)

    assert len(written) == 5
    group = load_workflow(str(mine)).resources.catalog.group("inkwash")
    assert (group.category, group.models, group.checked) == (category, ("INKWASH",), TODAY)
    found = check_workflow(str(mine))
    assert {problem.file for problem in found} == set(written)
    assert all(": still to be written: " in problem.message for problem in found)
    for path in written:
        file = mine / path
        file.write_text(file.read_text().replace("TODO: ", ""))
        waiting = {
            problem.file for problem in check_workflow(str(mine)) if "still" in problem.message
        }
        assert path not in waiting
    rest = check_workflow(str(mine))
    assert {problem.file for problem in rest} == {f"examples/{category}/inkwash.json"}
    assert "must pass, but has" in rest[0].message


async def test_a_group_with_placeholders_is_not_selectable(mine: Path) -> None:
    new_group("inkwash", "image_generation", mine, TODAY)
    service = RunService(read_settings({"HOME": str(mine.parent)}), store=SqlStore.in_memory())

    options = RunOptions(llm="offline", brief={"idea": "a heron"}, groups=["inkwash"])
    with pytest.raises(AnswerError, match="`inkwash` cannot be chosen") as refused:
        await service.start(options, str(mine))
    assert "still to be written" in refused.value.message
    others = replace(options, groups=["flux_2"])
    assert (await (await service.start(others, str(mine))).advance()).error is None


def test_the_other_groups_and_every_comment_of_the_config_stay(mine: Path) -> None:
    config = mine / "config.json"
    before = config.read_text()
    new_group("inkwash", "image_generation", mine, TODAY)
    after: Any = parse(config.read_text(), "config.json")

    lost = set(before.splitlines()) - set(config.read_text().splitlines())
    assert not [line for line in lost if "//" in line]
    was: Any = parse(before, "config.json")
    assert list(after["model_groups"]["image_generation"])[-1] == "inkwash"
    del after["model_groups"]["image_generation"]["inkwash"]
    assert after == was


def test_two_new_groups_stand_behind_one_another_and_names_stay_their_own(mine: Path) -> None:
    new_group("inkwash", "image_generation", mine, TODAY)
    new_group("hailuo_a", "video_generation", mine, TODAY)
    for name, words in (
        ("inkwash", "there is a group"),
        ("Ink Wash", "is not a valid group name"),
        ("../ink", "is not a valid group name"),
    ):
        with pytest.raises(InputError, match=words):
            new_group(name, "image_generation", mine, TODAY)
    with pytest.raises(UnknownNameError, match="category"):
        new_group("ink", "sound_generation", mine, TODAY)
    with pytest.raises(InputError, match=r"not a folder with a `workflow\.json`"):
        new_group("ink", "image_generation", mine / "steps", TODAY)


def test_a_workflow_that_uses_the_built_in_groups_gets_a_config_that_adds_to_them(
    tmp_path: Path,
) -> None:
    copy_workflow("oms", tmp_path / "mine")
    (tmp_path / "mine/config.json").unlink()
    new_group("inkwash", "image_generation", tmp_path / "mine", TODAY)

    config: Any = parse((tmp_path / "mine/config.json").read_text(), "config.json")
    assert config["extends"] is True
    assert list(config["model_groups"]["image_generation"]) == ["inkwash"]
    # The steps of oms name every group's files; what is missing there is told.
    report = " ".join(problem.message for problem in check_workflow(str(tmp_path / "mine")))
    assert "the group `inkwash` has no instructions here" in report


@pytest.mark.parametrize(
    "text",
    ["{}", '{ "a": 1 } // end', '{\n  "a": {"c": [1, {"b": 2}]} // last\n}', '{"a": "}{//"}'],
)
def test_a_member_is_put_behind_the_others_and_nothing_else_changes(text: str) -> None:
    added = insert_member(text, (), '"new": {"x": 1}')

    assert added is not None
    was, now = parse(text, "a"), parse(added, "a")
    assert isinstance(was, dict)
    assert now == {**was, "new": {"x": 1}}
    assert list(now)[-1] == "new"
    assert [each for each in ("// last", "// end") if each in text] == [
        each for each in ("// last", "// end") if each in added
    ]


def test_a_member_finds_its_object_by_path_or_not_at_all() -> None:
    text = '{"a": [{"b": {}}], "b": {"c": {"d": 1}}}'
    assert json.loads(insert_member(text, ("b", "c"), '"e": 2') or "")["b"]["c"] == {"d": 1, "e": 2}
    assert insert_member(text, ("a", "b"), '"e": 2') is None
    assert insert_member("]", (), '"e": 2') is None


def test_the_commands_say_what_they_made_and_what_comes_next(terminal: Terminal) -> None:
    made = terminal("init", "mine", "--from", "oms")
    assert made.status == 0
    assert made.out.startswith("copied oms to mine: ")
    new = terminal("groups", "new", "ink", "--category", "video_generation", "--workflow", "mine")
    assert new.status == 0
    assert new.out.splitlines()[0] == "mine/config.json"
    assert "callsheet check mine" in new.err
    assert terminal("check", "mine").status == 2
    again = terminal("init", "mine")
    assert (again.status, again.err.splitlines()[0]) == (2, "error: mine exists already")
    there = terminal("groups", "new", "sora", "--category", "image_generation")
    assert (there.status, there.out) == (2, "")
    assert "is not a folder with a `workflow.json`" in there.err
