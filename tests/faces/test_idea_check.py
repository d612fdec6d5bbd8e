"""The idea check as a person meets it: on the command line, over HTTP and from Python."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from callsheet.authoring.check import check_workflow
from callsheet.authoring.lint import lint
from callsheet.loader.bundle import built_in_workflows
from tests.support.cli import Terminal

BUS = "a red bus and exactly two dogs on the left of a blue door"
FAITHFUL = "A red bus waits at a stop, two terriers sit to the left of a blue door, soft daylight"
HERON = "A heron stands by a reed bank in thin fog, grey water, a quiet morning, wide view"


@pytest.fixture
def oms_copy(tmp_path: Path) -> Path:
    """A copy of `oms` that a test may change."""
    return Path(shutil.copytree(built_in_workflows()["oms"], tmp_path / "mine"))


def _lint(terminal: Terminal, text: str, *words: str) -> tuple[int, str]:
    done = terminal("lint", "-", "--model", "FLUX_2", "--workflow", "studio", *words, stdin=text)
    return done.status, done.out


def test_a_prompt_about_something_else_is_an_error(terminal: Terminal) -> None:
    code, out = _lint(terminal, HERON, "--idea", BUS)
    assert code == 1
    assert "shows nothing of the idea: red bus, bus, two dogs" in " ".join(out.split())


def test_a_faithful_prompt_has_no_findings(terminal: Terminal) -> None:
    assert _lint(terminal, FAITHFUL, "--idea", BUS) == (0, "")


def test_a_lost_nuance_is_a_warning(terminal: Terminal) -> None:
    code, out = _lint(terminal, FAITHFUL.replace("red ", ""), "--idea", BUS, "--json")
    assert code == 0
    (finding,) = json.loads(out)
    assert (finding["rule"], finding["severity"]) == ("idea", "warning")
    assert finding["message"] == "does not say red bus"


def test_lettering_that_a_model_cannot_show_is_not_asked_of_it(oms_copy: Path) -> None:
    idea = 'a shop window, a lamp and a sign "OPEN"'
    text = "A shop window at dusk with a lamp and a painted sign, warm light on wet stone, calm and still air, fine detail"
    path = oms_copy / "schemas" / "image_generation" / "phoenix_schema.json"
    assert [each.message for each in lint(text, "PHOENIX_1_0_A", str(oms_copy), idea)] == [
        'lacks the lettering "OPEN"'
    ]
    schema = json.loads(path.read_text("utf-8"))
    schema["properties"]["prompts"]["properties"]["PHOENIX_1_0_A"]["x-cannot"] = ["lettering"]
    path.write_text(json.dumps(schema), "utf-8")
    assert lint(text, "PHOENIX_1_0_A", str(oms_copy), idea) == []


def test_a_negative_prompt_need_not_show_the_idea() -> None:
    text = json.dumps(
        {
            "prompt": f"Static camera, one wide shot. {FAITHFUL}; nothing else moves in the frame.",
            "negative_prompt": "blurry, distorted, watermark, subtitles",
        }
    )
    assert [each for each in lint(text, "WAN_2_7", "studio", BUS) if each.rule == "idea"] == []


def test_a_workflow_adds_words_and_check_reports_a_file_of_another_form(oms_copy: Path) -> None:
    text = "A skimmer hovers over a wide street at dusk, its lights low, calm air, long shadows, fine detail everywhere"
    file = oms_copy / "vocabulary.json"
    file.write_text('{"kinds": {"vehicle": ["zorble/skimmer"]}}', "utf-8")
    assert lint(text, "PHOENIX_1_0_A", str(oms_copy), "a zorble in a street") == []
    file.write_text('{"nouns": {}}', "utf-8")
    problems = check_workflow(str(oms_copy))
    assert ("vocabulary.json", "unknown table `nouns`") in {
        (each.file, each.message.partition(";")[0]) for each in problems
    }
