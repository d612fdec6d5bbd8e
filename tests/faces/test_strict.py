"""A delivered prompt that still breaks a rule is exit 0 and a line that says so; `--strict` makes it 1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.support.cli import Terminal
from tests.support.strict_openai import Conduct, StrictOpenAI
from tests.support.writing import write_text

BROKEN = "PHOENIX_1_0_A"
RUN = ("run", "--idea", "a heron at dawn", "--groups", "phoenix,leonardo", "--llm", "openai:any")
LINE = f"1 prompt still breaks a rule: {BROKEN}"


def _stubborn(path: str, node: Mapping[str, Any]) -> str:
    """Writes a flag where none may be, however often it is asked."""
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


def test_what_still_breaks_a_rule_is_delivered_with_exit_0_and_a_line(writer: Terminal) -> None:
    said = writer(*RUN)
    assert said.status == 0, said.err
    assert f"{BROKEN}  " in said.out
    assert f"{LINE}; delivered as it stands" in said.err


def test_strict_makes_it_exit_1_and_still_delivers(writer: Terminal) -> None:
    said = writer(*RUN, "--strict", "--json")
    assert said.status == 1
    assert said.json["status"] == "succeeded"
    assert [problem["model"] for problem in said.json["problems"]] == [BROKEN]
    assert BROKEN in said.json["prompts"]["image_generation"]
    assert f"error: {LINE}" in said.err
    assert f"callsheet retry {said.json['run']} --rewrite {BROKEN}" in said.err


def test_strict_goes_for_retry_and_resume_too(writer: Terminal, server: StrictOpenAI) -> None:
    run = writer(*RUN, "--json").json["run"]
    assert writer("resume", run, "--strict").status == 1
    assert writer("retry", run, "--rewrite", BROKEN, "--strict").status == 1
    server.conduct = Conduct()
    mended = writer("retry", run, "--rewrite", BROKEN, "--strict", "--json")
    assert mended.status == 0, mended.err
    assert mended.json["problems"] == []


def test_a_warning_alone_is_exit_0_under_strict(writer: Terminal, server: StrictOpenAI) -> None:
    server.conduct = Conduct(write=lambda path, node: f"{write_text(path, node)}, 8k masterpiece")
    said = writer(*RUN, "--strict")
    assert said.status == 0, said.err
    assert "breaks a rule" not in said.err
