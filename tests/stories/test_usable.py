"""A run succeeds with prompts that a person can use, and says what it finds in them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from callsheet import build_instructions, run_async
from tests.support.cli import Terminal
from tests.support.runs import client_of
from tests.support.schema_writer import write_text
from tests.support.strict_openai import Conduct, StrictOpenAI

RUN = ("run", "--idea", "a heron at dawn", "--groups", "sora", "--llm", "openai:any")
COPIED = next(line for line in build_instructions(["sora"]).splitlines() if len(line) > 100)
"""A line of the instructions themselves."""
SORA_1, SORA_2 = "SORA_1_A", "SORA_2_A"


def saying(text: str, *models: str) -> Conduct:
    """A server that writes this text for the models, and well for all others."""

    def write(path: str, node: Mapping[str, Any]) -> str:
        return text if path.rpartition(".")[2] in models else write_text(path, node)

    return Conduct(write=write)


@pytest.mark.parametrize(
    ("text", "rule"),
    [("1", "minLength"), ("a heron, " * 160, "repetition"), (COPIED, "copied")],
    ids=["1", "over and over", "copied"],
)
def test_a_text_that_is_no_prompt_fails_the_run_which_keeps_the_rest(
    writer: Terminal, server: StrictOpenAI, text: str, rule: str
) -> None:
    server.conduct = saying(text, SORA_1)
    failed = writer(*RUN, "--json")
    assert failed.status == 1, failed.err
    assert failed.json["error"]["code"] == "output_invalid"
    assert SORA_1 in failed.json["error"]["message"]
    assert list(failed.json["prompts"]["image_generation"]) == [SORA_2]
    (rejected,) = failed.json["rejected"]
    assert (rejected["model"], rejected["rule"]) == (SORA_1, rule)
    assert rejected["text"].strip() == text.strip()

    shown = writer("show", "last")
    assert f"{SORA_1} (rejected)" in shown.err
    assert text.strip() in shown.err


def test_the_same_text_for_two_models_that_must_differ_is_requested_again_for_one(
    writer: Terminal, server: StrictOpenAI
) -> None:
    same = f"A heron at dawn: {write_text('$.prompts.BOTH', {'minLength': 100})}"
    server.conduct = saying(same, SORA_1, SORA_2)
    failed = writer(*RUN, "--json")
    assert failed.status == 1, failed.err
    assert failed.json["prompts"]["image_generation"] == {SORA_2: same}
    assert [each["rule"] for each in failed.json["rejected"]] == ["same text"]

    server.conduct = Conduct()
    done = writer("resume", "last", "--json")
    assert done.status == 0, done.err
    assert done.json["prompts"]["image_generation"][SORA_2] == same
    assert done.json["rejected"] == []
    asked = server.requests[-1].json["response_format"]["json_schema"]["schema"]
    assert list(asked["properties"]["prompts"]["properties"]) == [SORA_1]


def test_warnings_are_shown_with_the_prompts_and_do_not_change_the_exit_code(
    writer: Terminal, server: StrictOpenAI, tmp_path: Path
) -> None:
    server.conduct = Conduct(write=lambda path, node: f"{write_text(path, node)}, 8k masterpiece")
    done = writer(*RUN, "--json", "--strict")
    assert done.status == 0, done.err
    assert done.json["problems"] == []
    warning = done.json["warnings"][0]
    assert (warning["model"], warning["kind"]) == (SORA_2, "form")
    assert warning["rule"] == "plain-lines: slogan"
    line = f"! {SORA_2}: warning: {warning['message']} (plain-lines: slogan)"
    assert line in writer(*RUN).err
    assert line in writer("show", "last").err

    sheet = tmp_path / "ideas.csv"
    sheet.write_text("idea\na heron at dawn\n")
    output = tmp_path / "out.csv"
    rows = writer("batch", str(sheet), "--groups", "sora", "--llm", "openai:any", "--output", str(output))  # fmt: skip
    assert rows.status == 0, rows.err
    (row,) = csv.DictReader(output.read_text("utf-8").splitlines())
    assert row["problems"] == ""
    assert f"{SORA_2}: {warning['message']}" in row["warnings"]


async def test_a_program_gets_the_warnings_and_the_kind_of_each_problem(
    server: StrictOpenAI, tmp_path: Path
) -> None:
    server.conduct = Conduct(write=lambda path, node: f"{write_text(path, node)}, 8k --q 2")
    result = await run_async("a heron", ["phoenix"], llm=client_of(server), home=tmp_path)
    assert [(each["rule"], each["kind"]) for each in result.problems] == [
        ("plain-text: flag", "limit")
    ]
    assert [each["kind"] for each in result.warnings] == ["form"]


def test_lint_says_of_which_kind_a_rule_is(terminal: Terminal) -> None:
    text = "It is an ox, 8k --q"
    found = terminal("lint", "-", "--model", "PHOENIX_1_0_A", "--json", stdin=text)
    kinds = {each["rule"]: each["kind"] for each in json.loads(found.out)}
    assert kinds == {
        "minLength": "house",
        "plain-text: flag": "limit",
        "plain-text: slogan": "form",
    }
    words = terminal("lint", "-", "--model", "PHOENIX_1_0_A", stdin=text)
    assert "(plain-text: flag, limit; Leonardo's API reference" in words.out


def test_lint_takes_several_files_and_the_main_field_as_plain_text(
    terminal: Terminal, tmp_path: Path
) -> None:
    good = "A heron lifts one foot out of the shallows as the camera pushes in slowly at dawn."
    (tmp_path / "good.txt").write_text(good)
    (tmp_path / "bad.txt").write_text(f"{good} --ar 2:3")
    words = ("--model", "VEO_3_1", "--workflow", "studio")
    found = terminal("lint", *words, str(tmp_path / "good.txt"), str(tmp_path / "bad.txt"))
    assert found.status == 1
    assert f"{tmp_path / 'bad.txt'}: VEO_3_1.prompt: has the parameter `--ar`" in found.out
    assert f"{tmp_path / 'good.txt'}: no findings" in found.err
    listed = terminal("lint", *words, str(tmp_path / "bad.txt"), "--json").json
    assert [(each["rule"], each["severity"]) for each in listed] == [("veo-clip: flag", "error")]
    assert listed[0]["file"] == str(tmp_path / "bad.txt")
