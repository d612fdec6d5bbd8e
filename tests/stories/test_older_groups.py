"""A group that a newer one replaces is hidden from every list of choices, and works by its name."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pydantic import TypeAdapter

from callsheet import estimate, load_groups
from callsheet.authoring.check import check_workflow
from callsheet.authoring.describe import describe_workflow
from callsheet.authoring.groups import find_outdated
from callsheet.cli.main import cli
from callsheet.cli.questions import question_text
from callsheet.errors import AnswerError
from callsheet.questions import Question, parse_answer
from callsheet.runs.options import RunOptions
from callsheet.web.response_models import GroupSummary
from tests.support.batches import read_csv, write_sheet
from tests.support.older_groups import write_workflow
from tests.support.runs import InMemoryRuns

TODAY = dt.date(2026, 12, 1)
CLOSES = "Ink 1 closes on 2099-03-01; successor: `ink_2`"
REPLACED = "Clip 1 is replaced by `clip_2`"


@pytest.fixture
def older(tmp_path: Path) -> str:
    return str(write_workflow(tmp_path / "older"))


def invoke(*words: str) -> Result:
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0, result.output
    return result


async def question(older: str) -> Question:
    """The first question of a run without a selection."""
    session = await InMemoryRuns.with_llm().service.start(
        RunOptions(brief={"idea": "a heron"}), older
    )
    await session.advance()
    assert session.view.question is not None
    return session.view.question


def test_groups_hides_older_groups_and_says_how_to_list_them(older: str) -> None:
    listed = invoke("groups", "--workflow", older, "--json")
    assert [each["name"] for each in json.loads(listed.stdout)] == ["oil", "ink_2", "clip_2"]
    assert {each["successor"] for each in json.loads(listed.stdout)} == {None}

    shown = invoke("groups", "--workflow", older)
    assert "ink_1" not in shown.stdout
    assert f"to also list 2 older groups: callsheet groups --workflow {older}" in shown.stderr


def test_groups_lists_older_groups_with_successor_and_closing_on_request(older: str) -> None:
    listed = json.loads(invoke("groups", "--workflow", older, "--older", "--json").stdout)
    found = {each["name"]: each for each in listed}

    assert [*found] == ["ink_1", "oil", "ink_2", "clip_1", "clip_2"]
    assert found["ink_1"]["successor"] == "ink_2"
    assert found["ink_1"]["closed"] == {"date": "2099-03-01", "successor": "`ink_2`"}
    assert (found["ink_1"]["notice"], found["clip_1"]["notice"]) == (CLOSES, REPLACED)
    shown = invoke("groups", "--workflow", older, "--older")
    assert shown.stdout.count("replaced") == 2
    assert CLOSES in shown.stderr


async def test_the_question_numbers_current_groups_and_accepts_older_ones_by_name(
    older: str,
) -> None:
    asked = await question(older)
    text = question_text(asked)

    assert "1. Oil - " in text
    assert "2. Ink 2 - " in text
    assert "Ink 1" not in text
    assert "(older groups by name; `groups --older` lists them)" in text
    answers = {
        answer: parse_answer(asked, answer) for answer in ("all", "1-2", "ink_1", "2,ink_1/INK_1")
    }
    current = ["oil", "ink_2"]
    both = ["ink_1", "ink_2"]
    assert answers == {"all": current, "1-2": current, "ink_1": ["ink_1"], "2,ink_1/INK_1": both}
    with pytest.raises(AnswerError, match="'3' is out of range"):
        parse_answer(asked, "3")
    assert Question.from_json(asked.to_json()) == asked


async def test_all_means_current_groups_and_an_older_one_may_be_added(older: str) -> None:
    runs = InMemoryRuns.with_llm()
    every = await runs.run(["all"], older)
    added = await runs.run(["ink_1", "all"], older)

    assert every["selection"]["image_generation"] == ["oil", "ink_2"]
    assert every["selection"]["video_generation"] == ["clip_2"]
    assert added["selection"]["image_generation"] == ["ink_1", "oil", "ink_2"]


async def test_a_run_with_an_older_group_says_so_once_and_so_does_its_retry(older: str) -> None:
    runs = InMemoryRuns.with_llm()
    session = await runs.session(["ink_1", "clip_1"], older)
    name = session.view.run

    def notes(document: Any) -> list[str]:
        return [each.text for each in document.notes]

    assert notes(await runs.service.show(name)) == [CLOSES, REPLACED]
    assert [*session.document()["prompts"]["image_generation"]] == ["INK_1"]
    again = await runs.service.retry(name, RunOptions(groups=["ink_1", "oil"]))
    await again.advance()
    assert notes(await runs.service.show(name))[0] == CLOSES


def test_a_batch_takes_older_groups_by_name_and_says_so_once(older: str, tmp_path: Path) -> None:
    rows = [{"idea": f"heron {n}", "groups": cell} for n, cell in enumerate(("ink_1", "ink_1", "all"))]  # fmt: skip
    sheet = write_sheet(tmp_path / "ideas.csv", rows)
    output = tmp_path / "out.csv"

    result = invoke("batch", str(sheet), "--workflow", older, "--output", str(output))

    assert result.stderr.count(f"note: {CLOSES}") == 1
    columns = ("INK_1", "OIL", "INK_2", "CLIP_1", "CLIP_2")
    found = read_csv(output)
    written = [[name for name in columns if row.get(name)] for row in found]
    assert written == [["INK_1"], ["INK_1"], ["OIL", "INK_2", "CLIP_2"]]
    assert "CLIP_1" not in found[0]


def test_savings_are_measured_against_current_groups_and_those_chosen(older: str) -> None:
    chosen, every = (estimate(names, workflow=older) for names in (["oil"], ["oil", "ink_2"]))
    assert chosen.input_tokens_all == every.input_tokens
    three = estimate(["ink_1"], workflow=older).input_tokens_all
    assert three > every.input_tokens


def test_python_and_http_have_the_successor_of_every_group(older: str) -> None:
    found = {
        name: group.successor for groups in load_groups(older).values() for name, group in groups.items()
    }  # fmt: skip
    successors = {"ink_1": "ink_2", "oil": None, "ink_2": None, "clip_1": "clip_2", "clip_2": None}
    assert found == successors

    form = describe_workflow(older, today=TODAY)
    listed = [group for category in form["categories"] for group in category["groups"]]
    summaries = TypeAdapter(list[GroupSummary]).validate_python(listed)
    assert {each.name: each.successor for each in summaries} == successors


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"ink_1": {"successor": "ink_3"}}, "`ink_3` is no group of `image_generation`"),
        ({"ink_1": {"successor": "clip_2"}}, "`clip_2` is no group of `image_generation`"),
        ({"ink_1": {"successor": "ink_1"}}, "`ink_1` is replaced itself"),
        ({"ink_2": {"successor": "oil"}}, "`ink_2` is replaced itself"),
        ({"oil": {"closed": {"date": "2026-11-01"}}}, "closes without a successor"),
    ],
)
def test_check_wants_a_current_group_of_the_same_category_as_successor(
    changes: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    found = check_workflow(str(write_workflow(tmp_path / "wrong", **changes)))
    assert [problem in each.message for each in found] == [True]
    assert "model_groups.image_generation." in found[0].path


def test_check_warns_neither_of_replaced_nor_of_closed_groups(tmp_path: Path) -> None:
    gone = {"closed": {"date": "2026-11-01", "successor": "another tool"}}
    workflow = str(write_workflow(tmp_path / "older", oil=gone))
    assert check_workflow(workflow) == []
    outdated = find_outdated(workflow, today=dt.date(2027, 6, 1))
    assert [each.path.split(".")[-2] for each in outdated] == ["ink_2", "clip_2"]
