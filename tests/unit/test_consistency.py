"""`check` finds what runs without an error and is wrong: maps, drafts and fields that do not fit."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from callsheet.authoring import scaffold
from callsheet.authoring.check import check_workflow
from callsheet.authoring.groups import list_groups
from callsheet.authoring.scaffold import copy_workflow, new_group
from callsheet.errors import AnswerError, Problem, WorkflowError
from callsheet.jsonc import parse
from callsheet.loader.bundle import built_in_workflows, load_stored, load_workflow
from callsheet.runs.estimate import estimate_selection
from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore
from callsheet.templates import names_read
from tests.unit.test_scaffold import TODAY

PLAN = 1
STEP = "steps/prompt_generation.json"
SORA = '          "sora": "{}/image_generation/sora_{}",\n'


@pytest.fixture(params=["oms"])
def mine(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    copy_workflow(request.param, tmp_path / "mine")
    return tmp_path / "mine"


def messages(folder: Path) -> list[str]:
    return [str(problem) for problem in check_workflow(str(folder))]


def edit(file: Path, old: str, new: str, count: int = 1) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, count))


@pytest.mark.parametrize("workflow", list(built_in_workflows()))
def test_the_built_in_workflows_fit_together(workflow: str) -> None:
    assert check_workflow(workflow) == []


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (SORA.format("prompts", "instructions.txt"), "group_instructions"),
        (SORA.format("schemas", "schema.json"), "group_schemas"),
    ],
)
def test_a_group_unknown_to_the_plan_is_reported(mine: Path, line: str, name: str) -> None:
    # The first map of each kind in the file is the plan's.
    edit(mine / STEP, line, "")
    (problem,) = check_workflow(str(mine))
    assert problem.file == STEP
    assert problem.path == f"$.modules[{PLAN}].inputs.{name}"
    assert "`sora` is missing: changes to its file would not be noticed" in problem.message


@pytest.mark.parametrize("name", ["group_instructions", "group_schemas"])
def test_a_group_unknown_to_a_builder_is_reported(mine: Path, name: str) -> None:
    line = SORA.format(
        *{
            "group_instructions": ("prompts", "instructions.txt"),
            "group_schemas": ("schemas", "schema.json"),
        }[name]
    )
    text = (mine / STEP).read_text()
    before, _, after = text.rpartition(line)
    (mine / STEP).write_text(before + after)
    (problem,) = check_workflow(str(mine))
    assert problem.path.endswith(f".inputs.{name}.sora")


def test_maps_of_one_step_that_differ_are_found(mine: Path) -> None:
    other = "prompts/image_generation/other_instructions.txt"
    shutil.copy(mine / "prompts/image_generation/sora_instructions.txt", mine / other)
    edit(mine / STEP, "prompts/image_generation/sora_instructions.txt", other)
    (problem,) = check_workflow(str(mine))
    assert problem.path == f"$.modules[{PLAN}].inputs.group_instructions"
    assert f"`sora` is {other} here and" in problem.message
    assert "in `prompt.build_grouped_prompt`" in problem.message


def test_a_plan_without_maps_is_compared_with_maps_of_the_builders(mine: Path) -> None:
    step = mine / STEP
    text = step.read_text()
    found = re.search(r',\n        "group_schemas": \{[^}]*\}', text)
    assert found is not None
    step.write_text(text.replace(found[0], "", 1))
    assert check_workflow(str(mine)) == []
    other = "schemas/image_generation/other_schema.json"
    shutil.copy(mine / "schemas/image_generation/sora_schema.json", mine / other)
    edit(step, "schemas/image_generation/sora_schema.json", other)
    (problem,) = check_workflow(str(mine))
    assert problem.path == f"$.modules[{PLAN}].inputs"
    assert other in problem.message


def test_a_group_without_a_draft_is_found(mine: Path, tmp_path: Path) -> None:
    edit(mine / STEP, '          {"$ref": "drafts/image_generation/sora.json"},\n', "")
    (problem,) = check_workflow(str(mine))
    assert problem.path.endswith(".inputs.drafts")
    assert "the group `sora` has no draft for SORA_2_A, SORA_1_A" in problem.message

    other = tmp_path / "other"
    copy_workflow("studio", other)
    (other / "drafts/image_generation/flux_2.json").unlink()
    (problem,) = check_workflow(str(other))
    assert problem.path.endswith(".inputs.drafts_of")
    assert problem.hint == "write drafts/image_generation/flux_2.json"
    # It is reported, and an LLM can write it all the same.
    assert load_workflow(str(other)).resources.catalog.group("flux_2").problems == ()


@pytest.mark.parametrize("workflow", ["oms", "studio"])
def test_a_field_that_nothing_reads_is_found(workflow: str, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    copy_workflow(workflow, folder)
    form = folder / "steps/user_input.json"
    field = '{"key": "season", "text": "In which season?", "default": "winter"},\n          '
    edit(form, '{\n            "key": "idea"', field + '{\n            "key": "idea"')
    (problem,) = check_workflow(str(folder))
    assert (problem.file, problem.path) == (
        "steps/user_input.json",
        "$.modules[0].inputs.fields[0]",
    )
    assert "nothing reads the field `season`" in problem.message
    edit(folder / STEP, '"idea": "$state.brief.idea"', '"season": "$state.brief.season",\n          "idea": "$state.brief.idea"')  # fmt: skip
    assert check_workflow(str(folder)) == []


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("{{ idea }} and {{ brief.mood | upper }}", {"idea", "brief.mood"}),
        ("{% if season %}{{ brief['light'] }}{% endif %}", {"season", "brief.light"}),
        ("{% for key, value in brief | items %}{{ value }}{% endfor %}", {"brief", "key", "value"}),
        ("plain", set()),
        ("{{ broken", set()),
    ],
)
def test_the_names_that_a_template_reads(template: str, names: set[str]) -> None:
    assert names_read(template) == names


def test_a_new_group_of_a_built_in_workflow_goes_into_the_config_that_it_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "package"
    shutil.copytree(built_in_workflows()["oms"], package / "workflows/oms")
    shutil.copy(built_in_workflows()["oms"].parents[1] / "config.json", package)
    folder = package / "workflows/oms"
    monkeypatch.setattr(scaffold, "built_in_workflows", lambda: {"oms": folder})
    written = new_group("inkwash", "image_generation", folder, TODAY)
    assert written[0] == "../../config.json"
    assert not (folder / "config.json").exists()
    config: Any = parse((package / "config.json").read_text(), "config.json")
    assert list(config["model_groups"]["image_generation"])[-1] == "inkwash"


def spoil(folder: Path, how: str) -> None:
    """Leaves one group unfinished."""
    schema = folder / "schemas/image_generation/flux_2_schema.json"
    instructions = folder / "prompts/image_generation/flux_2_instructions.txt"
    match how:
        case "todo":
            instructions.write_text(instructions.read_text() + "\nTODO: say the order\n")
        case "no instructions":
            instructions.unlink()
        case "no schema":
            schema.unlink()
        case "broken schema":
            schema.write_text("{")
        case "other models":
            schema.write_text(schema.read_text().replace("FLUX_2", "FLUX_9"))
        case "entry":
            edit(folder / "config.json", '"label": "FLUX.2"', '"label": "TODO: a name"')


WAYS = ("todo", "no instructions", "no schema", "broken schema", "other models", "entry")


@pytest.mark.parametrize("how", WAYS)
async def test_an_unfinished_group_cannot_be_chosen_and_the_others_can(
    how: str, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    copy_workflow("studio", mine)
    spoil(mine, how)
    assert check_workflow(str(mine)) != []
    settings, store = read_settings({"HOME": str(tmp_path)}), SqlStore.in_memory()
    service = RunService(settings, store=store)

    async def start(*groups: str) -> Any:
        options = RunOptions(llm="offline", brief={"idea": "a heron"}, groups=[*groups])
        return await service.start(options, str(mine))

    with pytest.raises(AnswerError, match="`flux_2` cannot be chosen: it is not finished: "):
        await start("flux_2", "gpt_image")
    view = await (await start("gpt_image")).advance()
    assert view.error is None
    everything = await (await start("all")).advance()
    assert everything.error is None
    groups = load_workflow(str(mine)).resources.catalog
    chosen = (await load_stored(store, view.manifest)).resources.catalog
    assert chosen.group("flux_2").problems == groups.group("flux_2").problems != ()

    (row,) = [each for each in list_groups(str(mine), today=TODAY) if each["name"] == "flux_2"]
    assert row["problems"]
    assert row["tokens"] is None
    report = await estimate_selection(["gpt_image"], settings, workflow=str(mine), llm="offline")
    assert report["all"]["input_tokens"] > report["selection"]["input_tokens"]


def test_what_is_wrong_with_the_workflow_itself_still_stops_it(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    copy_workflow("studio", mine)
    (mine / "prompts/image_generation/_shared_instructions.txt").unlink()
    with pytest.raises(WorkflowError):
        load_workflow(str(mine))


def test_a_problem_of_check_has_the_same_form_wherever_it_comes_from(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    copy_workflow("studio", mine)
    spoil(mine, "no schema")
    assert all(isinstance(each, Problem) and str(each) for each in check_workflow(str(mine)))
    assert json.dumps([str(each) for each in check_workflow(str(mine))])
