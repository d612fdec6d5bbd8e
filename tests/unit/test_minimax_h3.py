"""A prompt for MiniMax H3 has three labelled fields, timed cuts and speech in tags."""

from __future__ import annotations

import pytest

from callsheet.catalog.autofix import autofix
from tests.support.formats import caught

H3 = "h3-clip"
GATE = "[Shot 1] A lock gate gives. The camera holds a static shot."
CUT = "[Shot 1] A lock gate gives. [Shot 2] At 00:05.000, the camera cuts to brown water."
LINE = (
    "For the target video, at 0.00 seconds into the target video, <Picture 1> (from [Shot 1]) is"
    " fully referenced.\n\n"
)


def prompt(scene: str = GATE, sounds: str = "Oak groans.", music: str = "N/A") -> str:
    return (
        f"integrated_multimodal_description: {scene}\n\noverall_soundscape: {sounds}\n\n"
        f"non_diegetic_music: {music}"
    )


@pytest.mark.parametrize(
    "text",
    [
        prompt(),
        prompt(CUT),
        prompt("[Shot 1] The keeper (S1) says: <d>[English] It holds. <cutoff></d>"),
        prompt("[Shot 1] Two voices (S1,S2) call: <d>[German] Halt! <scenetrans> Halt!</d>"),
        prompt('[Shot 1] A sign says "NO SWIMMING, NO FISHING". The camera holds a static shot.'),
        prompt(sounds="A crowd murmurs, no birds sing."),
        LINE + prompt(),
    ],
)
def test_the_makers_form_passes(text: str) -> None:
    assert [rule for rule in caught(H3, text) if rule != "(exclusion)"] == []


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        (GATE, ["fields"]),
        (prompt().replace("overall_soundscape", "soundscape"), ["fields"]),
        (f"{prompt()}\n\n{prompt()}", ["fields"]),
        (prompt("A lock gate gives."), ["shots"]),
        (prompt("[Shot 1] At 00:00.000, a lock gate gives."), ["shots"]),
        (prompt(CUT.replace("At 00:05.000, the", "The")), ["shots"]),
        (prompt(CUT.replace("At 00:05.000", "At 5 seconds")), ["shots"]),
        (prompt(f"{CUT} [Shot 3] At 00:05.000, the camera cuts to the keeper."), ["shots"]),
        (prompt(CUT.replace("Shot 2", "Shot 3")), ["shots"]),
        (prompt("[Shot 1] The keeper (S1) says: <d>It holds.</d>"), ["speech tag"]),
        (prompt("[Shot 1] The keeper says: <d>[English] It holds.</d>"), ["speech tag"]),
        (prompt("[Shot 1] The keeper (S1) says: <d>[English] It holds."), ["speech tag"]),
        (prompt(sounds="A voice (S1) says: <d>[English] Now.</d>"), ["speech tag"]),
        (prompt('[Shot 1] The keeper says: "It holds."'), ["(quoted speech)"]),
        (prompt("[Shot 1] The keeper says that it holds."), ["(speech)"]),
        (prompt(sounds="One. Two. Three. Four. Five."), ["(sounds)"]),
        (prompt(music="A sad piano."), ["(mood of music)"]),
        (prompt("[Shot 1] A gate without a keeper gives."), ["(exclusion)"]),
        (prompt("[Shot 1] A gate gives --ar 16:9"), ["flag"]),
        ("Here is the prompt:\n" + prompt(), ["chatter"]),
    ],
)
def test_each_departure_from_it_is_named(text: str, rules: list[str]) -> None:
    assert caught(H3, text) == rules


def test_for_a_still_a_first_line_says_where_the_picture_stands() -> None:
    picture = "A lock at dawn, oil on panel"
    assert caught(H3, prompt(), picture=picture) == ["pictures"]
    assert caught(H3, LINE + prompt(), picture=picture) == []


def test_the_makers_form_for_several_references_has_six_fields() -> None:
    fields = ("subject_definitions", "summary", "retention_analysis", "detailed_description")
    lines = [f"{name}: A lock gate." for name in fields]
    text = "\n\n".join([*lines, "overall_soundscape: N/A", "non_diegetic_music: N/A"])
    assert caught(H3, text) == []
    assert caught(H3, text.replace("summary:", "in short:")) == ["fields"]


def test_fields_that_run_together_are_set_apart_at_no_cost() -> None:
    run_together = prompt().replace("\n\n", " ")
    assert caught(H3, run_together) == ["fields"]
    assert autofix(run_together, {"format": "h3-clip"}) == prompt()
    assert autofix(LINE + prompt(), {"format": "h3-clip"}) == LINE + prompt()
    assert autofix("the overall_soundscape: wind", {"format": "h3-clip"}) == (
        "the overall_soundscape: wind"
    )
