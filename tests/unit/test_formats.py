"""Each named format finds what its family of models cannot read, in words that help, with a source."""

from __future__ import annotations

import json
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callsheet import build_schema, load_groups
from callsheet.authoring.check import check_workflow
from callsheet.authoring.lint import lint
from callsheet.catalog.examples import GroupExamples, examples_path, findings_of, run_examples
from callsheet.catalog.formats import BUILT_IN, built_in, find_format
from callsheet.catalog.formats.clip_tokens import at_least
from callsheet.catalog.rules import find_errors, find_warnings
from callsheet.catalog.schemas import unknown_formats

WORKFLOWS = Path(__file__).parents[2] / "src/callsheet/workflows"
OMS = WORKFLOWS / "oms"
GROUPS = [
    (workflow, group)
    for workflow in ("oms", "studio")
    for groups in load_groups(workflow).values()
    for group in groups.values()
]
LEAST_FAILING = {"oms": 15, "studio": 12}

each_group = pytest.mark.parametrize(
    ("workflow", "group"), GROUPS, ids=lambda each: getattr(each, "name", each)
)
FORMATS = list(built_in().values())
SCENE = "A heron stands by a lake at dusk"


def test_every_format_of_a_module_is_in_the_table_of_names() -> None:
    modules = {import_module(f"callsheet.catalog.formats.{family}") for family in BUILT_IN.values()}
    assert {each.name for module in modules for each in module.FORMATS} == set(BUILT_IN)
    assert [each.name for each in built_in().values()] == list(BUILT_IN)


def caught(name: str, text: str) -> list[str]:
    """The rules that a text breaks, warnings marked."""
    found = find_format(name)
    assert found is not None
    errors = [rule for rule, _ in found.faults(text, "error")]
    return errors + [f"({rule})" for rule, _ in found.faults(text, "warning")]


@each_group
def test_every_built_in_group_has_enough_examples_that_its_rules_judge_rightly(
    workflow: str, group: Any
) -> None:
    file = examples_path(group.category, group.name)
    text = (WORKFLOWS / workflow / file).read_text("utf-8")
    examples = GroupExamples.model_validate(json.loads(text))
    schema = build_schema([group.name], workflow=workflow)
    assert len(examples.passing) >= 8
    assert len(examples.failing) >= LEAST_FAILING[workflow]
    assert len({json.dumps(each.prompt) for each in examples.passing}) == len(examples.passing)
    assert {each.model for each in examples.passing} == set(group.models)
    assert list(run_examples(text, file, schema)) == []
    named = {finding.rule for each in examples.failing for finding in findings_of(each, schema)}
    assert len(named) >= 10


@each_group
def test_every_built_in_group_has_a_page_of_rules_that_is_linked(workflow: str, group: Any) -> None:
    page = f"models/{'' if workflow == 'oms' else f'{workflow}/'}{group.name}.md"
    docs = OMS.parents[3] / "docs"
    assert f"({page})" in (docs / "index.md").read_text("utf-8")
    text = (docs / page).read_text("utf-8")
    assert all(f"## `{model}`" in text for model in group.models)


def test_check_runs_the_examples_and_reports_file_and_location(tmp_path: Path) -> None:
    studio = tmp_path / "studio"
    shutil.copytree(OMS, studio)
    assert check_workflow(str(studio)) == []
    file = studio / "examples/image_generation/phoenix.json"
    report = json.loads(file.read_text())
    report["pass"][2]["prompt"] += " --ar 2:3"
    report["fail"][1] = {"model": "PHOENIX_1_0_A", "prompt": SCENE * 4, "rule": "plain-text: flag"}
    report["fail"][2]["model"] = "PHOENIX_2"
    file.write_text(json.dumps(report))

    found = check_workflow(str(studio))

    assert list(dict.fromkeys((problem.file, problem.path) for problem in found)) == [
        ("examples/image_generation/phoenix.json", "$.pass[2].prompt"),
        ("examples/image_generation/phoenix.json", "$.fail[1].rule"),
        ("examples/image_generation/phoenix.json", "$.fail[2].model"),
    ]
    file.unlink()
    assert check_workflow(str(studio)) == []
    file.write_text('{"pass": []}')
    assert [problem.path for problem in check_workflow(str(studio))] == ["$.fail"]


@pytest.mark.parametrize("each", FORMATS, ids=lambda each: each.name)
def test_every_rule_has_a_description_a_source_and_a_date(each: Any) -> None:
    assert len({rule.name for rule in each.rules}) == len(each.rules)
    for rule in each.rules:
        assert rule.words.endswith(".")
        assert rule.source
        assert rule.date.startswith("20")
        assert rule.severity == "warning" or rule.sure in ("A", "B", "ours")


marks = st.sampled_from(
    [*"()[]{}<>:,.-\"'`#*\\\n ", "--ar", "--no", "--v", "2:3", "BREAK", "lora:", "0.5", "::", "\u2014", "a"]
)  # fmt: skip


@given(text=st.text(max_size=40) | st.lists(marks, max_size=12).map("".join))
def test_a_format_judges_any_text_and_only_by_its_own_rules(text: str) -> None:
    for each in FORMATS:
        named = {rule.name for rule in each.rules}
        assert {rule for rule, _ in each.judge(text)} <= named


@pytest.mark.parametrize(
    ("tail", "rules"),
    [
        ("--ar 2:3", []),
        ("--ar 2:3 --v 8.2 --raw --s 1000 --c 100 --w 3000 --seed 4294967295 --no text, logo", []),
        ("--ar 2:3 --v 7 --oref https://example.org/a.png --ow 400 --exp 100 --q 4 --draft", []),
        ("--ar 2:3 --v 6.1 --style raw --cref https://example.org/a.png --cw 100 --sv 4", []),
        ("--ar 2:3 --niji 7 --iw 2 --sref 4021 --sw 1000", []),
        ("--ar 2:3 --v 8.2 --style raw", ["flag"]),
        ("--ar 2:3 --v 8.2 --oref https://example.org/a.png", ["flag"]),
        ("--ar 2:3 --v 7 --hd", ["flag"]),
        ("--ar 2:3 --v 7 --q 3", ["value"]),
        ("--ar 2:3 --niji 7 --iw 3", ["value"]),
        ("--ar 2:3 --s 1001", ["value"]),
        ("--ar 2:3 --s 5.5", ["value"]),
        ("--ar 2:3 --v 8.2 --niji 7", ["version"]),
        ("--ar 2:3 --v 8", ["version"]),
        ("--ar 15:1", ["ratio"]),
        ("--ar 5:1 --hd", ["ratio"]),
        ("--ar 2:3 --no", ["value"]),
        ("--ar 2:3 --no text,, logo", ["no list"]),
        ("--ar 2:3 --raw softly", ["after"]),
        ("--ar 2:3 --s 50 --stylize 60", ["twice"]),
        ("--ar 2:3 --sparkle", ["flag"]),
        ("--ar 2:3 --niji 7 --weird 100", ["(unconfirmed)"]),
        ("--ar 2:3 --v 8.2 --exp 20", ["(unconfirmed)"]),
    ],
)
def test_a_midjourney_still_has_the_parameters_of_its_version(tail: str, rules: list[str]) -> None:
    assert caught("midjourney-image", f"{SCENE} {tail}") == rules


def test_multi_prompts_depend_on_the_version() -> None:
    assert caught("midjourney-image", f"{SCENE}:: fog --ar 2:3 --v 6") == []
    assert caught("midjourney-image", f"{SCENE}:: fog --ar 2:3 --v 7") == ["double colon"]
    assert caught("midjourney-image", f"{SCENE}:: fog --ar 2:3 --niji 7") == ["(unconfirmed)"]


def test_several_problems_are_reported_at_once() -> None:
    text = f'"{SCENE} [subject]. --ar 1.5:1 --v 8.2 --niji 7 --s 2000 --q 1"'
    assert set(caught("midjourney-image", text)) >= {
        "wrapped", "placeholder", "ratio", "version", "value", "(unconfirmed)",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("lake, (heron:1.2), ((reeds)), moon \\(round\\)", []),
        ("lake, <lora:ink:0.8>, heron BREAK reeds", []),
        ("lake, (heron: a bird)", []),
        ("lake, [heron:stork:0.4]", ["(square)"]),
        ("lake, (heron", ["bracket"]),
        ("lake, heron)", ["bracket"]),
        ("lake, (heron]", ["bracket"]),
        ("lake, ((heron:1.1) reeds:2.5)", ["weight"]),
        ("lake, (heron:)", ["weight"]),
        ("lake, (heron:0.2)", ["(strong weight)"]),
        ("lake, <lora:ink", ["angle tag"]),
        ("BREAK lake", ["break"]),
        ("lake, heronBREAK reeds", ["break"]),
    ],
)
def test_stable_diffusions_syntax_is_read_as_automatic1111_reads_it(
    text: str, rules: list[str]
) -> None:
    assert caught("stable-diffusion-a1111", text) == rules


def test_the_bound_on_clip_tokens_never_counts_too_many() -> None:
    # Each word, sign and digit is a token at least; rare words are several, and count as one.
    assert at_least("a photo of a cat's tiny paw") == 8
    assert at_least("2024, blue sky") == 7
    assert at_least("(wet glass:1.2), <lora:ink:0.8>") == 3
    assert caught("clip-chunks", "reed " * 75) == []
    assert caught("clip-chunks", "reed " * 76) == ["clip"]


@pytest.mark.parametrize(
    "text",
    [
        "Here is where two rivers meet, and a heron waits.",
        "Sure hands mend a net on the pier.",
        "A girl's 'quiet' corner and a reader's lamp at 9:45 in the evening.",
        "A long-handled broom \u2014 leaning by the door; a < b on a chalkboard.",
        "A shop sign hangs blank over the square in front of a coffee break room.",
    ],
)
def test_harmless_words_that_resemble_a_finding_are_not_one(text: str) -> None:
    assert caught("plain-text", text) == []


def test_errors_are_repaired_and_warnings_are_reported_separately() -> None:
    schema = build_schema(["phoenix"])
    text = (
        "8k masterpiece. A hut under stars --ar 2:3, snow on the roof, and a sledge by the door."
        * 2
    )
    reply: Any = {"prompts": {"PHOENIX_1_0_A": text}}
    assert {finding.severity for finding in find_errors(reply, schema)} == {"error"}
    assert {finding.rule for finding in find_errors(reply, schema)} == {"plain-text: flag"}
    assert {finding.severity for finding in find_warnings(reply, schema)} == {"warning"}
    report = lint(text, "PHOENIX_1_0_A")
    assert [finding.severity for finding in report] == ["error", *["warning"] * (len(report) - 1)]


def test_an_unknown_format_is_reported_with_the_most_similar_one() -> None:
    (problem,) = unknown_formats({"properties": {"A": {"format": "plain-txt"}}}, "a.json")
    assert problem.path == "$.properties.A.format"
    assert problem.hint.startswith("known: plain-text")
    assert list(unknown_formats({"items": [{"format": "date"}], "const": {"format": 5}}, "")) == []
