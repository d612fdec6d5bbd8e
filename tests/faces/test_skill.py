"""The Agent Skill that `callsheet skill` writes keeps the published limits and matches the groups."""

from __future__ import annotations

import json
import re
import subprocess
import sys
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


def test_the_sheets_are_words_without_templates_and_name_each_rule_once(terminal: Terminal) -> None:
    references = written(terminal) / "references"
    for sheet in references.glob("*.md"):
        text = sheet.read_text("utf-8")
        assert "{{" not in text, sheet.name
        assert "{%" not in text, sheet.name
        rules = re.findall(r"^  - (?:error|warning) .*$", text, re.MULTILINE)
        assert len(rules) == len({*rules}), sheet.name
    kling, leonardo = (
        (references / f"{name}.md").read_text() for name in ("studio-kling_4", "oms-leonardo")
    )
    assert "aspect as chosen (16:9, 9:16, 1:1, 21:9, 4:3, 3:4)" in kling
    assert "832x1248 (2:3)" in leonardo


def test_an_assistant_that_follows_the_skill_in_a_shell_gets_its_prompts_and_a_check(
    terminal: Terminal,
) -> None:
    text = (written(terminal) / "SKILL.md").read_text("utf-8")
    run, resume, lint = (
        next(
            each for each in re.findall("`(callsheet [^`]+)`", text) if f"callsheet {name}" in each
        )
        for name in ("run", "resume", "lint")
    )
    idea = "a gull says \"$5 for a 'herring'\""
    (terminal.folder / "idea.txt").write_text(f"{idea}\n", "utf-8")
    waiting = shell(terminal, run.replace("WORKFLOW", "studio").replace("GROUP,GROUP", "flux_3"))
    assert waiting.returncode == 3
    assert idea in waiting.stderr
    name = waiting.stderr.split()[-1]
    prompt = "A grey gull on a pier rail holds a card that says \"$5 for a 'herring'\"."
    prompts = dict.fromkeys(("FLUX_3", "FLUX_3_KLEIN"), prompt)
    (terminal.folder / "reply.json").write_text(
        json.dumps({"aspect_ratio": "3:4", "prompts": prompts}), "utf-8"
    )
    done = shell(terminal, resume.replace("RUN", name))
    assert done.returncode == 0, done.stderr
    assert prompt in done.stdout.replace("\n", " ")
    (terminal.folder / "prompt.txt").write_text(prompt, "utf-8")
    command = lint.replace("FILE", "prompt.txt").replace("WORKFLOW", "studio")
    assert shell(terminal, command.replace("MODEL", "FLUX_3")).returncode == 0


def shell(terminal: Terminal, command: str) -> subprocess.CompletedProcess[str]:
    """A command of the skill as a shell runs it, with this Python's callsheet."""
    callsheet = f'callsheet() {{ "{sys.executable}" -m callsheet "$@"; }}'
    return subprocess.run(
        ["sh", "-c", f"{callsheet}\n{command}"],
        cwd=terminal.folder,
        env=terminal.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
