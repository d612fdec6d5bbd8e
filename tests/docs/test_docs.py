"""The documentation tells the truth: what is generated is fresh, what is shown runs, all is named."""

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
from callsheet.modules.registry import BUILT_IN
from callsheet.settings import KEYS, VARIABLES
from docgen.reference_tables import command_names, errors
from docgen.refresh import generated
from docgen.workflow_schema import FILE, schema_text
from tests.docs.reading import DOCUMENTS, ROOT, Reader, fences
from tests.support.cli import Terminal

OMS = ROOT / "src/callsheet/workflows/oms"
SNIPPET = ROOT / "tests/fixtures/plan/after_snippet.jsonc"
GROUPS = "DYNAMIC_MODEL_GROUPS.md"
API = "docs/api.md"  # needs a server: test_api.py follows it
STALE = "run `python -m docgen.refresh`"


def _text(document: str) -> str:
    return (ROOT / document).read_text("utf-8")


@pytest.fixture
def reader(terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """A newcomer whose Python and whose commands share a folder and a place for runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALLSHEET_HOME", str(tmp_path / "kept"))
    return Reader(terminal)


def test_what_is_generated_is_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cogapp", "--check", "--diff", *generated()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{STALE}\n{done.stdout[-4000:]}{done.stderr[-2000:]}"


def test_the_tables_count_what_a_run_would_send() -> None:
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
def test_what_a_document_shows_works(document: str, reader: Reader) -> None:
    reader.follow(document)
    shown = [fence for fence in fences(document) if fence.language in ("sh", "python")]
    assert bool(reader.did) == bool(shown)


def test_the_walk_throughs_lead_to_a_group_with_two_models(reader: Reader) -> None:
    reader.follow(GROUPS)
    assert reader.terminal("check", "mine").out.strip() == "mine: all is well"
    said = reader.terminal("run", "mine", "--json", "--idea", "a heron", "--groups", "inkwash")
    assert list(said.json["prompts"]["image_generation"]) == ["INKWASH_A", "INKWASH_B"]
    assert said.json["problems"] == []


def test_the_readme_begins_with_the_two_commands() -> None:
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


def test_each_of_the_plans_paths_leads_to_a_file_of_ours() -> None:
    ours = re.findall(r"^\| .* \| `(src/.*)` \|$", _text(GROUPS), re.MULTILINE)
    assert len(ours) >= 10
    assert all((ROOT / path).exists() for path in ours)


@pytest.mark.parametrize("module_id", BUILT_IN)
def test_every_module_has_a_heading(module_id: str) -> None:
    assert f"\n### `{module_id}`\n" in _text("docs/modules.md")


@pytest.mark.parametrize("command", command_names())
def test_every_command_has_a_heading(command: str) -> None:
    assert f"\n### `callsheet {command}`\n" in _text("docs/cli.md")


@pytest.mark.parametrize("variable", [*VARIABLES, *KEYS])
def test_every_setting_has_a_row(variable: str) -> None:
    assert f"\n| `{variable}` |" in _text("docs/settings.md")


def test_every_error_code_has_a_row() -> None:
    page = _text("docs/cli.md")
    for error in errors():
        assert f"\n| `{error.code}` | {error.exit_code} |" in page


@pytest.mark.parametrize("document", [*DOCUMENTS, "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_link_leads_somewhere(document: str) -> None:
    prose = re.sub(r"^```.*?^```$", "", _text(document), flags=re.MULTILINE | re.DOTALL)
    for path, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)", prose):
        target = (ROOT / document).parent / path if path else ROOT / document
        assert target.exists(), path
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text("utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}
            assert anchor in slugs, anchor


def test_the_editors_schema_is_fresh() -> None:
    assert FILE.read_text("utf-8") == schema_text(), STALE


@pytest.mark.parametrize(
    "path", [OMS / "workflow.json", *sorted((OMS / "steps").glob("*.json")), SNIPPET], ids=str
)
def test_the_editors_schema_accepts_what_runs(path: Path) -> None:
    text = path.read_text("utf-8").replace("{ ... }", "{}")
    validator = Draft202012Validator(json.loads(FILE.read_text("utf-8")))
    assert not list(validator.iter_errors(parse(text, path.name)))


def test_the_editors_schema_says_which_input_is_unknown() -> None:
    step = parse((OMS / "steps/user_input.json").read_text("utf-8"), "user_input.json")
    assert isinstance(step, dict)
    module = {"module_id": "user.form", "inputs": {"filds": []}}
    validator = Draft202012Validator(json.loads(FILE.read_text("utf-8")))
    found = [error.message for error in validator.iter_errors(step | {"modules": [module]})]
    assert any("'filds'" in message for message in found)
    assert any("'fields' is a required property" in message for message in found)


@pytest.mark.parametrize("document", [*DOCUMENTS, "CHANGELOG.md"])
def test_no_sentence_claims_more_than_the_tables_show(document: str) -> None:
    made = re.compile(r"\]\]\] -->\n(.*?)<!-- \[\[\[end", re.DOTALL)
    tables = "".join(made.findall(_text(GROUPS)))
    shown = {int(share) for share in re.findall(r"\| (\d+) %", tables)}
    claimed = re.findall(r"(\d+)(?: ?%| percent)", made.sub("", _text(document)))
    assert all(int(share) <= max(shown) for share in claimed)
