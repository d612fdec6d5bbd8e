"""A text that is no prompt is told from one that merely breaks a rule."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import JsonValue

from callsheet import errors
from callsheet.catalog.rules import build_validator, find_errors
from callsheet.catalog.schemas import unknown_prompts
from callsheet.catalog.usable import SentText
from callsheet.modules.contract import Done
from tests.unit.test_generation import scene
from tests.unit.test_rules import schema_of

GOOD = "A grey heron stands in shallow water at dawn, reeds behind it, its neck drawn in."
NEGATIVE: dict[str, Any] = {"type": "string", "format": "negative-nouns", "minLength": 20}
SENT = SentText(
    "You write prompts for image models. Give each place one colour that returns in the light."
    " Example: a lone ticket seller waits under an amber lamp while fog comes in over grey water.",
    "Idea: Give each place one colour that returns in the light",
)


def unusable(text: JsonValue, source: SentText = SENT, **node: Any) -> list[str]:
    """The rules by which a text is no prompt."""
    schema = schema_of(A={"type": "string", "minLength": 60, **node})
    found = build_validator(schema, source=source)({"prompts": {"A": text}})
    return [finding.rule for finding in found if finding.unusable]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("1", "minLength"),
        ("a heron at dawn in the reeds", "minLength"),
        ("Extraordinarily-atmospheric hand-painted-landscape-photography", ""),
        ("a heron, " * 160, "repetition"),
        ("The heron stands in water. " * 4, "repetition"),
        ("The heron stands. The water is still. " * 6, "repetition"),
        ("heron " * 40, "repetition"),
        ("You write prompts for image models. You write prompts for image models.", "copied"),
        ("A lone ticket seller waits under an amber lamp while fog comes in over grey water", "copied"),
        (GOOD, ""),
        (f"{GOOD} Static camera. The reeds sway. Static camera.", ""),
        (f'A poster that reads "NO, NO, NO, NO, NO, NO, NO", {GOOD}', ""),
        (f"{GOOD} You write prompts for image models.", ""),
        ("Give each place one colour that returns in the light, says a sign by the river", ""),
        ("一只苍鹭在黎明时分站在浅水里,身后是芦苇,颈项收拢,水面平静," * 2, ""),
    ],
)  # fmt: skip
def test_what_is_no_prompt_is_found_and_a_prompt_is_not(text: str, rule: str) -> None:
    assert unusable(text)[:1] == ([rule] if rule else [])


def test_parameters_are_no_words_of_a_prompt() -> None:
    assert unusable("A grey heron --ar 2:3 --v 8.2 --raw", minLength=0) == ["words"]
    assert unusable(GOOD + " --ar 2:3", minLength=0) == []


def test_a_text_above_half_of_the_least_length_breaks_a_rule_and_is_usable() -> None:
    schema = schema_of(A={"type": "string", "minLength": 60})
    (finding,) = find_errors({"prompts": {"A": "A grey heron stands in shallow water."}}, schema)
    assert (finding.rule, finding.unusable) == ("minLength", False)


def test_a_field_that_is_too_small_for_words_or_is_a_choice_is_not_judged_by_words() -> None:
    assert unusable("teal", minLength=0, maxLength=20) == []
    assert unusable("teal", minLength=0, enum=["teal", "grey"]) == []


def test_a_negative_field_may_be_short_and_an_optional_one_too() -> None:
    shot = {
        "type": "object",
        "properties": {"prompt": {"type": "string"}, "no": NEGATIVE, "sound": {"type": "string"}},
        "required": ["prompt", "no"],
    }
    found = find_errors({"prompts": {"A": {"prompt": GOOD, "no": "text", "sound": "wind"}}}, schema_of(A=shot))  # fmt: skip
    assert [(finding.rule, finding.unusable) for finding in found] == [("minLength", False)]


def test_two_texts_that_must_differ_are_compared_without_their_parameters() -> None:
    one: dict[str, Any] = {"type": "string"}
    schema = schema_of(A=one, B=one | {"x-differs-from": ["A", "C.far"]}, D=one)
    reply = {"A": f"{GOOD} --ar 2:3", "B": GOOD.upper(), "D": GOOD}

    (finding,) = find_errors({"prompts": reply}, schema)

    assert (finding.path, finding.rule) == (("prompts", "B"), "same text")
    assert "the same text as A" in finding.message
    assert find_errors({"prompts": reply | {"B": f"{GOOD} Fog."}}, schema) == []


def test_a_name_that_no_prompt_of_the_file_has_is_reported() -> None:
    node: dict[str, Any] = {"type": "string", "x-differs-from": ["A", "AB"]}
    (problem,) = unknown_prompts(schema_of(A={"type": "string"}, B=node), "b.json")
    assert (problem.path, problem.hint) == (
        "$.properties.prompts.properties.B.x-differs-from",
        "known: B, A",
    )


LONG: dict[str, Any] = {"type": "string", "maxLength": 60}
SEVEN = "a grey heron stands in the shallow water"


@pytest.mark.parametrize(
    ("old", "new", "stays"),
    [
        (f"{SEVEN} and the reeds behind it bend low", f"{SEVEN} and the reeds bend low at dawn", "new"),
        (f"{SEVEN} and the reeds bend low at dawn", f"{SEVEN} and the reeds behind it bend low", "old"),
        (f"{SEVEN} and the reeds bend low at dawn", "a heron", "old"),
    ],
    ids=["a smaller fault", "a greater fault", "no prompt at all"],
)  # fmt: skip
async def test_of_a_text_and_its_repair_the_one_with_the_smaller_fault_stays(
    old: str, new: str, stays: str
) -> None:
    replies = [{"prompts": {"ONE": text}} for text in (old, new, new)]
    outcome = await scene(*replies).play(schema_of(ONE=LONG))

    assert isinstance(outcome, Done)
    delivered = outcome.outputs.model_dump()["response"]["prompts"]["ONE"]
    assert delivered == {"old": old, "new": new}[stays]


async def test_texts_that_are_no_prompts_are_told_with_the_reason() -> None:
    stage = scene(*[{"prompts": {"ONE": "1", "TWO": SEVEN}}] * 3)

    with pytest.raises(errors.OutputInvalidError, match=r"lacks ONE \(is no prompt: `1`"):
        await stage.play(schema_of(ONE=LONG, TWO=LONG))

    assert stage.rejected == {"prompts.ONE": "1"}
    assert stage.kept == {"prompts.TWO": SEVEN}
