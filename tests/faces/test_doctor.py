"""`callsheet doctor` reports every check, never a key, and exits with the status of a failed one."""

from __future__ import annotations

from pathlib import Path

from tests.support.cli import Terminal


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
