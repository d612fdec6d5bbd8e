"""A workflow can use the groups of an installed package after its own; they are read as data."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path

import pytest

from callsheet import build_instructions, load_groups
from callsheet.authoring.check import check_workflow
from callsheet.authoring.lint import lint
from callsheet.authoring.scaffold import copy_workflow, new_group
from callsheet.errors import WorkflowError
from callsheet.loader.bundle import load_workflow
from callsheet.plugins import GROUPS
from tests.support.cli import Terminal
from tests.support.plugins import install

TODAY = dt.date(2026, 11, 23)
PROMPT = "Ink wash: a heron stands in shallow water, reeds to the left, bare paper for the light."


def pack(site: Path, package: str, group: str) -> Path:
    """A finished pack with one image group."""
    draft = site.parent / f"{group}-draft"
    copy_workflow("studio", draft)
    written = new_group(group, "image_generation", draft, TODAY)
    home = site / package
    for path in written[1:]:
        target = home / path
        target.parent.mkdir(parents=True)
        shutil.copy(draft / path, target)
        target.write_text(target.read_text().replace("TODO: ", ""))
    examples = home / f"examples/image_generation/{group}.json"
    model = group.upper()
    examples.write_text(json.dumps({"pass": [{"model": model, "prompt": PROMPT}], "fail": []}))
    entry = {"models": [model], "label": "Ink wash", "description": "Wet ink on rough paper"}
    config = {"model_groups": {"image_generation": {group: entry}}}
    (home / "config.json").write_text(json.dumps(config))
    return home


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place where packages are installed."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture
def inkwash(site: Path) -> Path:
    home = pack(site, "inkwash_pack", "inkwash")
    install(site, "inkwash_pack", {GROUPS.group: {"inkwash": "inkwash_pack"}})
    return home


def test_a_workflow_with_plugins_lists_the_groups_of_the_packages_after_its_own(
    inkwash: Path,
) -> None:
    groups = load_groups("studio")["image_generation"]
    assert list(groups)[-1] == "inkwash"
    assert "inkwash" not in load_groups("oms")["image_generation"]
    assert "key INKWASH" in build_instructions(["inkwash"], workflow="studio")
    assert check_workflow("studio") == []
    found = lint(f"{PROMPT} --raw", "INKWASH", "studio")
    assert [each.rule for each in found] == ["plain-text: flag"]


def test_its_examples_are_run_and_its_schema_is_checked(inkwash: Path) -> None:
    examples = inkwash / "examples/image_generation/inkwash.json"
    examples.write_text('{"pass": [{"model": "INKWASH", "prompt": "too short"}], "fail": []}')
    assert [problem.file for problem in check_workflow("studio")] == [
        "examples/image_generation/inkwash.json"
    ]
    (inkwash / "schemas/image_generation/inkwash_schema.json").unlink()
    assert "is missing" in check_workflow("studio")[0].message


def test_the_workflows_own_group_and_files_go_before_the_packages(
    inkwash: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    copy_workflow("studio", mine)
    (mine / "prompts/image_generation/inkwash_instructions.txt").write_text("# Ours: key INKWASH\n")
    assert "# Ours" in build_instructions(["inkwash"], workflow=str(mine))

    other = tmp_path / "other"
    copy_workflow("studio", other)
    config = other / "config.json"
    config.write_text(config.read_text().replace('"guests": true', '"guests": false'))
    assert "inkwash" not in load_groups(str(other))["image_generation"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (None, "the package `inkwash_pack` brings no `config.json`"),
        ("{", "not JSON"),
        ('{"model_groups": {"image_generation": {"inkwash": {}}}}', "field required"),
    ],
)
def test_a_package_with_an_unreadable_config_is_reported_with_its_file(
    inkwash: Path, config: str | None, words: str
) -> None:
    file = inkwash / "config.json"
    file.unlink()
    if config is not None:
        file.write_text(config)
    with pytest.raises(WorkflowError) as raised:
        load_workflow("studio")
    problem = raised.value.problems[0]
    assert problem.file == "inkwash/config.json"
    assert words in problem.message
    assert check_workflow("studio") == list(raised.value.problems)


def test_a_model_that_another_group_has_is_rejected(site: Path, inkwash: Path) -> None:
    config = inkwash / "config.json"
    config.write_text(config.read_text().replace('"INKWASH"', '"HAILUO"'))
    assert "already belongs to" in check_workflow("studio")[0].message


def test_it_is_chosen_and_written_like_any_other_and_a_run_outlives_it(
    inkwash: Path, terminal: Terminal
) -> None:
    terminal.env["PYTHONPATH"] = f"{terminal.guard}:{inkwash.parent}"
    result = terminal("run", "studio", "--idea", "a heron", "--groups", "inkwash", "--json")
    assert result.status == 0, result.err
    assert list(result.json["prompts"]["image_generation"]) == ["INKWASH"]
    assert "inkwash" in terminal("groups", "--workflow", "studio").out

    shutil.rmtree(inkwash.parent)
    assert "inkwash" not in terminal("groups", "--workflow", "studio").out
    shown = terminal("show", "last", "--json")
    assert shown.status == 0, shown.err
    assert shown.json["prompts"] == result.json["prompts"]
