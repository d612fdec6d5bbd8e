"""What the options do not answer is asked; an invalid answer is explained and asked again."""

from __future__ import annotations

from tests.support.cli import Terminal

SELECTION = """\
Select model groups for image generation (enter numbers separated by commas or spaces):

1. Sora (2.0 & 1.0) - Ultra-cinematic anime realism
2. Phoenix 1.0 - Filmic depth + hand-painted backgrounds
3. Leonardo Anime XL - Vivid anime illustrations
4. Midjourney (A & B) - Structured layered prompts
5. Stable Diffusion (3 variants) - Open-source generation

Enter selection (e.g., 1,3 or 1 3):"""


def test_the_group_question_has_the_planned_wording(terminal: Terminal) -> None:
    result = terminal("run", "--idea", "a heron at dawn", stdin="1,3\naccept\nnone\n")
    assert SELECTION in result.err
    assert result.status == 0
    assert "SORA_2_A" in result.out
    assert "LEONARDO_ANIME_XL_A" in result.out
    assert "PHOENIX" not in result.out


def test_one_model_of_a_group_is_answered_by_number_and_name_and_kept_by_enter(
    terminal: Terminal,
) -> None:
    answers = "5/SD_D\n5/SD_B\nretry\n\naccept\nmidjourney_animate\n\n\n"
    result = terminal("run", "--json", "--idea", "a heron at dawn", stdin=answers)
    assert result.status == 0, result.err
    assert "(one model of a group: 1/SORA_2_A instead of 1)" in result.err
    assert "`stable_diffusion` has no model 'SD_D'" in result.err
    assert "Previous selection: stable_diffusion/SD_B (Enter keeps it)" in result.err
    assert result.json["selection"]["image_generation"] == ["stable_diffusion"]
    assert result.json["models"]["image_generation"] == ["SD_B"]


def test_an_unknown_model_exits_with_2_and_lists_the_known_ones_nearest_first(
    terminal: Terminal,
) -> None:
    result = terminal("run", "studio", "--idea", "a", "--groups", "stable_diffusion/SDXL_PONI")
    assert result.status == 2
    assert "known: SDXL_PONY, " in result.err


def test_everything_can_be_answered_from_a_pipe(terminal: Terminal) -> None:
    answers = "a heron at dawn\n1 2\naccept\n1\n2\n\naccept\n"
    result = terminal("run", "--json", stdin=answers)
    assert result.status == 0, result.err
    assert result.json["selection"] == {
        "image_generation": ["sora", "phoenix"],
        "video_generation": ["motion_2_0"],
    }
    assert list(result.json["prompts"]["video_generation"]) == ["motion_2_0"]


def test_a_wrong_answer_is_explained_and_asked_again(terminal: Terminal) -> None:
    result = terminal("run", "--idea", "a heron", stdin="\n0\n6\n1,x\nsorra\n2\n\nnone\n")
    assert result.status == 0
    for message in (
        "nothing was selected",
        "'0' is out of range",
        "enter a number from 1 to 5",
        "'6' is out of range",
        "'x' is neither a number nor a known name",
        "known: sora, ",
    ):
        assert message in result.err
    assert "PHOENIX_1_0_A" in result.out


def test_at_the_end_of_input_the_run_waits_and_can_be_resumed(terminal: Terminal) -> None:
    left = terminal("run", "--json", "--idea", "a heron at dawn")
    assert left.status == 3
    assert left.json["status"] == "waiting"
    assert left.json["question"]["key"] == "groups.image_generation"
    assert f"callsheet resume {left.json['run']}" in left.err

    done = terminal("resume", "last", "--json", stdin="sora\naccept\nnone\n")
    assert done.status == 0, done.err
    assert done.json["run"] == left.json["run"]
    assert done.json["brief"]["idea"] == "a heron at dawn"
    assert list(done.json["prompts"]["image_generation"]) == ["SORA_2_A", "SORA_1_A"]


def test_a_new_run_does_not_reuse_an_earlier_selection(terminal: Terminal) -> None:
    terminal("run", "--idea", "a heron", "--groups", "sora")
    again = terminal("run", "--json", "--idea", "a heron")
    assert again.json["question"]["default"] is None
    assert "Previous selection" not in again.err


def test_review_can_retry_with_other_groups_and_enter_keeps_the_previous_selection(
    terminal: Terminal,
) -> None:
    result = terminal("run", "--json", "--idea", "a heron", stdin="1\nretry\n\nretry\n3\n\nnone\n")
    assert result.status == 0, result.err
    assert "Previous selection: sora (Enter keeps it)" in result.err
    assert result.json["selection"]["image_generation"] == ["leonardo"]
    assert list(result.json["prompts"]["image_generation"]) == ["LEONARDO_ANIME_XL_A"]


def test_review_can_stop_the_run(terminal: Terminal) -> None:
    result = terminal("run", "--json", "--idea", "a heron", stdin="1\nstop\n")
    assert result.status == 0
    assert result.json["status"] == "stopped"


def test_with_groups_from_the_command_line_there_is_no_review_without_an_option(
    terminal: Terminal,
) -> None:
    unasked = terminal("run", "--json", "--idea", "a heron", "--groups", "sora")
    assert unasked.json["status"] == "succeeded"
    asked = terminal("run", "--json", "--idea", "a heron", "--groups", "sora", "--review")
    assert asked.status == 3
    assert asked.json["question"]["key"] == "review.prompt_generation"
    assert "SORA_2_A" in asked.json["prompts"]["image_generation"]


def test_yes_accepts_every_question_that_has_a_default(terminal: Terminal) -> None:
    result = terminal("run", "--json", "--idea", "a heron", "--yes", stdin="1\nnone\n")
    assert result.status == 0
    assert result.json["status"] == "succeeded"


def test_the_image_to_animate_can_be_preset(terminal: Terminal) -> None:
    first = terminal("run", "--json", "--idea", "a heron", "--groups", "sora,midjourney_animate")
    assert first.status == 0, first.err
    preset = terminal(
        "run", "--json", "--idea", "a heron", "--groups", "sora,midjourney_animate",
        "--set", "picture=SORA_1_A",
    )  # fmt: skip
    assert preset.status == 0, preset.err
    wrong = terminal(
        "run", "--json", "--idea", "a heron", "--groups", "sora,midjourney_animate",
        "--set", "picture=SORA_9",
    )  # fmt: skip
    assert wrong.status == 2
    assert "SORA_2_A" in wrong.json["error"]["hint"]


def test_the_still_is_asked_with_the_groups_and_the_end_of_input_takes_its_default(
    terminal: Terminal,
) -> None:
    asked = "Which image should be animated?"
    piped = terminal("run", "--json", "--idea", "a heron", stdin="1\naccept\n1\n")
    assert asked in piped.err
    assert piped.json["question"]["key"] == "still", "the still is taken, its picture is asked"
    assert "for the still SORA_2_A" in piped.err

    chosen = terminal("run", "--json", "--idea", "a heron", stdin="1\naccept\n1\n2\n\naccept\n")
    assert chosen.status == 0, chosen.err
    assert chosen.json["still"] == "SORA_1_A"

    named = terminal(
        "run",
        "--json",
        "--idea",
        "a heron",
        "--still",
        "SORA_1_A",
        stdin="1\naccept\n1\n\naccept\n",
    )
    assert named.json["still"] == "SORA_1_A"
    assert "Accept these image prompts?" in named.err
    assert asked not in named.err

    accepted = terminal("run", "--json", "--yes", "--idea", "a heron", stdin="1\n1\n")
    assert accepted.status == 0, accepted.err
    assert asked not in accepted.err


def test_the_still_is_an_option_of_run_and_retry(terminal: Terminal) -> None:
    groups = ("--groups", "sora,midjourney_animate")
    first = terminal("run", "--json", "--idea", "a heron", *groups)
    assert first.json["still"] == "SORA_2_A"
    assert first.err.count("note: the motion is written for the still SORA_2_A") == 1
    again = terminal("retry", "last", "--json", "--still", "SORA_1_A")
    assert again.status == 0, again.err
    assert again.json["still"] == "SORA_1_A"
    named = terminal("run", "--json", "--idea", "a heron", *groups, "--still", "SORA_1_A")
    assert named.json["still"] == "SORA_1_A"
    assert "written for the still" not in named.err
    wrong = terminal("run", "--idea", "a heron", *groups, "--still", "SORA_9")
    assert wrong.status == 2
    assert "known: SORA_" in wrong.err


def test_a_field_with_a_default_is_not_asked_and_can_be_preset(terminal: Terminal) -> None:
    result = terminal(
        "run", "--json", "--idea", "a heron", "--groups", "sora",
        "--set", "mood=cold and clear", "--set", "aspect_ratio=16:9",
    )  # fmt: skip
    assert result.status == 0, result.err
    assert result.json["brief"]["mood"] == "cold and clear"
    assert result.json["brief"]["aspect_ratio"] == "16:9"
    assert result.json["brief"]["aesthetic"].startswith("lofi anime")
    assert "cold and clear" in result.json["prompts"]["image_generation"]["SORA_2_A"]


def test_retrying_the_brief_asks_every_field_with_its_previous_answer_as_default(
    terminal: Terminal,
) -> None:
    first = terminal("run", "--json", "--idea", "a heron", "--groups", "sora")
    result = terminal(
        "retry", first.json["run"], "--step", "user_input", "--json",
        stdin="a crane\n\nwild\n\n\n\n\n",
    )  # fmt: skip
    assert result.status == 0, result.err
    assert result.json["brief"]["idea"] == "a crane"
    assert result.json["brief"]["mood"] == "wild"
    assert "A crane" in result.json["prompts"]["image_generation"]["SORA_2_A"]
