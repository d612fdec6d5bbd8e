"""`groups review` lists what a group claims, and writes down what a person found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from callsheet.authoring import review
from callsheet.cli import review_command
from callsheet.cli.main import cli
from callsheet.errors import CallsheetError
from callsheet.jsonc import parse, replace_value
from callsheet.loader.bundle import built_in_workflows
from tests.support.older_groups import write_workflow

FACTS = """# Where it comes from

## oil
| fact | source | grade |
|---|---|---|
| thick paint | a blog | C |

## ink_2 and ink_1

| fact | source | grade |
| --- | --- | --- |
| reads `a \\| b` | the maker's guide | A |
| 30 to 60 words | ours | ours |
"""
DAY = "2026-12-01"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A workflow with a comment in its config, two sources, settings, and a table of facts."""
    ratios = ["1:1", "2:3"]
    more = {"aspect_ratios": ratios, "settings": {"INK_2": ["size 1024x1024", "steps 30"]}}
    folder = write_workflow(tmp_path / "mine", ink_2=more)
    config = folder / "config.json"
    commented = config.read_text().replace('"ink_2": {', '// the current one\n      "ink_2": {')
    config.write_bytes(commented.replace("\n", "\r\n").encode())
    (folder / "prompts/SOURCES.md").write_text(FACTS)
    return folder


def invoke(folder: Path | str, *words: str, group: str = "ink_2", answers: str = "") -> Result:
    words = ("groups", "review", group, "--workflow", str(folder), "--today", DAY, *words)
    return CliRunner().invoke(cli, words, input=answers, standalone_mode=False)


def claims(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(invoke(folder, "--json").stdout)
    return found


def entry(folder: Path) -> dict[str, Any]:
    config: Any = parse((folder / "config.json").read_text(), "config.json")
    found: dict[str, Any] = config["model_groups"]["image_generation"]["ink_2"]
    return found


def refusal(result: Result) -> str:
    assert isinstance(result.exception, CallsheetError)
    assert result.exception.exit_code == 2
    return f"{result.exception.message} ({result.exception.hint})"


def test_the_checklist_has_each_claim_with_source_date_and_grade(mine: Path) -> None:
    before = (mine / "config.json").read_bytes()
    shown = invoke(mine)

    assert (shown.return_value, (mine / "config.json").read_bytes()) == (0, before)
    assert "Ink 2 (ink_2), checked on 2026-11-22: 6 claims" in shown.stdout
    assert (
        "[ ] 1. fact: reads `a \\| b`\n       the maker's guide, 2026-11-22, grade A"
        in shown.stdout
    )
    assert [(each["about"], each["text"]) for each in claims(mine)][1:] == [
        ("version", "2"),
        ("aspect ratios", "1:1, 2:3"),
        ("settings of INK_2", "size 1024x1024; steps 30"),
        ("INK_2", "at most 500 characters"),
        ("source", "notes on Ink 2"),
    ]


def test_a_confirmed_group_has_the_new_date_and_its_file_is_otherwise_unchanged(
    mine: Path,
) -> None:
    before = (mine / "config.json").read_bytes().decode()
    done = invoke(mine, "--checked", DAY)

    assert (done.return_value, done.stdout) == (0, f"ink_2: checked on {DAY}\n")
    after = (mine / "config.json").read_bytes().decode()
    assert "// the current one\r\n" in after
    start = before.index("// the current one")
    assert after[:start] == before[:start]
    own = before[start : before.index('"video_generation"')]
    assert after == before.replace(own, own.replace("2026-11-22", DAY))


@pytest.mark.parametrize(
    ("number", "words", "keys", "value"),
    [
        (2, ("--text", "2 and 2.1"), ("version",), "2 and 2.1"),
        (3, ("--text", "1:1, 16:9, 9:16"), ("aspect_ratios",), ["1:1", "16:9", "9:16"]),
        (4, ("--text", "steps 20"), ("settings", "INK_2"), ["steps 20"]),
        (6, ("--grade", "?"), ("sources", 0, "grade"), "?"),
        (6, ("--source", "https://x.example"), ("sources", 0, "url"), "https://x.example"),
    ],
)
def test_a_changed_fact_of_the_entry_is_written_and_the_check_stays_open(
    number: int, words: tuple[str, ...], keys: tuple[str | int, ...], value: Any, mine: Path
) -> None:
    done = invoke(mine, "--claim", str(number), *words)

    assert (done.return_value, done.stdout) == (
        0,
        "ink_2: the date of the check stays 2026-11-22\n",
    )
    found: Any = entry(mine)
    for name in keys:
        found = found[name]
    assert found == value
    assert "// the current one" in (mine / "config.json").read_text()


def test_limits_and_facts_are_changed_in_their_own_files(mine: Path) -> None:
    assert invoke(mine, "--claim", "5", "--text", "2,500").return_value == 0
    assert invoke(mine, "--claim", "1", "--text", "reads a|b", "--grade", "B").return_value == 0

    limit, fact = claims(mine)[4], claims(mine)[0]
    assert (limit["text"], limit["source"]) == ("at most 2,500 characters", f"the notes, {DAY}")
    assert (fact["text"], fact["source"], fact["grade"]) == (
        "reads a\\|b",
        "the maker's guide",
        "B",
    )
    assert (mine / "prompts/SOURCES.md").read_text().startswith(FACTS[: FACTS.index("| reads")])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--claim", "9", "--text", "x"), "there are 6 claims"),
        (("--claim", "2"), "nothing to change"),
        (("--claim", "2", "--grade", "A"), "it rests on the group's sources"),
        (("--claim", "5", "--text", "many"), "'many' is not a number"),
        (("--claim", "6", "--grade", "D"), "'D' is no grade"),
        (("--claim", "3", "--text", "wide"), "aspect_ratios[0]: string should match"),
        (("--checked", "2027-01-01"), "2027-01-01 is in the future"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(
    words: tuple[str, ...], message: str, mine: Path
) -> None:
    before = (mine / "config.json").read_bytes()
    assert message in refusal(invoke(mine, *words))
    assert (mine / "config.json").read_bytes() == before


def test_in_a_terminal_each_claim_is_asked_about(
    mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review_command, "is_terminal", lambda: True)

    some = invoke(mine, answers="\n2 and 2.1\n\n?\n\n\n")
    assert "not checked: 4" in some.stdout
    assert (entry(mine)["version"], entry(mine)["checked"]) == ("2 and 2.1", "2026-11-22")

    every = invoke(mine, answers="\n\nwide\n1:1\n\n\n\n")
    assert "string should match" in every.stderr
    assert every.stdout.endswith(f"ink_2: checked on {DAY}\n")
    assert entry(mine)["aspect_ratios"] == ["1:1"]


def test_what_a_change_breaks_is_listed_and_ends_with_2(mine: Path) -> None:
    examples = mine / "examples/image_generation/ink_2.json"
    examples.parent.mkdir(parents=True)
    examples.write_text(
        json.dumps(
            {
                "pass": [{"model": "INK_2", "prompt": "Ink: a heron at dawn in the reeds."}],
                "fail": [],
            }
        )
    )
    done = invoke(mine, "--claim", "5", "--text", "25")
    assert done.return_value == 2
    assert "examples/image_generation/ink_2.json" in done.stderr


def test_an_installed_group_is_not_changed_and_the_error_says_how_to_copy_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert review.is_source_checkout(built_in_workflows()["studio"])
    monkeypatch.setattr(review, "is_source_checkout", lambda folder: False)
    shown = invoke("oms", group="phoenix")
    assert "Phoenix 1.0 (phoenix), checked on" in shown.stdout
    assert "callsheet init mine --from oms; then callsheet groups review phoenix" in refusal(shown)

    oms = shutil.copytree(built_in_workflows()["oms"], tmp_path / "own")
    (oms / "config.json").write_text('{"extends": true, "model_groups": {}}')
    assert "copy its entry to" in refusal(invoke(oms, "--checked", DAY, group="phoenix"))


@pytest.mark.parametrize(
    ("text", "path", "new"),
    [
        ('{"a": [1, {"b": "x"}] } // a', ("a", 1, "b"), '{"a": [1, {"b": 5}] } // a'),
        ('{"b": {"a": 1}, "a": 2}', ("a",), '{"b": {"a": 1}, "a": 5}'),
        ('{ // "a": 1\n "a" : [ ]}', ("a",), '{ // "a": 1\n "a" : 5}'),
        ('{"a": 1}', ("b",), None),
        ('{"a": [1]}', ("a", 1), None),
        ('{"a": [1]}', ("a", "b"), None),
        ("", ("a",), None),
    ],
)
def test_a_value_is_replaced_and_everything_around_it_stays(
    text: str, path: tuple[str | int, ...], new: str | None
) -> None:
    assert replace_value(text, path, 5) == new
