"""`callsheet export`: to stdout, to a file, into a folder, to the clipboard, and not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.cli import Terminal


@pytest.fixture
def written(terminal: Terminal) -> Terminal:
    """A terminal whose last run has prompts for Stable Diffusion and for Sora."""
    done = terminal("run", "--idea", "a heron", "--groups", "stable_diffusion,sora", "--yes")
    assert done.status == 0, done.err
    return terminal


def clipboard(terminal: Terminal, name: str, script: str) -> None:
    """A program of the clipboard's, alone on the path; it keeps what it is given in `pasted`."""
    program = terminal.folder / "bin" / name
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    terminal.env["PATH"] = str(program.parent)


def test_stdout_has_the_export_alone_and_stderr_what_it_has_no_place_for(
    written: Terminal,
) -> None:
    said = written("export", "last", "--format", "a1111")
    assert said.status == 0
    assert [line.split()[0] for line in said.out.splitlines()] == ["--prompt", "--prompt"]
    assert said.err.splitlines() == [
        "left out, as they are not for A1111: SORA_2_A, SORA_1_A",
        "SD_A: set: size 832x1216",
        "SD_B: set: size 832x1216; Euler a, 25 to 30 steps, CFG 5 to 6; SD_C in the negative field",
    ]
    assert written("export", "last", "--json").json["prompts"][0]["group"] == "sora"


def test_a_file_is_written_whole_its_ending_says_the_form_and_what_it_replaced_is_told(
    written: Terminal,
) -> None:
    first = written("export", "last", "--output", "sheet.csv")
    again = written("export", "last", "--output", "sheet.csv", "--model", "SD_B")
    folder = written("export", "last", "--format", "comfyui", "--output", ".")

    assert (first.out, first.err) == ("", "sheet.csv is written\n")
    assert again.err == "sheet.csv is written, in place of the file that was there\n"
    rows = (written.folder / "sheet.csv").read_bytes().decode().split("\r\n")
    assert [row.split(",")[2] for row in rows if row] == ["model", "SD_B"]
    (graph,) = written.folder.glob("*.comfyui.json")
    assert graph.name in folder.err
    assert len(json.loads(graph.read_text("utf-8"))) == 14


def test_the_clipboard_is_filled_by_the_first_program_that_can(written: Terminal) -> None:
    clipboard(written, "wl-copy", "exit 1")
    clipboard(written, "xclip", f'/bin/cat > "{written.folder}/pasted"; echo "$@" >> "$0.words"')

    said = written("export", "last", "--format", "md", "--clipboard")

    assert (said.status, said.out) == (0, "")
    assert said.err == "copied to the clipboard with xclip\n"
    assert (written.folder / "pasted").read_text("utf-8").startswith("# a heron\n")
    assert (written.folder / "bin/xclip.words").read_text("utf-8") == "-selection clipboard\n"


def test_without_a_clipboard_the_programs_are_named(written: Terminal, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    written.env["PATH"] = str(tmp_path / "nothing")
    said = written("export", "last", "--format", "md", "--clipboard")
    assert said.status == 2
    assert "pbcopy, wl-copy, xclip, xsel, clip.exe" in said.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--format", "midjourney"), "formats that take them: a1111, comfyui, csv, md, json"),
        (("--format", "comfy"), "known: comfyui, "),
        (("--output", "sheet.txt"), "one of midjourney, a1111, comfyui, csv, md, json"),
        (("--format", "md", "--model", "SD_BB"), "known: SD_B, SD_C, SD_A, SORA_2_A, SORA_1_A"),
    ],
)
def test_what_cannot_be_exported_is_said_with_what_can(
    written: Terminal, words: tuple[str, ...], told: str
) -> None:
    said = written("export", "last", *words)
    assert (said.status, said.out) == (2, "")
    assert told in said.err


def test_a_run_without_prompts_says_how_to_go_on(terminal: Terminal) -> None:
    assert terminal("run", "--idea", "a heron").status == 3
    said = terminal("export", "last", "--format", "md")
    assert said.status == 2
    assert "has no prompts yet" in said.err
    assert "callsheet resume" in said.err
