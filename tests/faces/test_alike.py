"""The same idea brings the same prompts, findings and rejected texts, wherever it is entered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from callsheet import batch, run
from callsheet.cli.main import cli
from callsheet.errors import OutputInvalidError
from tests.conftest import GUARD
from tests.support.batches import read_csv, write_sheet
from tests.support.cli import Terminal
from tests.support.runs import client_of, prompts_of
from tests.support.schema_writer import write_text
from tests.support.serving import Serving
from tests.support.strict_openai import Conduct, StrictOpenAI

IDEAS = {
    "product": "a matte black thermos flask on wet slate, a single bead of water on its rim",
    "action": "two cooks fight with baguettes across a kitchen while pans crash down",
    "logo": "a flat logo of a fox curled into a circle, two colours",
    "child": "a small boy holds a flashlight under a blanket tent",
    "portrait": "an old sailor with a white beard, close up, half in shadow",
    "camera move": "the camera flies low over a river and rises above a stone bridge",
}
GROUPS = ("flux_2", "nano_banana", "seedream_5", "kling_3")
MOOD = "tense"
REFUSED = ("logo", "child")
"""The ideas for which one model writes about something else, whatever it is asked again."""
HERON = (
    "A heron stands by a reed bank in thin fog, grey water, a quiet morning over the shore, a wide"
    " view, fine feathers in soft light, still air and muted colours"
)
COMPARED = ("prompts", "problems", "warnings", "coverage", "rejected", "selection", "models")


def _write(path: str, node: Mapping[str, Any]) -> str:
    """FLUX keeps all that was said; Seedream loses things, and Nano Banana two ideas whole."""
    text, model = write_text(path, node), path.split(".")[2]
    if model == "NANO_BANANA" and any(IDEAS[name] in text for name in REFUSED):
        return HERON
    if model == "SEEDREAM_5":
        return re.sub(r"\b(?:old|white|wet|stone|sailor|cooks|small) ?", "", text)
    return f"{text}, {MOOD}" if model == "FLUX_2" else text


@pytest.fixture(scope="module")
def server() -> Iterator[StrictOpenAI]:
    with StrictOpenAI(Conduct(write=_write)) as running:
        yield running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("alike")


@pytest.fixture(scope="module")
def python(server: StrictOpenAI, home: Path) -> dict[str, dict[str, Any]]:
    """The run of each idea from Python: the document of the result, or of the error."""
    found: dict[str, dict[str, Any]] = {}
    options: dict[str, Any] = {
        "workflow": "studio",
        "llm": client_of(server),
        "home": home / "python",
    }
    for name, idea in IDEAS.items():
        try:
            document: Any = run(idea, GROUPS, brief={"mood": MOOD}, **options).document
        except OutputInvalidError as error:
            document = error.document
        found[name] = json.loads(json.dumps(document.to_json()))
    return found


def _alike(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: document[key] for key in COMPARED}


def test_every_kind_of_finding_is_met(python: dict[str, dict[str, Any]]) -> None:
    for name, document in python.items():
        assert (document["status"] == "failed") is (name in REFUSED)
        assert [each["model"] for each in document["rejected"]] == (
            ["NANO_BANANA"] if name in REFUSED else []
        )
        assert document["coverage"]["FLUX_2"]["missing"] == []
        assert "mood: tense" in document["coverage"]["SEEDREAM_5"]["missing"]
        assert all("mood" not in each["message"] for each in document["problems"])
    lost = [(p["model"], p["message"]) for p in python["portrait"]["problems"]]
    assert lost == [("SEEDREAM_5", "does not show sailor")]
    assert ("SEEDREAM_5", "does not say mood: tense") in [
        (w["model"], w["message"]) for w in python["product"]["warnings"]
    ]
    assert python["child"]["coverage"].keys() == {"FLUX_2", "SEEDREAM_5"}


def test_the_command_line_brings_the_same(
    python: dict[str, dict[str, Any]],
    server: StrictOpenAI,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for key, value in _env(server, home / "command").items():
        monkeypatch.setenv(key, value)
    options = ("--groups", ",".join(GROUPS), "--set", f"mood={MOOD}", "--llm", "openai:any")
    for name, idea in IDEAS.items():
        words = ["run", "studio", "--idea", idea, *options, "--json"]
        done = CliRunner().invoke(cli, words, standalone_mode=False, catch_exceptions=False)
        assert _alike(json.loads(done.stdout)) == _alike(python[name])
        assert bool(done.return_value) is (name in REFUSED)
    again = ["show", "last", "--json"]
    shown = CliRunner().invoke(cli, again, standalone_mode=False, catch_exceptions=False)
    assert _alike(json.loads(shown.stdout)) == _alike(python[name])


def test_http_and_so_the_page_brings_the_same(
    python: dict[str, dict[str, Any]], server: StrictOpenAI, home: Path
) -> None:
    terminal = Terminal(folder=home, guard=GUARD, env=_env(server, home / "http"))
    with Serving(terminal) as serving:
        runs = {
            name: serving.start(
                *GROUPS, workflow="studio", llm="openai:any", brief={"idea": idea, "mood": MOOD}
            )
            for name, idea in IDEAS.items()
        }
        for name, each in runs.items():
            assert _alike(serving.until(each)) == _alike(python[name])


def test_a_batch_brings_the_same_and_keeps_the_finished_prompts_of_a_failed_row(
    python: dict[str, dict[str, Any]], server: StrictOpenAI, home: Path
) -> None:
    sheet = write_sheet(
        home / "ideas.csv", [{"idea": each, "mood": MOOD} for each in IDEAS.values()]
    )
    output = home / "out.csv"
    options: dict[str, Any] = {
        "workflow": "studio",
        "llm": client_of(server),
        "home": home / "batch",
    }
    rows = batch(sheet, GROUPS, output=output, **options)
    written = read_csv(output)
    for name, row, cells in zip(IDEAS, rows, written, strict=True):
        document = python[name]
        prompts = prompts_of(document)
        assert (row.status, dict(row.prompts)) == (document["status"], prompts)
        assert [each.to_json() for each in row.rejected] == document["rejected"]
        assert {model: each.to_json() for model, each in row.coverage.items()} == document[
            "coverage"
        ]
        assert [*row.warnings] == [f"{w['model']}: {w['message']}" for w in document["warnings"]]
        assert cells["FLUX_2"] == prompts["FLUX_2"]
        if name in REFUSED:
            assert cells["problems"].startswith("output_invalid: ")
            assert not cells["NANO_BANANA"]
        else:
            assert [*row.problems] == [
                f"{p['model']}: {p['message']}" for p in document["problems"]
            ]
    assert "FLUX_2: 7 of 7" in written[0]["coverage"]


def _env(server: StrictOpenAI, home: Path) -> dict[str, str]:
    return {
        "CALLSHEET_BASE_URL": server.url,
        "CALLSHEET_API_KEY": "sk-any",
        "CALLSHEET_HOME": str(home),
    }
