"""A run keeps what its idea asks for, repairs what is lost, and says how much is kept."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from callsheet import run_async
from callsheet.errors import InputError, OutputInvalidError
from tests.support.cli import Terminal
from tests.support.runs import client_of
from tests.support.schema_writer import write_text
from tests.support.strict_openai import Conduct, StrictOpenAI

BUS = "a red bus and exactly two dogs on the left of a blue door"
RUN = ("run", "studio", "--idea", BUS, "--groups", "flux_2", "--llm", "openai:any")
HERON = (
    "A heron stands by a reed bank in thin fog, grey water, a quiet morning over the shore, a wide"
    " view, fine feathers in soft light, still air and muted colours"
)
RIGHT = (
    "A red bus waits and two dogs sit on the right of a blue door, soft daylight on the pavement, a"
    " wide and level view, natural texture in every part"
)


def saying(*texts: str) -> Conduct:
    """A server that writes these texts one after another, and then well."""
    left = [*texts]

    def write(path: str, node: Mapping[str, Any]) -> str:
        return left.pop(0) if left else write_text(path, node)

    return Conduct(write=write)


def test_a_prompt_about_something_else_fails_the_run_and_stays_readable(
    writer: Terminal, server: StrictOpenAI
) -> None:
    server.conduct = Conduct(write=lambda _path, _node: HERON)
    failed = writer(*RUN, "--json")
    assert failed.status == 1, failed.err
    assert failed.json["error"]["code"] == "output_invalid"
    (rejected,) = failed.json["rejected"]
    assert (rejected["model"], rejected["rule"], rejected["kind"]) == ("FLUX_2", "idea", "idea")
    assert rejected["message"].startswith("shows nothing of the idea: red bus, bus, two dogs")
    assert HERON in writer("show", "last").err


def test_a_lost_side_is_repaired_alone_with_the_brief(
    writer: Terminal, server: StrictOpenAI
) -> None:
    server.conduct = saying(RIGHT)
    done = writer(*RUN, "--json")
    assert done.status == 0, done.err
    assert done.json["problems"] == []
    assert (done.json["usage"]["calls"], done.json["usage"]["repairs"]) == (2, 1)
    repair = str(server.requests[-1].json["messages"][-1]["content"])
    assert BUS in repair
    assert "prompts.FLUX_2: does not have dog on the left of door" in repair


def test_how_much_of_the_idea_is_kept_is_shown_by_run_show_and_batch(
    writer: Terminal, tmp_path: Path
) -> None:
    done = writer(*RUN, "--json")
    assert done.json["coverage"] == {
        "FLUX_2": {
            "kept": 7,
            "of": 7,
            "missing": [],
            "checked": True,
            "reason": None,
            "not_applicable": [],
        }
    }
    assert "7 of 7 facts of the idea" in writer("show", "last").out
    sheet, output = tmp_path / "ideas.csv", tmp_path / "out.csv"
    sheet.write_text(f"idea\n{BUS}\n")
    batch = ("batch", str(sheet), "--workflow", "studio", "--groups", "flux_2")
    rows = writer(*batch, "--llm", "openai:any", "--output", str(output))
    assert rows.status == 0, rows.err
    (row,) = csv.DictReader(output.read_text("utf-8").splitlines())
    assert row["coverage"] == "FLUX_2: 7 of 7"


def test_with_warn_nothing_is_repaired_and_with_off_nothing_is_checked(
    writer: Terminal, server: StrictOpenAI
) -> None:
    server.conduct = Conduct(write=lambda _path, _node: HERON)
    warned = writer(*RUN, "--json", "--idea-check", "warn")
    assert (warned.status, warned.json["usage"]["calls"]) == (0, 1)
    assert [each["kind"] for each in warned.json["warnings"]] == ["idea"]
    assert warned.json["problems"] == []
    writer.env |= {"CALLSHEET_IDEA_CHECK": "off"}
    unchecked = writer(*RUN, "--json")
    assert (unchecked.status, unchecked.json["coverage"]) == (0, {})


def test_an_idea_in_another_language_is_reported_as_not_checked(writer: Terminal) -> None:
    idea = "ein roter Bus und zwei Hunde links von einer blauen Tür"
    done = writer("run", "studio", "--idea", idea, "--groups", "flux_2", "--llm", "openai:any")
    assert done.status == 0, done.err
    assert "not checked: the idea is not English" in done.err
    assert "of the idea" not in done.out


def test_a_motion_prompt_need_not_repeat_what_its_still_shows(writer: Terminal) -> None:
    groups = ("--groups", "flux_2,veo_3_1")
    done = writer("run", "studio", "--idea", BUS, *groups, "--llm", "openai:any", "--json")
    assert done.status == 0, done.err
    assert done.json["coverage"]["VEO_3_1"]["missing"] == []
    assert "blue door" not in done.json["prompts"]["video_generation"]["VEO_3_1"]["prompt"]


async def test_a_program_chooses_how_the_idea_is_checked(
    server: StrictOpenAI, tmp_path: Path
) -> None:
    server.conduct = Conduct(write=lambda _path, _node: HERON)
    llm = client_of(server)
    with pytest.raises(OutputInvalidError, match="shows nothing of the idea"):
        await run_async(BUS, ["flux_2"], workflow="studio", llm=llm, home=tmp_path)
    warned = await run_async(
        BUS, ["flux_2"], workflow="studio", llm=llm, home=tmp_path, idea_check="warn"
    )
    assert warned.coverage["FLUX_2"]["kept"] == 0
    with pytest.raises(InputError, match="idea_check cannot be 'no'"):
        await run_async(
            BUS,
            ["flux_2"],
            llm=llm,
            home=tmp_path,
            idea_check="no",  # type: ignore[arg-type]
        )
