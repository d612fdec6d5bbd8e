"""The Agent Skill that `callsheet skill` writes keeps the published limits and matches the groups."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from callsheet import build_instructions, load_groups
from tests.support.cli import Terminal

BODY_LINES, NAME_LENGTH, DESCRIPTION_LENGTH = 500, 64, 1_024
"""The limits of the specification at agentskills.io, August 2026."""


def written(terminal: Terminal) -> Path:
    assert terminal("skill", "skills").status == 0
    return terminal.folder / "skills" / "callsheet"


def test_the_skill_keeps_the_published_limits(terminal: Terminal) -> None:
    skill = written(terminal)
    _, front, body = (skill / "SKILL.md").read_text("utf-8").split("---\n", 2)
    fields = yaml.safe_load(front)
    assert fields["name"] == skill.name
    assert re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", fields["name"])
    assert len(fields["name"]) <= NAME_LENGTH
    assert 0 < len(fields["description"]) <= DESCRIPTION_LENGTH
    assert fields.keys() <= {"name", "description", "license", "compatibility", "metadata"}
    assert all(isinstance(value, str) for value in fields["metadata"].values())
    assert len(body.splitlines()) < BODY_LINES
    links = re.findall(r"\]\(([^)]+)\)", body)
    assert links
    assert all((skill / link).is_file() for link in links)


def test_every_current_group_has_a_sheet_whose_words_are_those_that_an_llm_gets(
    terminal: Terminal,
) -> None:
    references = written(terminal) / "references"
    for workflow in ("oms", "studio"):
        for category, groups in load_groups(workflow).items():
            shared = (references / f"{workflow}-shared-{category}.md").read_text("utf-8").strip()
            for group in groups.values():
                sheet = references / f"{workflow}-{group.name}.md"
                assert sheet.is_file() is (group.successor is None), group.name
                if group.successor is None:
                    sent = build_instructions([group.name], workflow=workflow)
                    own = sheet.read_text("utf-8").partition("\n\n## Rules")[0]
                    assert sent.split() == f"{shared}\n\n{own}".split(), group.name


def test_the_skill_is_renewed_in_place_and_another_one_is_left_alone(terminal: Terminal) -> None:
    skill = written(terminal)
    (skill / "references" / "oms-gone.md").write_text("old", "utf-8")
    written(terminal)
    assert not (skill / "references" / "oms-gone.md").exists()
    (skill / "SKILL.md").write_text("my own", "utf-8")
    refused = terminal("skill", "skills")
    assert refused.status == 2
    assert (skill / "SKILL.md").read_text("utf-8") == "my own"
