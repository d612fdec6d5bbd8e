"""A prompt for Seedance 2.5 has marks for speech, sounds and lettering, and windows of seconds."""

from __future__ import annotations

import pytest

from tests.support.formats import caught

SEEDANCE = "seedance-2.5-clip"
PICTURE = "A heron stands in a pond among reeds at dawn, natural photograph, soft grey greens"


@pytest.mark.parametrize(
    "text",
    [
        "[0-4s] Fog drifts. <a far horn> [4-9s] The sexton says drily: {Evening, then.}",
        "[00:00-00:08] Fog drifts. [00:09-00:16] It lifts. (one low cello note)",
        "A sign with \u3010NO SWIMMING\u3011 stands in fog. No music, no subtitles, nobody else.",
        "[Negative Prompts] No crowds. Fog drifts over a pier.",
        "[0-4s] Slow pan left over fog. [4-8s] The camera tilts up to a lamp.",
    ],
)
def test_the_makers_marks_windows_and_bans_pass(text: str) -> None:
    assert caught(SEEDANCE, text) == []


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("The sexton says: {Evening, then.", ["marks"]),
        ("Fog drifts. <a far horn", ["marks"]),
        ("[0-4s] Fog drifts. [3-8s] It lifts.", ["(windows)"]),
        ("[0-4s] Fog drifts. [4-40s] It lifts.", ["(windows)"]),
        ('The sexton says: "Evening, then."', ["(quoted speech)"]),
        ("The sexton says that it is evening.", ["(speech)"]),
        (f"The sexton says: {{{'Late again. ' * 50}}}", ["(long speech)"]),
        ("A {main subject} stands in fog.", ["placeholder"]),
        ("Her face is that of @Image 1, fog drifts.", ["reference"]),
    ],
)
def test_each_departure_from_them_is_named(text: str, rules: list[str]) -> None:
    assert caught(SEEDANCE, text) == rules


def test_it_is_compared_with_its_still_like_every_clip() -> None:
    assert caught(SEEDANCE, "[0-4s] Light as at dusk on the water", picture=PICTURE) == ["opposite"]
