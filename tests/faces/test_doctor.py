"""`callsheet doctor` says what is found, never a key, and exits with what is wrong."""

from __future__ import annotations

from pathlib import Path

from tests.support.cli import Terminal


def _found(terminal: Terminal) -> dict[str, dict[str, object]]:
    return {each["what"]: each for each in terminal("doctor", "--json").json}


def test_where_all_is_well_every_line_says_so(terminal: Terminal) -> None:
    said = terminal("doctor")
    assert said.status == 0, said.out
    assert {line[0] for line in said.out.splitlines() if not line.startswith(" ")} == {"✓"}
    for what in ("LLM", "keys", "runs", "tokenizer", "workflow"):
        assert f"✓ {what}" in said.out


def test_a_key_is_told_by_name_and_never_shown(terminal: Terminal) -> None:
    terminal.env["OPENAI_API_KEY"] = "sk-very-secret"
    said = terminal("doctor", "--json")
    assert "OPENAI_API_KEY yes" in said.out
    assert "ANTHROPIC_API_KEY no" in said.out
    assert "very-secret" not in said.out + said.err


def test_a_missing_key_is_what_it_exits_with(terminal: Terminal) -> None:
    terminal.env["CALLSHEET_LLM"] = "openai:gpt-5.2"
    said = terminal("doctor")
    assert said.status == 5
    assert "✗ LLM" in said.out
    assert "OPENAI_API_KEY" in said.out


def test_a_place_that_cannot_be_used_is_named(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    terminal.env["CALLSHEET_HOME"] = str(tmp_path / "file" / "kept")
    assert terminal("doctor").status == 6
    assert not _found(terminal)["runs"]["well"]


def test_a_database_that_does_not_answer_is_told_without_its_password(terminal: Terminal) -> None:
    terminal.env["CALLSHEET_DATABASE_URL"] = "postgresql://me:hidden@127.0.0.1:1/runs"
    said = terminal("doctor")
    assert said.status == 6
    assert "PostgreSQL at 127.0.0.1:1/runs cannot be reached" in said.out
    assert "hidden" not in said.out + said.err


def test_an_address_that_is_none_is_not_repeated(terminal: Terminal) -> None:
    terminal.env["CALLSHEET_DATABASE_URL"] = "mysql://me:hidden@127.0.0.1/runs"
    said = terminal("doctor", "--json")
    assert said.status == 2
    assert "hidden" not in said.out + said.err


def test_the_version_and_manner_of_the_place_are_told(
    terminal: Terminal, database_url: str
) -> None:
    assert "journal" in str(_found(terminal)["runs"]["found"])
    terminal.env["CALLSHEET_DATABASE_URL"] = database_url
    found = _found(terminal)
    assert "PostgreSQL 1" in str(found["runs"]["found"])
    assert "none" in str(found["workers"]["found"])
