"""`callsheet doctor` reports every check, never a key, and exits with the status of a failed one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from callsheet.doctor import examine
from callsheet.llm.own_server import ask_server
from callsheet.settings import read_settings
from tests.support.anthropic_server import AnthropicServer
from tests.support.cli import Terminal
from tests.support.google_server import GoogleServer
from tests.support.strict_openai import StrictOpenAI


def _found(terminal: Terminal) -> dict[str, dict[str, object]]:
    return {each["what"]: each for each in terminal("doctor", "--json").json}


def test_every_check_passes_in_a_working_installation(terminal: Terminal) -> None:
    result = terminal("doctor")
    assert result.status == 0, result.out
    assert {line[0] for line in result.out.splitlines() if not line.startswith(" ")} == {"✓"}
    for what in ("LLM", "keys", "runs", "tokenizer", "workflow"):
        assert f"✓ {what}" in result.out


def test_a_key_is_listed_by_name_and_never_printed(terminal: Terminal) -> None:
    terminal.env["OPENAI_API_KEY"] = "sk-very-secret"
    result = terminal("doctor", "--json")
    assert "OPENAI_API_KEY yes" in result.out
    assert "ANTHROPIC_API_KEY no" in result.out
    assert "very-secret" not in result.out + result.err


def test_a_missing_key_sets_the_exit_status(terminal: Terminal) -> None:
    terminal.env["CALLSHEET_LLM"] = "openai:gpt-5.2"
    result = terminal("doctor")
    assert result.status == 5
    assert "✗ LLM" in result.out
    assert "OPENAI_API_KEY" in result.out


@pytest.mark.parametrize(
    ("tier", "llm", "status", "found", "hint"),
    [
        ("flex", "anthropic:claude-sonnet-4-6", 2, "Anthropic has no flex tier", "openai:NAME"),
        ("flex", "openai:gpt-5.2", 0, "openai:gpt-5.2, tier flex", ""),
        ("flex", "offline", 0, "offline", ""),
    ],
)
async def test_a_tier_that_the_llm_does_not_have_is_reported(
    tier: str, llm: str, status: int, found: str, hint: str
) -> None:
    keys = {"OPENAI_API_KEY": "sk-1", "ANTHROPIC_API_KEY": "sk-2"}
    settings = read_settings({**os.environ, "CALLSHEET_TIER": tier, "CALLSHEET_LLM": llm, **keys})
    checks, ended = await examine(settings)
    named = next(each for each in checks if each.what == "LLM")
    assert (named.found, named.exit_code, ended) == (found, status, status)
    assert hint in named.hint


async def test_a_tier_that_does_not_exist_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLSHEET_TIER", "cheap")
    checks, status = await examine()
    assert status == 2
    assert (checks[-1].what, checks[-1].found) == ("settings", "CALLSHEET_TIER cannot be 'cheap'")
    assert "flex; standard" in checks[-1].hint


def test_unusable_storage_is_reported(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    terminal.env["CALLSHEET_HOME"] = str(tmp_path / "file" / "kept")
    assert terminal("doctor").status == 6
    assert not _found(terminal)["runs"]["well"]


def test_an_unreachable_database_is_reported_without_its_password(terminal: Terminal) -> None:
    terminal.env["CALLSHEET_DATABASE_URL"] = "postgresql://me:hidden@127.0.0.1:1/runs"
    result = terminal("doctor")
    assert result.status == 6
    assert "PostgreSQL at 127.0.0.1:1/runs cannot be reached" in result.out
    assert "hidden" not in result.out + result.err


def test_an_invalid_database_address_is_not_repeated(terminal: Terminal) -> None:
    terminal.env["CALLSHEET_DATABASE_URL"] = "mysql://me:hidden@127.0.0.1/runs"
    result = terminal("doctor", "--json")
    assert result.status == 2
    assert "hidden" not in result.out + result.err


def test_the_version_and_mode_of_the_storage_are_reported(
    terminal: Terminal, database_url: str
) -> None:
    assert "journal" in str(_found(terminal)["runs"]["found"])
    terminal.env["CALLSHEET_DATABASE_URL"] = database_url
    found = _found(terminal)
    assert "PostgreSQL 1" in str(found["runs"]["found"])
    assert "none" in str(found["workers"]["found"])


def _asked(terminal: Terminal, *words: str) -> dict[str, str]:
    return {each["what"]: each["found"] for each in terminal("doctor", "--json", *words).json}


def test_the_server_of_an_llm_is_asked_by_get_alone(terminal: Terminal) -> None:
    with StrictOpenAI() as server:
        server.tells = {
            "/v1/models": {"data": [{"id": "tiny", "owned_by": "llamacpp"}]},
            "/props": {"default_generation_settings": {"n_ctx": 4096}},
        }
        found = _asked(terminal, "--llm", "openai:tiny", "--base-url", server.url)
        shown = terminal("doctor", "--llm", "openai:tiny", "--base-url", server.url)
    assert server.requests == []
    assert {
        name: found[name] for name in ("LLM", "server", "name", "context", "price", "proxy")
    } == {
        "LLM": "openai:tiny",
        "server": f"llama.cpp answers at {server.url}",
        "name": "`tiny`, of 1 listed",
        "context": "4,096 tokens",
        "price": "unknown: a server of your own",
        "proxy": "none used for this address",
    }
    assert found["structured output"] == "JSON schema, lengths included"
    assert shown.status == 0, shown.out
    assert "start it with `-c 8192`" in shown.out


def test_a_name_that_the_server_does_not_list_is_told_with_names_that_are_near(
    terminal: Terminal,
) -> None:
    with StrictOpenAI() as server:
        server.tells = {"/v1/models": {"data": [{"id": "qwen3:8b"}, {"id": "gemma3"}]}}
        done = terminal("doctor", "--llm", "openai:qwen3", "--base-url", server.url)
    assert done.status == 5
    assert "has no LLM `qwen3`; it has qwen3:8b" in " ".join(done.out.split())


def test_a_server_that_does_not_answer_or_refuses_the_key_is_told(terminal: Terminal) -> None:
    with StrictOpenAI() as server:
        pass
    gone = terminal("doctor", "--llm", "ollama:qwen3", "--base-url", server.url)
    assert gone.status == 5
    assert "start it with `ollama serve`" in gone.out
    missing = terminal("doctor", "--llm", "openai:gpt-5.2")
    assert missing.status == 5
    assert "OPENAI_API_KEY" in missing.out


@pytest.mark.parametrize(
    ("kind", "dialect", "path", "answer"),
    [
        (AnthropicServer, "anthropic", "/v1/models?limit=1000",
         {"data": [{"id": "claude-x", "max_input_tokens": 200_000}]}),
        (GoogleServer, "google", "/v1beta/models?pageSize=1000",
         {"models": [{"name": "models/claude-x", "inputTokenLimit": 200_000}]}),
    ],
    ids=["Anthropic", "Google"],
)  # fmt: skip
async def test_each_provider_is_asked_where_it_lists_its_llms(
    kind: Any, dialect: Any, path: str, answer: Any
) -> None:
    with kind() as server:
        server.tells = {path: answer}
        told = await ask_server(server.url, "claude-x", key="secret", dialect=dialect)
    assert (told.llms, told.context) == (("claude-x",), 200_000)
    (question,) = server.questions
    assert "secret" in (question.headers.get("x-api-key"), question.headers.get("x-goog-api-key"))
