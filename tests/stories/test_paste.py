"""With `--llm paste`, a person carries the request to any chat and the reply back."""

from __future__ import annotations

import json

import pytest

from tests.support.cli import Terminal

HERON = (
    "A heron stands in the shallows at dawn, one leg drawn up, its grey neck folded. Reeds close the"
    " near edge, the sharp bird is in the middle, and the far bank grows pale and cool. A warm low"
    " sun from the left lights the feathers; the shade stays slate blue."
)
GOOD = {"prompts": {"PHOENIX_1_0_A": HERON}}
RUN = ("run", "--json", "--llm", "paste", "--groups", "phoenix", "--idea", "a heron at dawn")


@pytest.mark.parametrize(
    "reply",
    [
        json.dumps(GOOD),
        json.dumps(GOOD, indent=2),
        f"```json\n{json.dumps(GOOD, indent=2)}\n```\n",
        f"Sure! Here it is:\n\n{json.dumps(GOOD)}\n\nTell me if you want {{another}} one.",
        f'Perhaps {{"a": 1}}?\nNo.</think>\n{GOOD!r}',
    ],
    ids=["one line", "indented", "fenced", "chatter", "a thought, and Python quotes"],
)
def test_a_pasted_reply_is_read_with_any_text_around_it(terminal: Terminal, reply: str) -> None:
    result = terminal(*RUN, stdin=reply)
    assert result.status == 0, result.err
    assert result.json["prompts"]["image_generation"] == GOOD["prompts"]
    assert result.json["llm"] == "paste"


def test_what_is_to_be_pasted_is_printed_beside_the_result(terminal: Terminal) -> None:
    result = terminal(*RUN, stdin=json.dumps(GOOD))
    assert "Phoenix 1.0" in result.err
    assert "a heron at dawn" in result.err
    assert "PHOENIX_1_0_A" in result.err
    assert "SORA" not in result.err


def test_a_paste_without_json_is_requested_again(terminal: Terminal) -> None:
    left = terminal(*RUN, stdin="I would rather not.\n")
    assert left.status == 3
    assert "no complete JSON object" in left.json["question"]["text"]

    done = terminal("resume", "last", "--json", stdin=json.dumps(GOOD))
    assert done.status == 0, done.err
    assert done.json["prompts"]["image_generation"] == GOOD["prompts"]
    assert "Phoenix 1.0" in left.err
    assert "Phoenix 1.0" not in done.err  # who pipes an answer has seen the question


@pytest.mark.parametrize(
    "behind",
    [
        "\nTell me if you want {another} one.\n",
        "\nTell me what to change:\n1. darker\n2. {wider}\n\n",
        "\n\n",
    ],
    ids=["a line", "lines up to a blank one", "a blank line"],
)
def test_only_the_pasted_prompt_that_breaks_a_rule_is_requested_again(
    terminal: Terminal, behind: str
) -> None:
    short = {
        "prompts": {"PHOENIX_1_0_A": "A heron stands in the shallows at dawn, in pale light --q 2"}
    }
    pasted = json.dumps(short) + behind + json.dumps(GOOD) + "\nShall I go on?\n{yes}\n"
    result = terminal(*RUN, stdin=pasted)
    assert result.status == 0, result.err
    assert "You correct prompts that break a rule" in result.err
    assert result.json["prompts"]["image_generation"] == GOOD["prompts"]
    assert result.json["usage"]["repairs"] == 1
    assert result.err.count("(input ends after a complete JSON object") == 2, "each asked once"


def test_text_behind_a_pasted_reply_answers_no_later_question(terminal: Terminal) -> None:
    behind = "\nIs this what you meant?\nI can write another.\n\n"
    result = terminal(*RUN, "--review", stdin=json.dumps(GOOD) + behind + "accept\n")
    assert result.status == 0, result.err
    assert result.json["prompts"]["image_generation"] == GOOD["prompts"]
    assert result.err.count("Accept these image prompts?") == 1


def test_the_run_waits_for_the_paste_with_instructions(terminal: Terminal) -> None:
    result = terminal(*RUN)
    assert result.status == 3
    assert result.json["question"]["kind"] == "paste"
    assert f"callsheet resume {result.json['run']}" in result.err
