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
def test_what_the_picture_shows_the_other_way_round_is_found(motion: str) -> None:
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
def test_what_is_not_said_outright_by_both_is_left_alone(motion: str) -> None:
    assert caught(motion, picture=PICTURE) == []


def test_a_contradiction_is_told_with_what_the_picture_has() -> None:
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


def test_more_than_two_thirds_of_the_pictures_words_are_its_description_again() -> None:
    again = "A woman reads by a rain-streaked window at dusk, a brass lamp, a white cup, slow steam"
    [(rule, message)] = compare_with_still(again, {"picture": PICTURE})
    assert rule == "echo"
    assert "repeats the picture in 11 of 12 content words (woman, reads, rain, " in message
    assert caught("Lamp, window, cup, steam, door sway", picture=PICTURE) == []


def test_a_run_of_eight_words_is_a_copy_whatever_stands_around_it() -> None:
    around = "while the reflections tremble, curtains sway, motes drift, embers glow, breath slows"
    copied = f"A brass lamp on the left, an open door flickers {around}"
    assert caught(copied, picture=PICTURE) == ["echo"]
    assert caught(copied.replace("brass ", ""), picture=PICTURE) == []


def test_of_a_picture_in_several_fields_what_must_stay_away_is_not_shown() -> None:
    fields = {"positive": "a lamp on the left", "negative_prompt": "night, closed door"}
    assert caught("Sunlight wavers, an open door moves", picture=fields) == []
    assert caught("The lamp at the right wavers", picture=fields) == ["opposite"]


def test_the_rules_hold_every_field_that_tells_a_motion_and_lint_knows_no_picture() -> None:
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
