"""The documented shell completion works, and is fast enough to be used at every key."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.document_runner import fences
from tests.support.cli import Terminal

SLOW_IMPORTS = ("pydantic_ai", "starlette", "uvicorn", "dbos", "psycopg", "rs_bpe")


def _documented(shell: str) -> str:
    (found,) = (fence.body for fence in fences("docs/cli.md") if fence.language == shell)
    return found


def _environment(terminal: Terminal) -> dict[str, str]:
    """Return the terminal's environment with a `callsheet` on the path."""
    command = terminal.folder / "bin" / "callsheet"
    command.parent.mkdir()
    command.write_text(
        f'#!{sys.executable}\nimport sys\nsys.argv[0] = "callsheet"\n'
        "from callsheet.__main__ import main\nmain()\n"
    )
    command.chmod(0o755)
    environment = terminal.environment()
    return environment | {"PATH": f"{command.parent}:{environment['PATH']}"}


def _complete_in_bash(terminal: Terminal, words: list[str]) -> list[str]:
    line = " ".join(f"'{word}'" for word in words)
    script = (
        f"{_documented('bash')}\nCOMP_WORDS=({line})\nCOMP_CWORD={len(words) - 1}\n"
        "_callsheet_completion callsheet\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n"
    )
    done = subprocess.run(
        ["bash", "-c", script],
        env=_environment(terminal),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["callsheet", "est"], ["estimate"]),
        (["callsheet", "ru"], ["run", "runs"]),
        (["callsheet", "groups", "n"], ["new"]),
        (["callsheet", "export", "last", "--fo"], ["--format"]),
    ],
    ids=" ".join,
)
def test_bash_completes_commands_and_options(
    terminal: Terminal, words: list[str], expected: list[str]
) -> None:
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    assert _complete_in_bash(terminal, words) == expected


@pytest.mark.parametrize(
    ("shell", "defines"),
    [("bash", "_callsheet_completion"), ("zsh", "#compdef callsheet"), ("fish", "function ")],
)
def test_each_documented_shell_has_a_completion_script(
    shell: str, defines: str, terminal: Terminal
) -> None:
    assert f"_CALLSHEET_COMPLETE={shell}_source callsheet" in _documented(shell)
    done = subprocess.run(
        ["callsheet"],
        env=_environment(terminal) | {"_CALLSHEET_COMPLETE": f"{shell}_source"},
        executable=terminal.folder / "bin" / "callsheet",
        capture_output=True,
        text=True,
        check=True,
    )
    assert defines in done.stdout


def test_completion_loads_no_slow_library(terminal: Terminal, tmp_path: Path) -> None:
    words = {"COMP_WORDS": "callsheet export --fo", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", tmp_path / "bin" / "callsheet"],
        env=_environment(terminal) | words | {"_CALLSHEET_COMPLETE": "bash_complete"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "plain,--format\n"
    loaded = {
        line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()
    }
    assert "click" in loaded
    assert not loaded & set(SLOW_IMPORTS)
