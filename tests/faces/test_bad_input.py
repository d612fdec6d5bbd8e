"""Bad input gets a clear error that says what to do, the promised status, and no traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.cli import Said, Terminal

RUN = ("run", "--idea", "a heron at dawn")


def _is_help(said: Said, status: int, *parts: str) -> None:
    assert said.status == status, said.err
    assert "Traceback" not in said.err + said.out
    assert said.err.count("error: ") == 1
    for part in parts:
        assert part in said.err


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
        ((*RUN, "--groups", "sora", "--set", "mood"), ("--set wants KEY=VALUE",)),
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
def test_wrong_words_are_refused_with_help(
    terminal: Terminal, words: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    _is_help(terminal(*words), 2, *parts)


def test_an_idea_of_200_000_characters_is_refused_naming_the_limit(terminal: Terminal) -> None:
    said = terminal("run", "--groups", "sora", stdin="x" * 200_000 + "\n")
    assert "200,000 characters; the limit is 4,000" in said.err
    assert said.status == 3  # it is asked again, and the input has ended
    assert terminal("show", "last", "--json").json["status"] == "waiting"


def test_a_wrong_word_leaves_no_run_behind(terminal: Terminal) -> None:
    terminal(*RUN, "--groups", "sorra")
    assert terminal("runs", "--json").json == []


def test_emoji_are_kept(terminal: Terminal) -> None:
    said = terminal("run", "--json", "--groups", "sora", "--idea", "a cat 🐈‍⬛ under ☔")
    assert said.status == 0
    assert said.json["brief"]["idea"] == "a cat 🐈‍⬛ under ☔"
    assert "🐈‍⬛" in said.json["prompts"]["image_generation"]["SORA_2_A"]


def test_a_group_named_twice_is_taken_once(terminal: Terminal) -> None:
    said = terminal(*RUN, "--json", "--groups", "sora,leonardo,sora")
    assert said.json["selection"]["image_generation"] == ["sora", "leonardo"]
    assert said.json["usage"]["calls"] == 1


def test_an_error_before_a_run_is_a_json_object_alone(terminal: Terminal) -> None:
    said = terminal(*RUN, "--json", "--groups", "sorra")
    assert said.status == 2
    assert said.json["error"]["code"] == "unknown_name"
    assert "sora" in said.json["error"]["hint"]


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"])
def test_a_missing_key_names_the_variable_to_set(terminal: Terminal, variable: str) -> None:
    spec = {"OPENAI": "openai:gpt-5.2", "ANTHROPIC": "anthropic:claude-sonnet-4-6"}.get(
        variable.partition("_")[0], "google:gemini-3-flash"
    )
    _is_help(terminal(*RUN, "--groups", "sora", "--llm", spec), 5, variable)


def test_a_base_url_where_nothing_listens_is_said_and_the_run_is_kept(terminal: Terminal) -> None:
    said = terminal(
        *RUN, "--groups", "sora", "--llm", "openai:any", "--base-url", "http://127.0.0.1:9/v1"
    )
    _is_help(said, 5, "http://127.0.0.1:9/v1", "callsheet resume")
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
def test_a_workflow_that_is_wrong_is_refused_with_its_place(
    terminal: Terminal, tmp_path: Path, text: str, parts: tuple[str, ...]
) -> None:
    name = _workflow(tmp_path, text)
    _is_help(terminal("run", name), 2, *parts)
    checked = terminal("check", name)
    assert checked.status == 2
    for part in parts:
        assert part in checked.out


@pytest.mark.parametrize("outside", ["../secret.txt", "/etc/passwd", "link.txt", "~/secret.txt"])
def test_no_reference_leaves_the_folder_and_missing_looks_the_same(
    terminal: Terminal, tmp_path: Path, outside: str
) -> None:
    (tmp_path / "secret.txt").write_text("the secret")
    ref = {"module_id": "prompt.template", "inputs": {"template": {"$ref": outside}}}
    name = _workflow(tmp_path, _with(ref))
    (tmp_path / "mine" / "link.txt").symlink_to(tmp_path / "secret.txt")
    said = terminal("run", name)
    _is_help(said, 2, "is not a readable file of the workflow's folder")
    assert "the secret" not in said.err + said.out
