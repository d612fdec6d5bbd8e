"""What a tool would not read as text is a warning, escaped in its export, and else said there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import callsheet
from callsheet.authoring.check import check_workflow
from callsheet.authoring.lint import lint
from callsheet.errors import UnknownNameError
from callsheet.exports.registry import misread_parts, render_export
from callsheet.exports.syntax import TABLE, escaped, misread
from callsheet.loader.bundle import built_in_workflows
from tests.unit.test_exporting import chains, jobs, saying, sheet

CASES = (
    ("a1111", "a fan, #1, at dawn", "comment"),
    ("a1111", "salt AND pepper", "AND"),
    ("a1111", "a [cat|dog]", "alternation"),
    ("a1111", "a [red:blue:0.5] door, [fog:.3]", "schedule"),
    ("a1111", r"(fog:1.2), BREAK, <lora:ink:1>, >_<, \[a|b\], [sic], BRAND, SAND", ""),
    ("comfyui", "see http://heron.example", "comment"),
    ("comfyui", "a heron /* grey */", "comment"),
    ("comfyui", "a {red|blue} door", "choice"),
    ("comfyui", "fog, BREAK, a door", "BREAK"),
    ("comfyui", "a heron <lora:ink:0.7>", "LoRA"),
    ("comfyui", r"(fog:1.2), >_<, <3, embedding:easy, saber \(fate\), \{a\}, #1, AND, [a|b]", ""),
    ("midjourney", "a heron::2 a boat", "double colon"),
    ("midjourney", "a {red, blue} door", "permutation"),
    ("midjourney", "a heron --ar 2:3", ""),
)


@pytest.mark.parametrize(("tool", "text", "name"), CASES)
def test_what_a_tool_would_not_read_as_text_is_found_and_nothing_else(
    tool: str, text: str, name: str
) -> None:
    assert [syntax.name for syntax, _ in misread(text, tool)] == ([name] if name else [])


def test_each_row_of_the_table_says_where_it_is_from() -> None:
    assert not [each for each in TABLE if not (each.source and each.date and each.reads)]
    assert not [each for each in TABLE if each.escape and (each.meant or each.instead is None)]


def read_by_a1111(text: str) -> list[str]:
    """The prompts that A1111 draws: without comments, split at `AND` (comments.py, prompt_parser.py)."""
    return re.split(r"\bAND\b", re.sub("#[^\n]*", "", text))


def read_by_page(text: str) -> str:
    """What ComfyUI's page sends on: without comments, a choice made, escapes undone (formatUtil.ts)."""
    kept = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)
    assert not re.search(r"(?<!\\)\{", kept), "the page would choose"
    return re.sub(r"\\([{}|])", r"\1", kept)


async def test_a1111_reads_an_exported_prompt_whole_with_the_brackets_of_its_tags() -> None:
    text = "masterpiece, salt AND pepper, saber (fate), >_<, <3, (fog:1.2), BREAK, door"
    found = saying(await sheet("stable_diffusion"), "SD_B", text)
    (read,) = read_by_a1111(jobs(render_export("a1111", found))[1]["prompt"])
    assert read == r"masterpiece, salt and pepper, saber \(fate\), >_<, <3, (fog:1.2), BREAK, door"


async def test_what_cannot_be_escaped_is_said_with_the_prompt_and_the_reason() -> None:
    found = saying(await sheet("stable_diffusion"), "SD_A", "a #1 fan, a [cat|dog]")
    assert jobs(render_export("a1111", found))[0]["prompt"] == "a #1 fan, a [cat|dog]"
    assert misread_parts("a1111", found) == [
        "SD_A: A1111 reads `#1 fan, a [cat|dog]` as a comment: the rest of the line is not read,"
        " unless “Enable comments” is off",
        "SD_A: A1111 reads `[cat|dog]` as alternatives that change at each step",
    ]
    assert not misread_parts("comfyui", found)


async def test_the_page_of_comfyui_reads_an_exported_prompt_as_it_was_written() -> None:
    text = r"masterpiece, {red|blue} door, >_<, saber \(fate\), [sic]"
    found = saying(await sheet("stable_diffusion"), "SD_B", text)
    assert read_by_page(chains(render_export("comfyui", found))[1]["prompt"]) == text


async def test_comfyui_gets_a_node_for_each_lora_between_checkpoint_and_prompt() -> None:
    text = "masterpiece, <lora:ink:0.7:0.4>, fog, BREAK, <lora:fine line>, door"
    found = saying(await sheet("stable_diffusion"), "SD_B", text)
    first, drawn = chains(render_export("comfyui", found))
    assert drawn["prompt"] == "masterpiece, fog, door"
    assert (first["loras"], drawn["loras"]) == (
        [],
        [("ink.safetensors", 0.4, 0.7), ("fine line.safetensors", 1.0, 1.0)],
    )
    said = misread_parts("comfyui", found)
    assert "an export has it as a node `LoraLoader`, whose file is to be chosen" in said[0]


@pytest.mark.parametrize(("tool", "text", "name"), CASES)
def test_an_escaped_text_needs_no_second_escape(tool: str, text: str, name: str) -> None:
    once = escaped(text, tool)
    assert escaped(once, tool) == once
    left = {syntax.name for syntax, _ in misread(once, tool)}
    assert left == {name for syntax, _ in misread(text, tool) if syntax.instead is None}


def test_lint_warns_by_the_tools_that_are_named_or_that_the_group_names(tmp_path: Path) -> None:
    text = "A fan with a #1 on her shirt waits in a harbour at dawn while the boats come in."

    def rules(workflow: str = "oms", *tools: str) -> list[str]:
        found = lint(text, "SD_A", workflow, tools=tools)
        assert {each.severity for each in found} <= {"warning"}
        return [each.rule for each in found if each.rule.startswith(("a1111", "comfyui"))]

    assert rules() == []
    assert rules("oms", "a1111", "comfyui") == ["a1111: comment"]
    mine = tmp_path / "mine"
    shutil.copytree(built_in_workflows()["oms"], mine)
    own = (Path(callsheet.__file__).parent / "config.json").read_text("utf-8")
    named = own.replace('"models": ["SD_A"', '"tools": ["a1111"], "models": ["SD_A"')
    assert named != own
    (mine / "config.json").write_text(named, "utf-8")
    assert rules(str(mine)) == ["a1111: comment"]
    with pytest.raises(UnknownNameError, match="a111"):
        rules("oms", "a111")
    (mine / "config.json").write_text(named.replace('["a1111"]', '["a111"]'), "utf-8")
    told = [str(problem) for problem in check_workflow(str(mine))]
    assert any("stable_diffusion.tools: the tool `a111` is not known" in line for line in told)
