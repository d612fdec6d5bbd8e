"""What the plan shows, word for word: its merged schema, its prompt builder, its workflow snippet."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from callsheet.catalog.instructions import join_instructions
from callsheet.catalog.schemas import merge_schemas
from callsheet.errors import AnswerError
from callsheet.loader.bundle import inspect_workflow, load_workflow
from tests.support.runs import InMemoryRuns, client_of, prompts_of
from tests.support.strict_openai import StrictOpenAI

SNIPPET = Path(__file__).parents[1] / "fixtures" / "plan" / "after_snippet.jsonc"
OMS = Path(__file__).parents[2] / "src/callsheet/workflows/oms"


def _schema(*models: str) -> dict[str, Any]:
    return {
        "properties": {
            "prompts": {
                "properties": {model: {"type": "string"} for model in models},
                "required": list(models),
            }
        }
    }


MERGED = """{
  "type": "object",
  "properties": {
    "prompts": {
      "type": "object",
      "properties": {
        "SORA_2_A": {"type": "string"},
        "SORA_1_A": {"type": "string"},
        "LEONARDO_ANIME_XL_A": {"type": "string"}
      },
      "required": ["SORA_2_A", "SORA_1_A", "LEONARDO_ANIME_XL_A"],
      "additionalProperties": false
    }
  },
  "required": ["prompts"],
  "additionalProperties": false
}"""


def test_the_two_example_schemas_give_the_plans_merged_schema_key_by_key() -> None:
    merged = merge_schemas(
        {
            "schemas/image_generation/sora_schema.json": _schema("SORA_2_A", "SORA_1_A"),
            "schemas/image_generation/leonardo_schema.json": _schema("LEONARDO_ANIME_XL_A"),
        }
    )
    assert json.dumps(merged) == json.dumps(json.loads(MERGED))


def test_the_merged_prompt_is_the_shared_text_then_each_groups_with_a_blank_line_between() -> None:
    merged = join_instructions("shared\n", ["sora\n", "\nleonardo"])
    assert merged == "shared\n\nsora\n\nleonardo"


def _workflow(folder: Path) -> str:
    """A copy of oms whose generation step is the plan's snippet, as it stands but for `{ ... }`."""
    for name in ("prompts", "schemas"):
        shutil.copytree(OMS / name, folder / name)
    filled = SNIPPET.read_text("utf-8").replace(
        "{ ... }",
        json.dumps(
            {key: f"$state.brief.{key}" for key in ("idea", "aesthetic", "mood", "aspect_ratio")}
        ),
    )
    assert "..." not in filled
    (folder / "generation.jsonc").write_text(filled)
    (folder / "form.json").write_text((OMS / "steps/user_input.json").read_text("utf-8"))
    (folder / "workflow.json").write_text(
        json.dumps(
            {
                "workflow_id": "plan",
                "name": "The plan's snippet",
                "steps": [{"$ref": "form.json"}, {"$ref": "generation.jsonc"}],
                "results": {
                    "selection": {"image_generation": "$state.selected_image_groups"},
                    "prompts": {"image_generation": "$state.image_prompts.prompts"},
                },
            }
        )
    )
    return str(folder)


async def test_the_plans_after_snippet_runs_unchanged_with_one_call(tmp_path: Path) -> None:
    with StrictOpenAI() as server:
        document = await InMemoryRuns.with_llm(client_of(server)).run(
            ["sora", "leonardo"], _workflow(tmp_path)
        )
        assert document["status"] == "succeeded", document
        assert list(prompts_of(document)) == ["SORA_2_A", "SORA_1_A", "LEONARDO_ANIME_XL_A"]
        assert len(server.requests) == 1


async def test_without_drafts_the_offline_door_stops_and_names_the_module(tmp_path: Path) -> None:
    session = await InMemoryRuns.with_llm().session(["sora"], _workflow(tmp_path))
    assert session.view.error is not None
    assert session.view.error.exit_code == 2
    assert "prompt_generation, api.openai: `offline` has no draft" in session.view.error.located


@pytest.mark.parametrize("half", ["prompts/image_generation/sora_instructions.txt",
                                  "schemas/image_generation/sora_schema.json"])  # fmt: skip
async def test_a_group_with_missing_files_is_rejected_before_any_call(
    tmp_path: Path, half: str
) -> None:
    workflow = _workflow(tmp_path)
    (tmp_path / half).unlink()
    with pytest.raises(AnswerError, match="`sora` cannot be chosen") as refused:
        await InMemoryRuns.with_llm().session(["sora", "leonardo"], workflow)
    assert half in str(refused.value)
    assert half in {problem.file for problem in inspect_workflow(workflow)[1]}
    catalog = load_workflow(workflow).resources.catalog
    assert catalog.usable(["sora", "leonardo"]) == ["leonardo"]


def test_check_reports_every_problem_with_its_file(tmp_path: Path) -> None:
    workflow = _workflow(tmp_path)
    (tmp_path / "prompts/image_generation/sora_instructions.txt").write_text(" \n")
    schema = tmp_path / "schemas/image_generation/leonardo_schema.json"
    schema.write_text(json.dumps(_schema("LEONARDO_ANIME_XL_B")))
    (tmp_path / "schemas/image_generation/phoenix_schema.json").write_text('{"properties": {}}')
    problems = inspect_workflow(workflow)[1]
    assert {problem.file.rpartition("/")[2] for problem in problems} == {
        "sora_instructions.txt",
        "leonardo_schema.json",
        "phoenix_schema.json",
    }
    assert all(problem.message for problem in problems)
