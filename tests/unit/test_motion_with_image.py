"""A motion prompt beside the picture it animates: it says what moves, and contradicts nothing."""

from __future__ import annotations

from typing import Any

import pytest

from callsheet import build_schema
from callsheet.authoring.lint import lint
from callsheet.catalog.formats.start_image import compare_with_still
from callsheet.catalog.rules import find_errors, find_warnings

PICTURE = (
    "A woman reads by a rain-streaked window at dusk, interior, a brass lamp on the left, an open"
    " door behind her, steam rising from a white cup on the sill, the page is dry --ar 2:3 --no sunlight"
)


def caught(motion: str, **others: Any) -> list[str]:
    return [rule for rule, _ in compare_with_still(motion, others)]


@pytest.mark.parametrize(
    "motion",
    [
        "Static camera, the lamp on the right flickers",
        "On the right a lamp wavers",
        "A closed door rattles",
        "The door stands shut",
        "Steam sinks slowly",
        "Falling steam",
        "Light as at dawn",
        "A breeze as outdoors",
        "A wet page trembles",
    ],
)
def test_the_opposite_of_the_image_prompt_is_a_finding(motion: str) -> None:
    assert caught(motion, picture=PICTURE) == ["opposite"]


@pytest.mark.parametrize(
    "motion",
    [
        "The lamp on the left flickers",
        "The cup on the right trembles",
        "Steam rises and falls",
        "The door opens a little and closes",
        "No sunlight, only the lamp",
        "Her left hand rests, her right hand turns",
        "Snow falls",
        "Light wavers as at dusk, then as at dawn",
        "The lamp sways from left to right",
    ],
)
def test_only_explicit_contradictions_are_findings(motion: str) -> None:
    assert caught(motion, picture=PICTURE) == []


def test_a_contradiction_is_reported_with_what_the_image_shows() -> None:
    [(_, message)] = compare_with_still("The lamp on the right flickers", {"picture": PICTURE})
    assert message == (
        "says `lamp on the right` where the picture has `lamp on the left`; keep to the picture"
    )


def test_without_a_picture_only_the_idea_can_be_contradicted() -> None:
    scene = "a woman reads by a rain-streaked window at dusk with a brass lamp and a white cup"
    assert caught(f"Static camera, {scene}", picture=None, idea=scene) == []
    assert caught("A breath of light as at dawn", picture=None, idea=scene) == ["opposite"]
    assert caught("A breath of light as at dawn", picture="a lake at dawn", idea=scene) == []
    assert caught("Anything at all") == []


def test_more_than_two_thirds_of_the_image_prompts_words_are_a_repetition() -> None:
    again = "A woman reads by a rain-streaked window at dusk, a brass lamp, a white cup, slow steam"
    [(rule, message)] = compare_with_still(again, {"picture": PICTURE})
    assert rule == "echo"
    assert "repeats the picture in 11 of 12 content words (woman, reads, rain, " in message
    assert caught("Lamp, window, cup, steam, door sway", picture=PICTURE) == []


def test_eight_consecutive_equal_words_are_a_copy() -> None:
    around = "while the reflections tremble, curtains sway, motes drift, embers glow, breath slows"
    copied = f"A brass lamp on the left, an open door flickers {around}"
    assert caught(copied, picture=PICTURE) == ["echo"]
    assert caught(copied.replace("brass ", ""), picture=PICTURE) == []


def test_negative_fields_of_an_image_prompt_are_not_shown() -> None:
    fields = {"positive": "a lamp on the left", "negative_prompt": "night, closed door"}
    assert caught("Sunlight wavers, an open door moves", picture=fields) == []
    assert caught("The lamp at the right wavers", picture=fields) == ["opposite"]


def test_the_rules_apply_to_every_motion_field_and_lint_has_no_image() -> None:
    schema = build_schema(["midjourney_animate"])
    motion = "Static camera: the lamp on the right wavers and comes back to its opening glow"
    fields = {
        "cinematic_description": motion,
        "structured_template": f"{motion} --motion low --loop",
    }
    reply: Any = {"prompts": {"midjourney_animate": fields}}
    found = find_errors(reply, schema, {"picture": PICTURE})
    assert [finding.rule for finding in found] == [
        "motion-text: opposite",
        "midjourney-video: opposite",
    ]
    assert find_errors(reply, schema) == find_warnings(reply, schema) == []
    assert lint(str(fields).replace("'", '"'), "midjourney_animate") == []
