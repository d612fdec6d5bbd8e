"""Offline drafts hold the idea in each model's form, and nothing that nobody said."""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path

import pytest

from callsheet import Result, batch, load_groups, run
from callsheet.exports.texts import named_texts
from callsheet.idea_drafts import allowed
from callsheet.idea_text import named_ratio
from callsheet.runs.options import RunOptions
from tests.support.cli import Terminal
from tests.support.runs import InMemoryRuns, client_of, prompts_of
from tests.support.strict_openai import StrictOpenAI

IDEAS = {
    "a matte black water bottle with a brushed steel cap on a white seamless background, soft"
    " shadow to the right, three drops of water on the cap, seen from slightly above": "bottle",
    "two chefs duel with ladles in a steaming kitchen": "chefs duel",
    'a flat logo for a bakery: a yellow wheat ear inside a dark blue circle, lettering "KORN"': "logo",
    "a seven-year-old boy in rain boots jumps into a puddle": "boy .*jumps",
    "portrait of an old sailor with a white beard, looking left": "sailor",
    "slow dolly in toward a lighthouse on a cliff while gulls wheel around it": "lighthouse",
    "wide shot of a fishing village at noon, a girl on a yellow bicycle races down a steep cobbled"
    " street between laundry lines, chickens scatter, her grandmother waves a ladle from a blue door": "girl .*races",
}
"""Very different ideas, and what every draft of each names: its subject, and its act."""
LONG = [idea for idea in IDEAS if len(idea.split()) >= 25]
_, DUEL, LOGO, CHILD, SAILOR, CAMERA, _ = IDEAS
INVENTED = re.compile(r"(?i)amber|slate|cream|motes|dust|breeze|dusk|warm light|palette|film grain")
QUALITY = re.compile(
    r" --[a-z].*|masterpiece|(?:best|high|great) (?:quality|score)|newest|absurdres|highres|safe"
    r"|score_\d\w*|source_anime|rating_safe|1girl|1boy"
    r"|integrated_multimodal_description: \[Shot 1\]|overall_soundscape:|non_diegetic_music: N/A"
)
"""The parameters, quality tags and field names that models need."""
EMPTY = re.compile(r"  |, ,|\. \.|: \.|[:,] ?$|^[ ,.]| (?:a|the|of|with|and|over)[.,]")
"""What a template leaves where it has nothing to fill in."""
OTHER_SCRIPT = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
WORKFLOWS = ("oms", "studio")
KINDS = ("image_generation", "video_generation")


@cache
def drafts(idea: str, workflow: str, *kinds: str) -> Result:
    groups = [group for kind in kinds for group in load_groups(workflow)[kind]]
    return run(idea, groups, workflow=workflow)


def texts(result: Result, *, negative: bool = False) -> dict[str, str]:
    """The texts by the names of their models: those of what is shown, or of what stays away."""
    return {
        name: text
        for name, text in named_texts(result.prompts)
        if ("negative" in name or name == "SD_C") is negative
    }


@pytest.mark.parametrize("idea", IDEAS)
@pytest.mark.parametrize("kinds", [KINDS, KINDS[1:]], ids=["with a still", "without"])
@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_every_draft_names_its_subject_and_invents_nothing(
    workflow: str, kinds: tuple[str, ...], idea: str
) -> None:
    result = drafts(idea, workflow, *kinds)
    assert result.problems == []
    for name, text in texts(result).items():
        assert re.search(f"(?i){IDEAS[idea]}", text), (name, text)
        assert not INVENTED.search(text), (name, text)
        assert not EMPTY.search(text), (name, text)


@pytest.mark.parametrize("idea", LONG)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_few_words_are_neither_the_ideas_nor_the_briefs(
    workflow: str, kind: str, idea: str
) -> None:
    result = drafts(idea, workflow, kind)
    said = {*words(" ".join(map(str, result.document["brief"].values())))}
    for name, text in texts(result).items():
        own = [word for word in words(QUALITY.sub("", text)) if word not in said]
        assert len(own) <= 0.35 * len(words(QUALITY.sub("", text))), (name, own)


def clips_of(idea: str, workflow: str, *kinds: str) -> dict[str, str]:
    """The drafts for video models, by name."""
    result = drafts(idea, workflow, *kinds)
    videos = result.document["models"]["video_generation"]
    return {name: text for name, text in texts(result).items() if name.partition(".")[0] in videos}


@pytest.mark.parametrize("kinds", [KINDS, KINDS[1:]], ids=["with a still", "without"])
@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_camera_move_and_an_act_reach_every_clip_and_its_parameters(
    workflow: str, kinds: tuple[str, ...]
) -> None:
    for idea, said in ((CAMERA, r"(?i)dolly in|\[Push in\]"), (DUEL, "duel")):
        for name, text in clips_of(idea, workflow, *kinds).items():
            assert re.search(said, text), (name, text)
            assert "--motion low" not in text
            assert "--loop" not in text
    for text in texts(drafts(CAMERA, workflow, *kinds), negative=True).values():
        assert not re.search(r"\b(?:camera|zoom)\b", text)


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_still_life_moves_calmly_under_a_resting_camera(workflow: str) -> None:
    for name, text in clips_of("a cat asleep on a sofa", workflow, *KINDS).items():
        assert re.search(r"(?i)\bstatic|camera rests", text), (name, text)
        assert "barely moving" in text, (name, text)


SHOWN = {
    "text": "a sign on a red door",
    "logo": LOGO,
    "signature": "a hand signs a contract",
    "username": "a username scratched into a bench",
    "captions": "a newspaper photo with its caption",
    "garbled letters": "letters of a garbled telegram",
    "watermark": "a banknote held up, its watermark glowing",
    "old": SAILOR,
    "early": "an early locomotive at a station",
    "camera movement": CAMERA,
    "camera shake": "a handheld shot of a boxer",
    "sudden zoom": "zoom in on a ladybird",
    "zoom": "the camera zooms out from a teapot",
    "pan": "an egg fries in a pan",
    "shake": "a wet dog shaking itself",
    "jitter": "a jittery squirrel on a fence",
    "cut": "a barber cutting a boy's fringe",
    "scene cuts": "a tailor cuts blue cloth",
    "scene change": "stagehands change the scene behind a curtain",
    "morphing": "a teapot morphs into a swan",
    "warping lines": "railway tracks warped by the heat",
    "melting shapes": "a clock melts over the edge of a table",
    "duplicate objects": "identical twins on one bicycle",
    "duplicate subject": "a duplicated key in a locksmith's palm",
    "distorted face": "a face distorted by a spoon",
    "distorted faces": "two grimacing masks",
    "distorted hands": "hands distorted in a funhouse mirror",
    "strobing": "a dancer under strobe lights",
    "blurred details": "a cyclist blurs past a still crowd",
    "extra fingers": "a wizard with extra fingers",
    "extra digits": "a monster counts on its extra digits",
    "bad hands": "an alien plays a harp",
    "mutated hands": "a mutant carp in a bucket",
    "bad anatomy": "a skeleton walks a dog",
    "border": "a stamp with a serrated border",
    "letterboxed": "a letterboxed duel on an old television",
    "oversaturated": "an oversaturated postcard of a pier",
    "lowres": "a pixelated knight",
    "jpeg artifacts": "a glitching portrait of a queen",
    "source_pony": "ponies graze under an oak",
    "source_furry": "a furry slipper on a stair",
    "source_cartoon": "a cartoon fox on a skateboard",
}
"""What default negatives ban, and an idea that shows it."""
QUALITY_TAGS = {"nsfw", "worst quality", "low quality", "low score"}
"""What no idea shows."""


def _banned(result: Result) -> set[str]:
    """What the negatives of a run's drafts ban."""
    negatives = [*texts(result, negative=True).values()]
    flags = (text.partition(" --no ")[2] for text in texts(result).values())
    return {part for text in (*negatives, *flags) for part in text.split(", ") if part}


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_no_negative_bans_what_the_idea_shows_in_whatever_form(workflow: str) -> None:
    usual = _banned(drafts("a cat asleep on a sofa", workflow, *KINDS))
    assert usual - QUALITY_TAGS <= SHOWN.keys()
    for entry in usual - QUALITY_TAGS:
        kept = allowed(", ".join(usual), SHOWN[entry]).split(", ")
        assert entry not in kept, (entry, SHOWN[entry])
        assert usual >= {*kept} >= QUALITY_TAGS & usual
    melting = "a clock melts beside an old sailor, its shaking hands distorted, cut to a sign"
    banned = _banned(drafts(melting, workflow, *KINDS))
    shown = (
        "melting shapes",
        "old",
        "camera shake",
        "distorted hands",
        "cut",
        "scene cuts",
        "text",
    )
    assert banned.isdisjoint(shown)
    assert "watermark" in banned


def test_no_negative_bans_the_look_that_was_said() -> None:
    brief = {"aesthetic": "worn VHS tape, glitches, melting colours"}
    groups = ["stable_diffusion", "kling_3"]
    banned = _banned(run("a cat on a sofa", groups, workflow="studio", brief=brief))
    assert not banned & {"jpeg artifacts", "lowres", "melting shapes"}
    assert "watermark" in banned


def test_what_tools_read_as_syntax_is_left_out_with_a_note_and_used_where_a_group_can(
    terminal: Terminal,
) -> None:
    idea = "a (red panda:1.2) asleep, a rainbow over __city__ --ar 16:9 --no people"
    result = run(idea, ["midjourney_v8", "flux_2", "stable_diffusion"], workflow="studio")
    found = texts(result)
    assert result.document["brief"]["aspect_ratio"] == "16:9"
    assert " --ar 16:9 " in found["MIDJOURNEY_V8"]
    assert re.search(r" --no [^-]*\bpeople", found["MIDJOURNEY_V8"])
    assert "(red panda:1.2) asleep" in found["SDXL_PONY.prompt"]
    assert found["FLUX_2"] == "A red panda asleep, a rainbow."
    assert "people" in texts(result, negative=True)["SDXL_PONY.negative_prompt"]
    assert not any(re.search("__|city", text) for text in found.values())
    said = terminal("run", "studio", "--idea", idea, "--groups", "flux_2").err
    assert "`--ar 16:9`" in said
    assert "the aspect ratio is 16:9: the idea names it" in said
    assert "`over __city__`" in said


def test_a_ratio_that_the_idea_names_stands_before_the_default_and_behind_what_is_said() -> None:
    idea = "a red enamel teapot on a marble counter, 16:9"
    result = run(idea, ["midjourney", "leonardo"])
    assert result.document["brief"]["aspect_ratio"] == "16:9"
    assert all(" --ar 16:9 " in texts(result)[f"MIDJOURNEY_{each}"] for each in "AB")
    assert not any("16:9" in text.partition(" --")[0] for text in texts(result).values())
    said = run(idea, ["midjourney"], brief={"aspect_ratio": "1:1"})
    assert " --ar 1:1 " in texts(said)["MIDJOURNEY_A"]


async def test_a_ratio_that_the_earlier_idea_named_does_not_outlive_it() -> None:
    runs = InMemoryRuns.with_llm()
    session = await runs.session(["leonardo"], idea="a heron at dawn, 16:9")
    assert session.document()["brief"]["aspect_ratio"] == "16:9"
    again = await runs.service.retry(session.view.run, RunOptions(brief={"idea": "a tram"}))
    await again.advance()
    assert again.document()["brief"]["aspect_ratio"] == "2:3"


@pytest.mark.parametrize(
    ("idea", "ratio"),
    [
        ("a vertical 9:16 poster of a cat", "9:16"),
        ("a 4:5 portrait of a nun", "4:5"),
        ("a dog in a 3:2 aspect ratio", "3:2"),
        ("ein Hund im Format 9:16", "9:16"),
        ("a dog --ar 21:9", "21:9"),
        ("they won 3:2 in the rain", ""),
        ("a station clock showing 9:16", ""),
        ('the words "16:9" on an old television', ""),
        ("a 16:9 dog, 4:5", ""),
    ],
)
def test_a_ratio_is_no_result_no_time_and_no_lettering(idea: str, ratio: str) -> None:
    assert named_ratio(idea) == ratio


def test_an_idea_in_another_script_leaves_tags_that_can_be_used_and_a_note(
    terminal: Terminal,
) -> None:
    idea = "\u9727\u306e\u4e2d\u306e\u9e7f\u3001\u6e56\u3001\uff0c"
    tags = [
        *texts(drafts(idea, "oms", KINDS[0])).items(),
        *texts(drafts(idea, "studio", KINDS[0])).items(),
    ]
    lists = [text for name, text in tags if re.match(r"SDXL|SD_B|LEONARDO", name)]
    assert len(lists) == 5
    for text in lists:
        assert not OTHER_SCRIPT.search(text)
        assert all(re.search(r"\w", tag) for tag in text.split(","))
        assert text.count(",") >= 3
    said = terminal("run", "--idea", idea, "--groups", "leonardo").err
    assert "lists of tags leave out what is not in Latin script" in said


def test_the_idea_and_what_was_said_go_before_a_default_of_the_workflow(terminal: Terminal) -> None:
    by_default = terminal("run", "--idea", LOGO, "--groups", "sora", "--json")
    assert "default aesthetic and mood yields to the idea" in " ".join(by_default.err.split())
    assert "lofi" not in str(by_default.json["prompts"]).lower()
    said = run(LOGO, ["sora"], brief={"aesthetic": "ink on wet paper"})
    assert all("ink on wet paper" in text.lower() for text in texts(said).values())


def test_a_draft_is_the_same_on_the_command_line_in_a_batch_and_from_python(
    terminal: Terminal, tmp_path: Path
) -> None:
    python = run(CHILD, ["sora/SORA_2_A", "motion_2_0"]).prompts
    command = terminal(
        "run", "--idea", CHILD, "--groups", "sora/SORA_2_A,motion_2_0", "--json"
    ).json
    merged = {name: text for kind in command["prompts"].values() for name, text in kind.items()}
    assert merged == python
    (tmp_path / "ideas.csv").write_text(f"idea\n{CHILD}\n")
    output = tmp_path / "out.csv"
    batch(tmp_path / "ideas.csv", ["sora/SORA_2_A", "motion_2_0"], output=output, home=tmp_path)
    with output.open(newline="", encoding="utf-8") as rows:
        (row,) = csv.DictReader(rows)
    assert row["SORA_2_A"] == python["SORA_2_A"]


@pytest.mark.parametrize("idea", IDEAS)
async def test_oms_sends_its_defaults_as_its_own_and_the_idea_whole(idea: str) -> None:
    with StrictOpenAI() as server:
        runs = InMemoryRuns.with_llm(client_of(server))
        document = await runs.run(["phoenix", "midjourney_animate"], idea=idea)
        messages = [str(each.json["messages"][-1]["content"]) for each in server.requests]
    assert document["status"] == "succeeded", document
    assert [*prompts_of(document)] == ["PHOENIX_1_0_A", "midjourney_animate"]
    for message in messages:
        assert message.rstrip().endswith(idea)
        said = message.replace(idea, "")
        assert not re.search(r"^(?:Aesthetic|Mood): ", said, re.MULTILINE)
        assert "this workflow's default, not said; it yields to the idea" in said


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())
