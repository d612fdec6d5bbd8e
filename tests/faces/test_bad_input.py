"""Invalid input is rejected with a hint and exit status 2, without a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.cli import CommandResult, Terminal

RUN = ("run", "--idea", "a heron at dawn")


def _assert_rejected(result: CommandResult, status: int, *parts: str) -> None:
    assert result.status == status, result.err
    assert "Traceback" not in result.err + result.out
    assert result.err.count("error: ") == 1
    for part in parts:
        assert part in result.err


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        ((*RUN, "--groups", "sorra"), ("no model group 'sorra'", "known: sora, ")),
        ((*RUN, "--groups", ""), ("no model group was chosen", "known: ")),
        (("run", "nowhere", "--idea", "x"), ("no workflow 'nowhere'", "oms")),
        (("run", "--groups", "sora", "--idea", "   "), ("`idea` is empty",)),
        (("run", "--groups", "sora", "--idea", ""), ("`idea` is empty",)),
        (("run", "--groups", "sora", "--idea", "a\x07b"), ("control character U+0007",)),
        ((*RUN, "--groups", "sora", "--set", "mod=calm"), ("no field 'mod'", "known: mood")),
        ((*RUN, "--groups", "sora", "--set", "mood"), ("--set requires KEY=VALUE",)),
        ((*RUN, "--groups", "sora", "--set", "aspect_ratio=tall"), ("2:3 or 16:9",)),
        ((*RUN, "--groups", "sora", "--llm", "opena:x"), ("no LLM 'opena'", "openai:NAME")),
        ((*RUN, "--groups", "sora", "--llm", "openai"), ("needs the name", "openai:")),
        (("rum",), ("no command 'rum'", "known: run")),
        (("run", "--ide", "x"), ("--ide", "see `callsheet run --help`")),
        (("show", "nothing"), ("no run is stored yet",)),
        (("lint", "-", "--model", "SORA_3_A"), ("no model 'SORA_3_A'", "SORA_2_A")),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, tuple) else None,
)
def test_invalid_arguments_are_rejected_with_a_hint(
    terminal: Terminal, words: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    _assert_rejected(terminal(*words), 2, *parts)


def test_an_idea_of_200_000_characters_is_rejected_with_the_limit(terminal: Terminal) -> None:
    result = terminal("run", "--groups", "sora", stdin="x" * 200_000 + "\n")
    assert "200,000 characters; the limit is 4,000" in result.err
    assert result.status == 3  # it is asked again, and the input has ended
    assert terminal("show", "last", "--json").json["status"] == "waiting"


def test_an_invalid_argument_stores_no_run(terminal: Terminal) -> None:
    terminal(*RUN, "--groups", "sorra")
    assert terminal("runs", "--json").json == []


def test_lint_reads_utf_16_and_names_bytes_that_are_no_text(terminal: Terminal) -> None:
    words = ("lint", "-", "--model", "SORA_2_A", "--json")
    assert terminal(*words, stdin="short".encode("utf-16")).json[0]["severity"] == "error"
    refused = terminal(*words, stdin=b"caf\xe9")
    assert (refused.status, "is neither UTF-8 nor UTF-16" in refused.err) == (2, True)


def test_emoji_are_kept(terminal: Terminal) -> None:
    result = terminal("run", "--json", "--groups", "sora", "--idea", "a cat 🐈‍⬛ under ☔")
    assert result.status == 0
    assert result.json["brief"]["idea"] == "a cat 🐈‍⬛ under ☔"
    assert "🐈‍⬛" in result.json["prompts"]["image_generation"]["SORA_2_A"]


def test_a_group_given_twice_is_selected_once(terminal: Terminal) -> None:
    result = terminal(*RUN, "--json", "--groups", "sora,leonardo,sora")
    assert result.json["selection"]["image_generation"] == ["sora", "leonardo"]
    assert result.json["usage"]["calls"] == 1


def test_an_error_before_a_run_starts_is_the_only_json_object(terminal: Terminal) -> None:
    result = terminal(*RUN, "--json", "--groups", "sorra")
    assert result.status == 2
    assert result.json["error"]["code"] == "unknown_name"
    assert "sora" in result.json["error"]["hint"]


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"])
def test_a_missing_key_names_the_variable_to_set(terminal: Terminal, variable: str) -> None:
    spec = {"OPENAI": "openai:gpt-5.2", "ANTHROPIC": "anthropic:claude-sonnet-4-6"}.get(
        variable.partition("_")[0], "google:gemini-3.8-flash"
    )
    _assert_rejected(terminal(*RUN, "--groups", "sora", "--llm", spec), 5, variable)


def test_an_unreachable_base_url_is_named_and_the_run_is_stored(terminal: Terminal) -> None:
    result = terminal(
        *RUN, "--groups", "sora", "--llm", "openai:any", "--base-url", "http://127.0.0.1:9/v1"
    )
    _assert_rejected(result, 5, "http://127.0.0.1:9/v1", "callsheet resume")
    assert terminal("runs", "--json").json[0]["status"] == "failed"


def _workflow(folder: Path, text: str) -> str:
    (folder / "mine").mkdir()
    (folder / "mine" / "workflow.json").write_text(text)
    return "mine"


def _with(module: dict[str, object]) -> str:
    step = {"step_id": "only", "modules": [module]}
    return json.dumps({"workflow_id": "mine", "name": "Mine", "steps": [step]})


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("{not json", ("workflow.json", "line 1", "not JSON")),
        ('{"workflow_id": "mine"}', ("workflow.json at $.name", "field required")),
        (
            _with({"module_id": "prompt.template", "inputs": {"template": {"$ref": "gone.txt"}}}),
            ("$.steps[0].modules[0].inputs.template", "'gone.txt'"),
        ),
        (
            _with({"module_id": "prompt.templat", "inputs": {}}),
            ("no module 'prompt.templat'", "known: prompt.template"),
        ),
        (
            _with({"module_id": "prompt.template", "inputs": {"template": "x", "variable": {}}}),
            ("has no input `variable`", "known: variables"),
        ),
        (
            _with({"module_id": "prompt.template", "inputs": {"template": "$state.nobody"}}),
            ("no module writes `$state.nobody`",),
        ),
        (
            _with(
                {
                    "module_id": "user.select_model_groups",
                    "inputs": {"group_category": "image_generatoin"},
                }
            ),
            ("no category 'image_generatoin'", "known: image_generation"),
        ),
    ],
    ids=["json", "field", "ref", "module", "input", "state", "category"],
)
def test_an_invalid_workflow_is_rejected_with_the_location_of_the_problem(
    terminal: Terminal, tmp_path: Path, text: str, parts: tuple[str, ...]
) -> None:
    name = _workflow(tmp_path, text)
    _assert_rejected(terminal("run", name), 2, *parts)
    checked = terminal("check", name)
    assert checked.status == 2
    for part in parts:
        assert part in checked.out


@pytest.mark.parametrize("outside", ["../secret.txt", "/etc/passwd", "link.txt", "~/secret.txt"])
def test_a_reference_outside_the_folder_is_rejected_like_a_missing_file(
    terminal: Terminal, tmp_path: Path, outside: str
) -> None:
    (tmp_path / "secret.txt").write_text("the secret")
    ref = {"module_id": "prompt.template", "inputs": {"template": {"$ref": outside}}}
    name = _workflow(tmp_path, _with(ref))
    (tmp_path / "mine" / "link.txt").symlink_to(tmp_path / "secret.txt")
    result = terminal("run", name)
    _assert_rejected(result, 2, "is not a readable file of the workflow's folder")
    assert "the secret" not in result.err + result.out
