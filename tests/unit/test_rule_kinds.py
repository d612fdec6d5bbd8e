"""A rule is a limit, advice, taste or the idea: only limits and the idea are errors."""

from __future__ import annotations

from typing import Any

import pytest

from callsheet import build_schema
from callsheet.authoring.lint import lint
from callsheet.catalog.autofix import autofix
from callsheet.catalog.formats import built_in
from callsheet.catalog.rules import find_errors, find_warnings
from tests.unit.test_formats import SCENE, caught

SIGN = "A night train carriage, a sign over the door reads"


def test_only_limits_and_the_idea_are_errors() -> None:
    for each in built_in().values():
        for rule in each.rules:
            assert (rule.severity == "error") == (rule.kind in ("limit", "idea")), rule.name


def test_a_keyword_of_a_schema_is_an_error_only_where_it_is_a_limit() -> None:
    schema = build_schema(["nano_banana"], workflow="studio")
    reply: Any = {"prompts": {"NANO_BANANA": "A cat on a mat."}}
    assert find_errors(reply, schema) == []
    assert [(each.rule, each.kind) for each in find_warnings(reply, schema)] == [
        ("minLength", "house")
    ]


@pytest.mark.parametrize(
    "lettering",
    [
        '"NO SMOKING"',
        "\u201cNO 8k MASTERPIECE --ar\u201d",
        '"WITHOUT (ice:1.2) AND https://a.example"',
    ],
)
@pytest.mark.parametrize("name", ["flux-2", "qwen-image", "lucid-origin", "midjourney-8.2"])
def test_lettering_in_quotation_marks_is_no_description(name: str, lettering: str) -> None:
    tail = " --ar 3:2 --v 8.2" if name.startswith("midjourney") else "."
    assert caught(name, f"{SIGN} {lettering} in white{tail}") == []


def test_lettering_is_judged_by_length_and_safety_and_quoted_as_it_is() -> None:
    assert caught("flux-2", f'{SIGN} "NUDE". ') == ["(safety)"]
    assert "(long)" in caught("flux-2", f'{SIGN} "{"LATE " * 50}" ' * 7)
    found = lint(
        'A poster with the words "NO --ar" in red, without "8k" letters.', "FLUX_2", "studio"
    )
    assert [each.message for each in found if each.rule == "flux-2: exclusion"] == []


@pytest.mark.parametrize(
    "words",
    ["minus the tourists", "free of cars", "with neither boats nor birds", "lacking any boats"],
)
@pytest.mark.parametrize("name", ["flux-2", "qwen-image", "runway-clip"])
def test_an_exclusion_is_seen_in_whatever_words(name: str, words: str) -> None:
    assert caught(name, f"{SCENE} {words}, pale light.") == ["(exclusion)"]


def test_what_a_negative_bans_and_the_prompt_shows_is_told() -> None:
    fields = '{"prompt": "1boy, gardener, straw hat, scarf, noon", "negative_prompt": "bad hands, hats, scarf"}'
    found = lint(fields, "SDXL_PONY", "studio")
    assert [each.message for each in found if each.rule == "banned"] == [
        "bans `hats`, which the prompt shows; take it out",
        "bans `scarf`, which the prompt shows; take it out",
    ]
    line = f"{SCENE}, a boat --ar 3:2 --v 8.2 --no boats, birds"
    assert caught("midjourney-8.2", line) == ["(banned)"]


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("A salt flat at high noon under a full moon.", ["(hours)"]),
        ("A wall clock from noon to midnight.", []),
        ("Two dancers turn; three dancers bow.", ["(counts)"]),
        ("Two dancers turn, three other dancers bow.", []),
        ("Cushions in rose #D8A0G4 and ink #1F2A44.", ["(hex)"]),
        ("A jersey with the number #1980s and a tag #summer24.", []),
        ("As seen at https://example.org/a.png, in pale light.", ["(url)"]),
        ("Visitors marvel at the whale; a shot of the marvel.", []),
        ("A Marvel superhero at a bus stop.", ["name"]),
        ("Pikachu waits at a bus stop.", ["name"]),
        ("A coat, {red|blue}, on a chair.", ["placeholder"]),
        ("A coat on a chair, score_9, in pale light.", ["keyword"]),
        ("A coat AND a hat on a chair.", ["keyword"]),
    ],
)
def test_what_a_text_says_twice_or_to_another_reader_is_found(text: str, rules: list[str]) -> None:
    assert caught("gpt-image", text) == rules


@pytest.mark.parametrize("tag", [">_<", "<3", ":<", "looking at viewer (cropped:1.1)"])
def test_tags_that_look_like_syntax_pass(tag: str) -> None:
    assert caught("illustrious-tags", f"masterpiece, 1girl, solo, {tag}, lake, reeds, mist") == []


def test_brackets_that_belong_to_a_tag_are_escaped_by_autofix() -> None:
    tags = "masterpiece, 1girl, saber (fate), (armor:1.2), lake, reeds"
    assert caught("illustrious-tags", tags) == ["series"]
    mended = autofix(tags, {"format": "illustrious-tags"})
    assert mended == "masterpiece, 1girl, saber \\(fate\\), (armor:1.2), lake, reeds"
    assert caught("illustrious-tags", mended) == []
