"""A delivered prompt that breaks a rule exits with 0 and a note; with `--strict`, with 1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.support.cli import Terminal
from tests.support.schema_writer import write_text
from tests.support.strict_openai import Conduct, StrictOpenAI

BROKEN = "PHOENIX_1_0_A"
RUN = ("run", "--idea", "a heron at dawn", "--groups", "phoenix,leonardo", "--llm", "openai:any")
LINE = f"1 prompt still breaks a rule: {BROKEN}"


def _stubborn(path: str, node: Mapping[str, Any]) -> str:
    """Writes a flag, which breaks a rule, in every attempt."""
    return write_text(path, node) + (" --ar 2:3" if path.endswith(BROKEN) else "")


@pytest.fixture
def server() -> Iterator[StrictOpenAI]:
    with StrictOpenAI(Conduct(write=_stubborn)) as running:
        yield running


@pytest.fixture
def writer(terminal: Terminal, server: StrictOpenAI) -> Terminal:
    """A terminal whose LLM is the loopback server."""
    terminal.env |= {"CALLSHEET_BASE_URL": server.url}
    return terminal


def test_a_prompt_that_breaks_a_rule_is_delivered_with_exit_0_and_a_note(writer: Terminal) -> None:
    result = writer(*RUN)
    assert result.status == 0, result.err
    assert f"{BROKEN}  " in result.out
    assert f"{LINE}; delivered unchanged" in result.err


def test_strict_delivers_a_prompt_that_breaks_a_rule_with_exit_1(writer: Terminal) -> None:
    result = writer(*RUN, "--strict", "--json")
    assert result.status == 1
    assert result.json["status"] == "succeeded"
    assert [problem["model"] for problem in result.json["problems"]] == [BROKEN]
    assert BROKEN in result.json["prompts"]["image_generation"]
    assert f"error: {LINE}" in result.err
    assert f"callsheet retry {result.json['run']} --rewrite {BROKEN}" in result.err


def test_strict_applies_to_retry_and_resume(writer: Terminal, server: StrictOpenAI) -> None:
    run = writer(*RUN, "--json").json["run"]
    assert writer("resume", run, "--strict").status == 1
    assert writer("retry", run, "--rewrite", BROKEN, "--strict").status == 1
    server.conduct = Conduct()
    repaired = writer("retry", run, "--rewrite", BROKEN, "--strict", "--json")
    assert repaired.status == 0, repaired.err
    assert repaired.json["problems"] == []


def test_a_warning_alone_is_exit_0_under_strict(writer: Terminal, server: StrictOpenAI) -> None:
    server.conduct = Conduct(write=lambda path, node: f"{write_text(path, node)}, 8k masterpiece")
    result = writer(*RUN, "--strict")
    assert result.status == 0, result.err
    assert "breaks a rule" not in result.err
