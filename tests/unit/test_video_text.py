"""A clip's text says what moves, one thing about the camera, and only what its maker's model reads."""

from __future__ import annotations

import pytest

from callsheet.catalog.formats.camera_moves import camera_findings
from callsheet.catalog.formats.video_text import COMMANDS
from tests.support.formats import caught

PICTURE = "A heron stands in a pond among reeds at dawn, natural photograph, soft grey greens"


@pytest.mark.parametrize(
    "text",
    [
        "Static camera, reeds sway",
        "The camera stays perfectly still while reeds sway",
        "The camera is fixed at eye level",
        "Slow push-in toward the keel",
        "The camera slowly pans over the reeds",
        "Static camera, without zoom in or pan left",
        "Steam pans of milk, a tilted hat, the arc of a bridge",
        "Shot 1: static camera, fog drifts.\nShot 2: slow dolly in on the lamp.",
        "A handheld camera tracks her through the market",
        "The camera zooms out of the flower field",
        "A picture frame beside a shotgun house",
        "[Pan left], then [Pedestal up] as reeds bow",
    ],
)
def test_a_camera_that_rests_or_moves_once_is_fine(text: str) -> None:
    assert list(camera_findings(text)) == []


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Static camera, slow zoom in on the lamp", "rest and move"),
        ("The frame stays locked as the camera pans", "rest and move"),
        ("Tracking shot, then the camera tilts up", "moves"),
        ("[Static shot] The yellow band warms. Slow dolly in.", "rest and move"),
    ],
)
def test_a_repeated_camera_move_is_a_finding(text: str, rule: str) -> None:
    assert [name for name, _ in camera_findings(text)] == [rule]


@pytest.mark.parametrize("command", COMMANDS)
def test_hailuo_reads_its_fifteen_commands_in_any_case(command: str) -> None:
    for report in (command, command.lower()):
        assert caught("hailuo-clip", f"[{report}] Reeds bow and straighten") == []


def test_hailuo_allows_only_camera_commands_in_brackets_and_three_at_once() -> None:
    assert caught("hailuo-clip", "[slow fog] Reeds bow") == ["command"]
    assert caught("hailuo-clip", "[Pan left,Tilt up,Zoom in] Reeds bow") == []
    assert caught("hailuo-clip", "[Pan left,Tilt up,Zoom in,Shake] Reeds bow") == ["together"]
    assert caught("hailuo-clip", "[Static shot,Zoom in] Reeds bow") == ["(rest and move)"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("runway-clip", ["(exclusion)"]),
        ("luma-clip", ["(exclusion)"]),
        ("hailuo-clip", ["(exclusion)"]),
        ("seedance-clip", ["(exclusion)"]),
        ("veo-clip", ["(exclusion)"]),
        ("kling-clip", ["(exclusion)"]),
        ("kling-4-clip", ["(exclusion)"]),
        ("omni-clip", []),
        ("wan-3-clip", ["(exclusion)"]),
        ("ltx-clip", ["(exclusion)"]),
        ("wan-clip", ["(exclusion)"]),
    ],
)
def test_a_negation_is_a_warning_with_and_without_a_negative_field(
    name: str, found: list[str]
) -> None:
    assert caught(name, "Static camera, reeds sway without a sound") == found


def test_quoted_speech_may_contain_negations() -> None:
    assert caught("veo-clip", 'Static camera. She says: "No, it will not hold."') == []
    assert caught("veo-clip", "Static camera. She says it holds") == ["(speech)"]


@pytest.mark.parametrize(
    "line",
    [
        "She says: The tide is late.",
        "She says softly, 'The tide is late.'",
        '"The tide is late," she says.',
        "\u201cThe tide is late\u201d, whispers the girl.",
    ],
)
def test_speech_stands_in_quotation_marks_or_behind_a_colon_before_or_after_its_verb(
    line: str,
) -> None:
    assert caught("veo-clip", f"Static camera. {line}") == []


def test_a_clip_has_time_for_three_spoken_words_a_second() -> None:
    assert caught("veo-clip", f'She says: "{"late " * 25}"') == ["(long speech)"]
    assert caught("kling-clip", f'She says: "{"late " * 25}"') == []


def test_ltx_reads_one_paragraph_without_labels_that_may_open_with_what_the_still_shows() -> None:
    assert caught("ltx-clip", "Shot 1: fog drifts.\nSound: a horn.") == [
        "(line break)",
        "(label)",
        "(label)",
    ]
    again = "A heron stands in a pond among reeds at dawn as the camera remains static"
    assert caught("ltx-clip", again, picture=PICTURE) == []


def test_omni_makes_clips_of_three_to_fifteen_seconds() -> None:
    for length in ("3-second clip", "15 second film", "10-second long continuous shot"):
        assert caught("omni-clip", f"A {length}: fog drifts. She counts 90 seconds.") == []
    assert caught("omni-clip", "A 20-second clip: fog drifts") == ["(clip length)"]


def test_runway_counts_an_emoji_twice() -> None:
    assert caught("runway-clip", "Locked camera. " + "\U0001f30a" * 493) == ["units"]
    assert caught("runway-clip", "Locked camera. " + "\U0001f30a" * 492) == []


def test_kling_makes_six_shots_of_bounded_length() -> None:
    shot = "Shot {}: static camera, fog drifts"
    assert caught("kling-clip", "\n".join(map(shot.format, range(1, 7)))) == []
    assert caught("kling-clip", "\n".join(map(shot.format, range(1, 8)))) == ["shots"]
    in_line = "Shot {} (2s): static camera, fog drifts."
    assert caught("kling-clip", " ".join(map(in_line.format, range(1, 8)))) == ["shots"]
    assert caught("kling-clip", f"Shot 1: fog\nShot 2: {'fog drifts on ' * 40}") == ["shots"]


def test_with_an_image_a_motion_prompt_should_have_fewer_words() -> None:
    long = "Static camera. " + "Rings open and vanish on the water again. " * 14
    assert caught("wan-clip", long) == caught("kling-clip", long) == []
    assert caught("wan-clip", long, picture=PICTURE) == ["(brief)"]
    assert caught("kling-clip", long, picture=PICTURE) == ["(brief)"]


def test_lengths_are_settings_and_times_of_labelled_shots_are_not() -> None:
    assert caught("veo-clip", "Static camera, 6 seconds, 24 fps") == ["(length)", "(length)"]
    assert caught("wan-clip", "Static camera, 6 seconds, 24 fps") == ["(length)"]
    assert (
        caught("veo-clip", "A woman in her 30s walks on a pier of the 1930s, static camera") == []
    )
    assert caught("wan-clip", "Shot 1 [0-3s] static camera, fog drifts") == []


@pytest.mark.parametrize("name", ["veo-clip", "luma-clip", "wan-clip", "runway-clip"])
def test_every_motion_prompt_is_compared_with_its_image_prompt(name: str) -> None:
    assert caught(name, "Static camera, light as at dusk", picture=PICTURE) == ["opposite"]
    again = "Static camera. A heron stands in a pond among reeds, natural photograph, grey greens"
    assert caught(name, again, picture=PICTURE) == ["(echo)"]


@pytest.mark.parametrize("name", ["motion-text", "midjourney-video"])
def test_a_camera_move_is_noted_unless_the_idea_names_one(name: str) -> None:
    moved = "The camera pushes in on the heron" + (" --motion high --raw" * (name[0:4] == "midj"))
    assert caught(name, moved) == ["(camera)"]
    assert caught(name, moved, idea="a heron in the reeds") == ["(camera)"]
    assert caught(name, moved, idea="slow push-in on a heron in the reeds") == []


def test_an_act_is_noted_unless_the_idea_names_it() -> None:
    assert caught("motion-text", "Static camera. A man enters the barn", idea="a barn") == [
        "(story)"
    ]
    assert (
        caught("motion-text", "Static camera. A man enters the barn", idea="a man entering") == []
    )
