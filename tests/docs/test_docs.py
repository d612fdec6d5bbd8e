"""The documentation is current: generated parts, executed examples, complete references, valid links."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from benchmarks import tokens
from callsheet import estimate
from callsheet.jsonc import parse
from callsheet.llm.providers import key_variables
from callsheet.modules.registry import BUILT_IN
from callsheet.settings import VARIABLES
from docgen.reference_tables import command_names, errors
from docgen.refresh import generated
from docgen.workflow_schema import FILE, schema_text
from tests.docs.document_runner import DOCUMENTS, ROOT, DocumentRunner, fences
from tests.support.cli import Terminal

OMS = ROOT / "src/callsheet/workflows/oms"
SNIPPET = ROOT / "tests/fixtures/plan/after_snippet.jsonc"
GROUPS = "DYNAMIC_MODEL_GROUPS.md"
API = "docs/api.md"  # needs a server: see test_api_examples.py
STALE = "run `python -m docgen.refresh`"


def _text(document: str) -> str:
    return (ROOT / document).read_text("utf-8")


@pytest.fixture
def runner(terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DocumentRunner:
    """A runner whose Python and commands share a working folder and a store."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALLSHEET_HOME", str(tmp_path / "kept"))
    return DocumentRunner(terminal)


def test_generated_parts_are_current() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cogapp", "--check", "--diff", *generated()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{STALE}\n{done.stdout[-4000:]}{done.stderr[-2000:]}"


def test_the_token_tables_match_estimate() -> None:
    for category, groups in ((tokens.IMAGE, ("sora", "leonardo")), (tokens.VIDEO, ("motion_2_0",))):
        row = next(row for row in tokens.rows(category) if row.groups == groups)
        sent = estimate(groups, llm="openai:gpt-5.2").details["selection"]
        assert (row.instructions, row.schema_sent, row.message, row.total) == (
            sent["instruction_tokens"],
            sent["schema_tokens"],
            sent["message_tokens"],
            sent["input_tokens"],
        )


@pytest.mark.parametrize("document", [each for each in DOCUMENTS if each not in (GROUPS, API)])
def test_the_examples_of_a_document_work(document: str, runner: DocumentRunner) -> None:
    runner.execute(document)
    shown = [fence for fence in fences(document) if fence.language in ("sh", "python")]
    assert bool(runner.executed) == bool(shown)


def test_the_group_walk_through_creates_a_group_with_two_models(runner: DocumentRunner) -> None:
    runner.execute(GROUPS)
    assert runner.terminal("check", "mine").out.strip() == "mine: no problems found"
    result = runner.terminal("run", "mine", "--json", "--idea", "a heron", "--groups", "inkwash")
    assert list(result.json["prompts"]["image_generation"]) == ["INKWASH_A", "INKWASH_B"]
    assert result.json["problems"] == []


def test_the_readme_starts_with_the_two_commands() -> None:
    first = next(fences("README.md"))
    assert first.body == (
        'pip install uv && uv run callsheet run --idea "a woman reads by a rain-streaked window at'
        ' dusk" --groups sora,leonardo\npip install uv && uv run pytest\n'
    )


def test_the_page_on_groups_has_the_sections_of_the_plan() -> None:
    headings = re.findall(r"^## (.*)$", _text(GROUPS), re.MULTILINE)
    assert headings == [
        "Feature overview",
        "How to add new model groups",
        "How to add new models to existing groups",
        "Workflow integration guide",
        "Token savings analysis",
    ]


def test_every_path_of_the_plan_maps_to_an_existing_file() -> None:
    ours = re.findall(r"^\| .* \| `(src/.*)` \|$", _text(GROUPS), re.MULTILINE)
    assert len(ours) >= 10
    assert all((ROOT / path).exists() for path in ours)


@pytest.mark.parametrize("module_id", BUILT_IN)
def test_every_module_has_a_heading(module_id: str) -> None:
    assert f"\n### `{module_id}`\n" in _text("docs/modules.md")


@pytest.mark.parametrize("command", command_names())
def test_every_command_has_a_heading(command: str) -> None:
    assert f"\n### `callsheet {command}`\n" in _text("docs/cli.md")


@pytest.mark.parametrize("variable", [*VARIABLES, *key_variables()])
def test_every_setting_has_a_row(variable: str) -> None:
    assert f"\n| `{variable}` |" in _text("docs/settings.md")


def test_every_error_code_has_a_row() -> None:
    page = _text("docs/cli.md")
    for error in errors():
        assert f"\n| `{error.code}` | {error.exit_code} |" in page


@pytest.mark.parametrize("document", [*DOCUMENTS, "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_link_has_a_target(document: str) -> None:
    prose = re.sub(r"^```.*?^```$", "", _text(document), flags=re.MULTILINE | re.DOTALL)
    for path, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)", prose):
        target = (ROOT / document).parent / path if path else ROOT / document
        assert target.exists(), path
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}
            assert anchor in slugs, anchor


def test_the_editor_schema_is_current() -> None:
    assert FILE.read_text("utf-8") == schema_text(), STALE


@pytest.mark.parametrize(
    "path", [OMS / "workflow.json", *sorted((OMS / "steps").glob("*.json")), SNIPPET], ids=str
)
def test_the_editor_schema_accepts_valid_workflows(path: Path) -> None:
    text = path.read_text("utf-8").replace("{ ... }", "{}")
    validator = Draft202012Validator(json.loads(FILE.read_text("utf-8")))
    assert not list(validator.iter_errors(parse(text, path.name)))


def test_the_editor_schema_names_an_unknown_input() -> None:
    step = parse((OMS / "steps/user_input.json").read_text("utf-8"), "user_input.json")
    assert isinstance(step, dict)
    module = {"module_id": "user.form", "inputs": {"filds": []}}
    validator = Draft202012Validator(json.loads(FILE.read_text("utf-8")))
    found = [error.message for error in validator.iter_errors(step | {"modules": [module]})]
    assert any("'filds'" in message for message in found)
    assert any("'fields' is a required property" in message for message in found)


@pytest.mark.parametrize("document", [*DOCUMENTS, "CHANGELOG.md"])
def test_no_text_claims_a_larger_saving_than_the_tables(document: str) -> None:
    generated_part = re.compile(r"\]\]\] -->\n(.*?)<!-- \[\[\[end", re.DOTALL)
    tables = "".join(generated_part.findall(_text(GROUPS)))
    shown = {int(share) for share in re.findall(r"\| (\d+) %", tables)}
    claimed = re.findall(r"(\d+)(?: ?%| percent)", generated_part.sub("", _text(document)))
    assert all(int(share) <= max(shown) for share in claimed)


def test_the_reliability_page_has_ten_promises_and_links_every_fault_test() -> None:
    page = _text("docs/reliability.md")
    promises = re.findall(r"^(\d+)\. \*\*", page, re.MULTILINE)
    assert promises == [f"{number}" for number in range(1, 11)]
    for test in (ROOT / "tests/faults").glob("test_*.py"):
        assert f"](../tests/faults/{test.name})" in page


def test_every_decision_is_linked_from_the_index() -> None:
    index = _text("docs/index.md")
    for note in (ROOT / "docs/decisions").glob("*.md"):
        assert f"](decisions/{note.name})" in index
