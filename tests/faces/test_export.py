"""`callsheet export`: to stdout, a file, a folder and the clipboard, and its errors."""

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
    """Installs a clipboard program as the only program on the path."""
    program = terminal.folder / "bin" / name
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    terminal.env["PATH"] = str(program.parent)


def test_stdout_has_only_the_export_and_stderr_what_the_format_cannot_hold(
    written: Terminal,
) -> None:
    result = written("export", "last", "--format", "a1111")
    assert result.status == 0
    assert [line.split()[0] for line in result.out.splitlines()] == ["--prompt", "--prompt"]
    assert result.err.splitlines() == [
        "omitted, not written for A1111: SORA_2_A, SORA_1_A",
        "SD_A: set: size 832x1216",
        "SD_B: set: size 832x1216; Euler a, 25 to 30 steps, CFG 5 to 6; SD_C in the negative field",
    ]
    assert written("export", "last", "--json").json["prompts"][0]["group"] == "sora"


def test_the_file_extension_selects_the_format_and_a_replaced_file_is_reported(
    written: Terminal,
) -> None:
    first = written("export", "last", "--output", "sheet.csv")
    again = written("export", "last", "--output", "sheet.csv", "--model", "SD_B")
    folder = written("export", "last", "--format", "comfyui", "--output", ".")

    assert (first.out, first.err) == ("", "wrote sheet.csv\n")
    assert again.err == "wrote sheet.csv (replaced the existing file)\n"
    rows = (written.folder / "sheet.csv").read_bytes().decode().split("\r\n")
    assert [row.split(",")[2] for row in rows if row] == ["model", "SD_B"]
    (graph,) = written.folder.glob("*.comfyui.json")
    assert graph.name in folder.err
    assert len(json.loads(graph.read_text("utf-8"))) == 14


def test_the_first_working_clipboard_program_is_used(written: Terminal) -> None:
    clipboard(written, "wl-copy", "exit 1")
    clipboard(written, "xclip", f'/bin/cat > "{written.folder}/pasted"; echo "$@" >> "$0.words"')

    result = written("export", "last", "--format", "md", "--clipboard")

    assert (result.status, result.out) == (0, "")
    assert result.err == "copied to the clipboard with xclip\n"
    assert (written.folder / "pasted").read_text("utf-8").startswith("# a heron\n")
    assert (written.folder / "bin/xclip.words").read_text("utf-8") == "-selection clipboard\n"


def test_without_a_clipboard_program_the_error_names_the_supported_ones(
    written: Terminal, tmp_path: Path
) -> None:
    (tmp_path / "nothing").mkdir()
    written.env["PATH"] = str(tmp_path / "nothing")
    result = written("export", "last", "--format", "md", "--clipboard")
    assert result.status == 2
    assert "pbcopy, wl-copy, xclip, xsel, clip.exe" in result.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--format", "midjourney"), "formats that take them: a1111, comfyui, csv, md, json"),
        (("--format", "comfy"), "known: comfyui, "),
        (("--output", "sheet.txt"), "one of midjourney, a1111, comfyui, csv, md, json"),
        (("--format", "md", "--model", "SD_BB"), "known: SD_B, SD_C, SD_A, SORA_2_A, SORA_1_A"),
    ],
)
def test_an_impossible_export_is_rejected_with_the_possible_values(
    written: Terminal, arguments: tuple[str, ...], message: str
) -> None:
    result = written("export", "last", *arguments)
    assert (result.status, result.out) == (2, "")
    assert message in result.err


def test_a_run_without_prompts_is_rejected_with_the_command_to_resume_it(
    terminal: Terminal,
) -> None:
    assert terminal("run", "--idea", "a heron").status == 3
    result = terminal("export", "last", "--format", "md")
    assert result.status == 2
    assert "has no prompts yet" in result.err
    assert "callsheet resume" in result.err
