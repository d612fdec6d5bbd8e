"""What a prompt keeps of the idea, what it loses, and what was rejected stand on its card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.page.conftest import OpenPage, serving
from tests.support.schema_writer import write_text
from tests.support.serving import Serving
from tests.support.strict_openai import Conduct, StrictOpenAI

IDEA = "a red bus and exactly two dogs on the left of a blue door"
HERON = (
    "A heron stands by a reed bank in thin fog, grey water, a quiet morning over the shore, a wide"
    " view, fine feathers in soft light, still air and muted colours"
)


def _write(path: str, node: Mapping[str, Any]) -> str:
    return HERON if path.endswith("NANO_BANANA") else write_text(path, node).replace("red ", "")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    home = tmp_path_factory.mktemp("home")
    with StrictOpenAI(Conduct(write=_write)) as llm:
        env = {"CALLSHEET_BASE_URL": llm.url, "CALLSHEET_API_KEY": "sk-any"}
        with serving(home, env=env) as server:
            yield server


def test_a_card_shows_what_is_kept_what_is_lost_and_what_was_rejected(
    open_page: OpenPage, server: Serving
) -> None:
    brief = {"idea": IDEA, "mood": "tense"}
    run = server.start("flux_2", "nano_banana", workflow="studio", llm="openai:any", brief=brief)
    server.until(run)
    ui = open_page(server.url)
    ui.page.goto(f"{ui.url}/#{run}")

    kept = ui.prompt_card("FLUX_2")
    expect(kept).to_contain_text("Idea kept: 6 of 8")
    expect(kept.locator(".findings .warning")).to_have_text(
        ["Does not say red bus From your idea", "Does not say mood: tense From your idea"]
    )
    rejected = ui.prompt_card("NANO_BANANA")
    expect(rejected.locator(".text.rejected")).to_have_text(HERON)
    expect(rejected).to_contain_text("Shows nothing of the idea: red bus, bus, two dogs")
