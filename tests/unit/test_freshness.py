"""A group says when it was checked and whether its service has closed, and what to set beside it."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmarks.tokens import current_groups
from callsheet import estimate, load_groups
from callsheet.authoring.check import check_workflow
from callsheet.authoring.groups import find_outdated, list_groups
from callsheet.catalog.freshness import MOST_DAYS, age
from callsheet.jsonc import parse
from callsheet.templates import fill
from tests.support.cli import Terminal
from tests.support.runs import InMemoryRuns

CHECKED = dt.date(2026, 11, 22)
WORKFLOWS = Path(__file__).parents[2] / "src/callsheet/workflows"
GROUPS = [
    (workflow, group)
    for workflow in ("oms", "studio")
    for groups in load_groups(workflow).values()
    for group in groups.values()
]


@pytest.mark.parametrize(
    ("days", "words"), [(-3, "today"), (0, "today"), (1, "yesterday"), (12, "12 days ago")]
)
def test_an_age_is_formatted_in_days_months_or_years(days: int, words: str) -> None:
    assert age(CHECKED, CHECKED + dt.timedelta(days)) == words


@pytest.mark.parametrize(
    ("workflow", "group"), GROUPS, ids=lambda each: getattr(each, "name", each)
)
def test_every_built_in_group_has_the_date_version_and_sources_of_its_last_check(
    workflow: str, group: Any
) -> None:
    del workflow
    assert group.version
    assert group.checked >= CHECKED
    assert group.sources
    assert all(source.date <= group.checked for source in group.sources)


@pytest.mark.parametrize("workflow", ["oms", "studio"])
def test_every_built_in_workflow_is_well(workflow: str) -> None:
    assert check_workflow(workflow) == []


def test_an_outdated_group_is_reported_with_how_to_update_it() -> None:
    day = CHECKED + dt.timedelta(MOST_DAYS)
    assert find_outdated("oms", today=day - dt.timedelta(1)) == []

    old = find_outdated("oms", today=day)

    # What has closed changes no more.
    assert [problem.path.split(".")[-2] for problem in old] == [
        group.name for group in (g for w, g in GROUPS if w == "oms") if not group.closed
    ]
    phoenix = old[0]
    assert phoenix.file == "config.json"
    assert phoenix.path == "$.model_groups.image_generation.phoenix.checked"
    assert phoenix.message == "Phoenix 1.0 was last checked 60 days ago, on 2026-11-22"
    assert phoenix.hint.startswith("check its sources again (Leonardo, Phoenix; ")
    assert phoenix.hint.endswith(": callsheet groups review phoenix --workflow oms")


def test_a_group_without_a_date_is_not_reported(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(WORKFLOWS / "studio", mine)
    config: Any = parse((mine / "config.json").read_text(), "config.json")
    for groups in config["model_groups"].values():
        for entry in groups.values():
            for name in ("checked", "version", "sources", "settings", "closed", "successor"):
                entry.pop(name, None)
    (mine / "config.json").write_text(json.dumps(config))

    assert check_workflow(str(mine)) == []
    assert find_outdated(str(mine), today=dt.date(2036, 1, 1)) == []
    assert {group["age"] for group in list_groups(str(mine), today=CHECKED)} == {None}


def test_the_group_list_has_the_age_and_sources_of_the_last_check() -> None:
    found = {each["name"]: each for each in list_groups("oms", today=CHECKED + dt.timedelta(12))}

    assert found["phoenix"]["age"] == "12 days ago"
    assert found["phoenix"]["checked"] == "2026-11-22"
    assert found["phoenix"]["outdated"] is False
    assert {source["grade"] for source in found["phoenix"]["sources"]} == {"A", "B"}
    assert found["sora"]["closed"]["date"] == "2026-09-24"
    assert found["sora"]["notice"].startswith("Sora (2.0 & 1.0) closed on 2026-09-24; successor:")


def test_check_warns_of_age_and_still_succeeds(terminal: Terminal) -> None:
    fresh = terminal("check", "studio", "--today", "2026-11-23")
    assert (fresh.status, fresh.out, fresh.err) == (0, "studio: no problems found\n", "")

    old = terminal("check", "studio", "--today", "2028-01-01")

    assert (old.status, old.out) == (0, "studio: no problems found\n")
    assert old.err.startswith("warning: config.json at $.model_groups.image_generation.")
    report = terminal("check", "studio", "--today", "2028-01-01", "--json").json
    assert {each["severity"] for each in report} == {"warning"}


def test_groups_shows_ages_and_closings(terminal: Terminal) -> None:
    result = terminal("groups", "--today", "2026-12-04")

    assert "12 days ago" in result.out
    assert "closed" in result.out
    assert "Sora (2.0 & 1.0) closed on 2026-09-24" in result.err


@pytest.mark.parametrize(
    ("line", "ratio", "report"),
    [
        ("size {{ aspect_ratio | pixels(1, 64) }}", "2:3", "size 832x1216"),
        ("size {{ aspect_ratio | pixels(1, 64) }}", "16:9", "size 1344x768"),
        ("size {{ aspect_ratio | pixels(1.5, 16) }}", "2:3", "size 1024x1536"),
        ("size {{ aspect_ratio | pixels(1, 8) }}", "2:3", "size 832x1248"),
        ("size {{ aspect_ratio | pixels(1, 64) }}", "1:1", "size 1024x1024"),
    ],
)
def test_a_setting_names_the_size_for_the_aspect_ratio_of_the_brief(
    line: str, ratio: str, report: str
) -> None:
    assert fill(line, {"aspect_ratio": ratio}) == report


@pytest.mark.asyncio
async def test_every_export_format_shows_the_settings_of_each_prompt(
    terminal: Terminal, tmp_path: Path
) -> None:
    document = await InMemoryRuns.with_llm().run(["phoenix", "midjourney"])
    # Midjourney's settings are parameters, in the prompt itself.
    assert document["settings"] == {
        "PHOENIX_1_0_A": ["size 832x1248", "Prompt Enhance off", "contrast medium"]
    }

    result = terminal("run", "--idea", "a heron", "--groups", "phoenix", "--output", "out")

    lines = result.out.splitlines()
    heading = next(n for n, line in enumerate(lines) if line.startswith("PHOENIX_1_0_A"))
    assert lines[heading + 1] == "set: size 832x1248; Prompt Enhance off; contrast medium"
    assert "Set: size 832x1248;" in (tmp_path / "out/prompts.md").read_text("utf-8")
    bare = terminal("show", "last", "--model", "PHOENIX_1_0_A").out
    assert bare.startswith("A heron")


def test_a_setting_without_a_value_in_the_brief_is_omitted(
    terminal: Terminal, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(WORKFLOWS / "studio", mine)
    config: Any = parse((mine / "config.json").read_text(), "config.json")
    entry = config["model_groups"]["image_generation"]["gpt_image"]
    entry["settings"] = {"GPT_IMAGE": ["tempo {{ tempo }}", "quality high"]}
    (mine / "config.json").write_text(json.dumps(config))

    result = terminal("run", "mine", "--json", "--idea", "a heron", "--groups", "gpt_image")

    assert result.json["settings"] == {"GPT_IMAGE": ["quality high"]}


def test_a_current_group_adds_less_than_a_tenth_of_the_instructions_of_all() -> None:
    added = {
        group["name"]: group["tokens"]
        for group in list_groups("studio", today=CHECKED)
        if not group["successor"]
    }
    every = estimate([*added], workflow="studio", llm="openai:gpt-5.2")

    assert max(added.values()) < every.details["selection"]["instruction_tokens"] / 10


def test_an_aesthetic_is_a_preset_name_or_any_text(terminal: Terminal) -> None:
    def brief(*words: str) -> str:
        result = terminal(
            "run", "studio", "--json", "--idea", "a fox", "--groups", "gpt_image", *words
        )
        return str(result.json["brief"]["aesthetic"])

    assert brief() == ""
    assert brief("--set", "aesthetic=photo").startswith("natural photograph")
    assert brief("--set", "aesthetic=Lofi anime").startswith("lofi anime, cel shading")
    assert brief("--set", "aesthetic=charcoal on kraft paper") == "charcoal on kraft paper"


def test_a_middling_group_costs_less_than_a_tenth_of_all_and_a_middling_pair_a_fifth() -> None:
    categories = current_groups("studio")
    sent = {
        name: estimate([name], workflow="studio", llm="openai:gpt-5.2").input_tokens
        for groups in categories.values()
        for name in groups
    }
    every = estimate([*sent], workflow="studio", llm="openai:gpt-5.2").input_tokens
    first, second = categories.values()
    pairs = sorted(sent[a] + sent[b] for a in first for b in second)

    assert sorted(sent.values())[len(sent) // 2] < every / 10
    assert max(sent.values()) < every / 7
    assert pairs[len(pairs) // 2] < every / 5
