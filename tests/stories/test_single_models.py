"""One model of a group is chosen alone: `stable_diffusion/SD_B`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from callsheet import build_instructions, build_schema, load_groups
from callsheet.catalog.schemas import models_in
from callsheet.errors import GroupProblem, InputError
from callsheet.loader.bundle import inspect_workflow
from callsheet.runs.edit import replace_prompt
from callsheet.runs.estimate import estimate_retry
from callsheet.runs.options import RunOptions
from callsheet.settings import read_settings
from tests.support.batches import SharedStore, read_csv, write_sheet
from tests.support.runs import IDEA, InMemoryRuns, client_of, prompts_of
from tests.support.strict_openai import StrictOpenAI

OMS = Path(__file__).parents[2] / "src/callsheet/workflows/oms"
SD = (OMS / "prompts/image_generation/stable_diffusion_instructions.txt").read_text("utf-8").strip()


def _sent(server: StrictOpenAI, number: int = -1) -> tuple[str, list[str]]:
    """System message and models of a request."""
    seen = server.requests[number].json
    system = next(m["content"] for m in seen["messages"] if m["role"] == "system")
    schema = seen["response_format"]["json_schema"]["schema"]
    return system, list(schema["properties"]["prompts"]["properties"])


async def _retry(runs: InMemoryRuns, run: str, **options: Any) -> dict[str, Any]:
    session = await runs.service.retry(run, RunOptions(**options))
    await session.advance()
    await session.close()
    assert session.view.status == "succeeded", session.view.error
    return session.document()


async def test_only_its_part_of_the_instructions_and_of_the_schema_is_sent(
    server: StrictOpenAI,
) -> None:
    document = await InMemoryRuns.with_llm(client_of(server)).run(["stable_diffusion/SD_B"])

    assert document["status"] == "succeeded", document
    assert document["selection"]["image_generation"] == ["stable_diffusion"]
    assert document["models"] == {"image_generation": ["SD_B"], "video_generation": []}
    assert list(prompts_of(document)) == ["SD_B"]
    system, models = _sent(server)
    assert models == ["SD_B"]
    assert system == build_instructions(["stable_diffusion/SD_B"])
    assert "SD_B and SD_C are one pair" in system
    assert "## SD_B" in system
    assert "## SD_A" not in system
    assert "## SD_C" not in system


async def test_savings_and_receipt_compare_what_was_sent_with_all_groups(
    server: StrictOpenAI,
) -> None:
    runs = InMemoryRuns.with_llm(client_of(server))
    documents = {}
    for name in ("stable_diffusion", "stable_diffusion/SD_B"):
        session = await runs.session([name])
        await session.write_receipt()
        documents[name] = session.document()
    whole, one = documents.values()

    assert one["savings"]["instruction_tokens"] < whole["savings"]["instruction_tokens"] * 0.8
    assert one["savings"]["instruction_tokens_all"] == whole["savings"]["instruction_tokens_all"]
    assert one["receipt"]["saved"]["tokens"] > whole["receipt"]["saved"]["tokens"]


@pytest.mark.parametrize(
    ("names", "models"),
    [
        (["stable_diffusion/SD_C", "stable_diffusion/SD_A"], ["SD_A", "SD_C"]),
        (["stable_diffusion/SD_C", "stable_diffusion"], ["SD_A", "SD_B", "SD_C"]),
        ([f"stable_diffusion/SD_{x}" for x in "ABC"], ["SD_A", "SD_B", "SD_C"]),
        (["leonardo/LEONARDO_ANIME_XL_A", "sora/SORA_1_A"], ["SORA_1_A", "LEONARDO_ANIME_XL_A"]),
    ],
)
async def test_several_models_and_whole_groups_are_combined(
    names: list[str], models: list[str]
) -> None:
    document = await InMemoryRuns.with_llm().run(names)
    assert document["models"]["image_generation"] == models
    assert list(prompts_of(document)) == models
    assert list(models_in(build_schema(names))) == models


def test_with_the_whole_group_the_instructions_are_its_file_as_it_stands() -> None:
    whole = build_instructions(["stable_diffusion"])
    assert whole.endswith(f"\n\n{SD}")
    assert build_instructions([f"stable_diffusion/SD_{x}" for x in "BCA"]) == whole
    assert build_instructions(["stable_diffusion", "stable_diffusion/SD_B"]) == whole


def test_every_model_of_a_group_with_several_gets_its_own_part_in_both_workflows() -> None:
    for workflow in ("oms", "studio"):
        for groups in load_groups(workflow).values():
            for name, group in groups.items():
                if len(group.models) == 1:
                    continue
                for model in group.models:
                    text = build_instructions([f"{name}/{model}"], workflow=workflow)
                    marked = [m for m in group.models if f"\n## {m}\n" in text]
                    assert marked == [model]


async def test_studio_writes_one_family_alone() -> None:
    document = await InMemoryRuns.with_llm().run(["stable_diffusion/SDXL_PONY"], "studio")
    assert list(prompts_of(document)) == ["SDXL_PONY"]
    text = build_instructions(["stable_diffusion/SDXL_PONY"], workflow="studio")
    assert "score_9" in text
    assert "danbooru" in text
    assert "great score" not in text


async def test_a_retry_with_one_model_replaces_the_selection_and_keeps_its_prompt(
    server: StrictOpenAI,
) -> None:
    runs = InMemoryRuns.with_llm(client_of(server))
    first = await runs.session(["stable_diffusion", "leonardo"])
    before = prompts_of(first.document())

    after = await _retry(runs, first.view.run, groups=["stable_diffusion/SD_B"])
    assert after["models"]["image_generation"] == ["SD_B"]
    assert prompts_of(after) == {"SD_B": before["SD_B"]}
    assert len(server.requests) == 1

    again = await _retry(runs, first.view.run, rewrite=["SD_B"])
    assert again["models"]["image_generation"] == ["SD_B"]
    assert _sent(server)[1] == ["SD_B"]


async def test_adding_the_rest_of_the_group_writes_only_the_rest(server: StrictOpenAI) -> None:
    runs = InMemoryRuns.with_llm(client_of(server))
    first = await runs.session(["sora/SORA_1_A"])
    run, before = first.view.run, prompts_of(first.document())

    options = RunOptions(groups=["sora"])
    told = await estimate_retry(run, options, read_settings(), store=runs.service.store)
    assert (told["write"], told["keep"]) == (["SORA_2_A"], ["SORA_1_A"])

    after = await _retry(runs, run, groups=["sora"])
    system, models = _sent(server)
    assert models == ["SORA_2_A"]
    assert "## SORA_1_A" not in system
    assert list(prompts_of(after)) == ["SORA_2_A", "SORA_1_A"]
    assert prompts_of(after)["SORA_1_A"] == before["SORA_1_A"]


async def test_editing_a_finished_prompt_keeps_the_selection_of_single_models() -> None:
    runs = InMemoryRuns.with_llm()
    first = await runs.session(["stable_diffusion/SD_B"])
    await first.close()
    session = await replace_prompt(runs.service, first.view.run, "SD_B", "masterpiece, heron")
    assert session.document()["models"]["image_generation"] == ["SD_B"]


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("stable_diffusion/SD_BB", "has no model 'SD_BB'", "known: SD_B, SD_"),
        ("stable_diffusion/", "has no model ''", "known: "),
        ("sora/SD_B", "`sora` has no model 'SD_B'", "known: SORA_"),
        ("stabel/SD_B", "no model group 'stabel'", "known: "),
        ("SD_B", "'SD_B' is a model", "stable_diffusion/SD_B"),
    ],
)
async def test_an_unknown_model_is_refused_with_the_known_ones_nearest_first(
    name: str, message: str, hint: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        await InMemoryRuns.with_llm().run([name])
    assert hint in caught.value.hint


async def test_a_workflow_that_writes_for_whole_groups_says_so_before_anything_is_written(
    tmp_path: Path,
) -> None:
    older = tmp_path / "older"
    shutil.copytree(OMS, older)
    step = older / "steps/prompt_generation.json"
    models = '"selected_models": "$state.selected_image_models",'
    step.write_text(step.read_text("utf-8").replace(models, ""), "utf-8")
    runs = InMemoryRuns.with_llm()
    assert list(prompts_of(await runs.run(["sora"], str(older)))) == ["SORA_2_A", "SORA_1_A"]

    with pytest.raises(InputError, match="writes for whole groups") as caught:
        await runs.run(["sora/SORA_1_A"], str(older))
    assert "choose `sora`" in caught.value.hint
    asked = await runs.service.start(RunOptions(brief={"idea": IDEA}), str(older))
    await asked.advance()
    with pytest.raises(InputError, match="writes for whole groups"):
        await asked.answer("1/SORA_1_A")


def test_check_reports_a_mark_whose_model_is_misspelt(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(OMS, mine)
    path = mine / "prompts/image_generation/sora_instructions.txt"
    path.write_text(path.read_text("utf-8").replace("## SORA_1_A", "## SORA_1A"), "utf-8")
    _, problems = inspect_workflow(str(mine))
    found = {each.message for each in problems if isinstance(each, GroupProblem)}
    assert found == {"line 18 marks a part for `SORA_1A`; is `SORA_1_A` meant?"}
    assert {each.group for each in problems if isinstance(each, GroupProblem)} == {"sora"}


async def test_the_rows_of_a_batch_name_models(tmp_path: Path) -> None:
    rows = [
        {"idea": "a heron", "groups": "stable_diffusion/SD_B"},
        {"idea": "a boat", "groups": "sora/SORA_1_A; stable_diffusion/SD_A"},
        {"idea": "a tram", "groups": ""},
    ]
    sheet = write_sheet(tmp_path / "ideas.csv", rows)
    await SharedStore.with_llm().write(sheet, tmp_path / "out.csv")
    written = [
        [model for model in ("SORA_1_A", "LEONARDO_ANIME_XL_A", "SD_A", "SD_B") if row.get(model)]
        for row in read_csv(tmp_path / "out.csv")
    ]
    assert written == [["SD_B"], ["SORA_1_A", "SD_A"], ["LEONARDO_ANIME_XL_A"]]
    assert "SORA_2_A" not in read_csv(tmp_path / "out.csv")[0]

    wrong = write_sheet(tmp_path / "wrong.csv", [{"idea": "a", "groups": "sora/SORA_3"}])
    with pytest.raises(InputError, match="SORA_3"):
        await SharedStore.with_llm().execute(wrong)


async def test_events_of_whole_groups_read_as_before() -> None:
    """A choice of whole groups is recorded by their names, as earlier versions did."""
    session = await InMemoryRuns.with_llm().session(["sora/SORA_2_A", "sora/SORA_1_A"])
    answers = json.loads(json.dumps(session.view.answers_by_step["prompt_generation"]))
    assert answers["groups.image_generation"] == ["sora"]
