"""Executes the examples of a document in order: writes its files, runs its commands and its Python.

The first word after a fence is its language; a path after it names the file to write or change.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from tests.support.cli import TIMEOUT_SECONDS, Terminal

ROOT = Path(__file__).parents[2]

DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / "README.md", ROOT / "DYNAMIC_MODEL_GROUPS.md", *ROOT.glob("docs/*.md"))
)

_FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STATUS = re.compile(r"# exit (\d+)")
_REAL_LLM = re.compile(r"--base-url|--llm (?!offline|paste)")

WAITING = 3


@dataclass(frozen=True)
class Fence:
    """A code block of a document."""

    language: str
    path: str
    body: str
    line: int


def fences(document: str) -> Iterator[Fence]:
    """Yield the code blocks of a document, in order."""
    text = (ROOT / document).read_text("utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start(3))
        yield Fence(found[1], found[2] or "", found[3], line)


@dataclass
class DocumentRunner:
    """Executes documents in an empty folder; `executed` lists the commands and Python that ran."""

    terminal: Terminal
    executed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        folder = self.terminal.folder
        (folder / "src").symlink_to(ROOT / "src")
        shim = folder / "bin" / "callsheet"
        shim.parent.mkdir()
        shim.write_text(f'#!/bin/sh\nexec {shlex.join(self.terminal.command())} "$@"\n')
        shim.chmod(0o755)
        paths = (str(self.terminal.guard), str(folder))
        self.terminal.env["PYTHONPATH"] = os.pathsep.join(paths)
        self.terminal.env["PATH"] = f"{shim.parent}{os.pathsep}{os.environ['PATH']}"
        self.python = ModuleType("a_document")
        sys.modules["a_document"] = self.python

    def execute(self, document: str) -> None:
        """Execute every code block of the document."""
        for fence in fences(document):
            if fence.language == "diff":
                self._apply_diff(fence)
            elif fence.path:
                self._write(fence)
            if fence.language == "sh":
                self._run(fence.body)
            elif fence.language == "python":
                # Empty lines in front make an error name the document's own line.
                code = compile("\n" * fence.line + fence.body, document, "exec")
                exec(code, vars(self.python))  # noqa: S102
                self.executed.append(fence.body)

    def _write(self, fence: Fence) -> None:
        target = self.terminal.folder / fence.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(fence.body)
        if target.name == "pyproject.toml":
            self._install(tomllib.loads(fence.body)["project"])

    def _install(self, project: dict[str, dict[str, dict[str, str]]]) -> None:
        """Write the metadata that an installer writes for a project with entry points."""
        metadata = self.terminal.folder / f"{project['name']}-{project['version']}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(
            f"Name: {project['name']}\nVersion: {project['version']}\n"
        )
        lines = [
            line
            for group, points in project["entry-points"].items()
            for line in (f"[{group}]", *(f"{name} = {place}" for name, place in points.items()))
        ]
        (metadata / "entry_points.txt").write_text("\n".join(lines))

    def _apply_diff(self, fence: Fence) -> None:
        """Apply each hunk wherever it fits; each must fit somewhere."""
        target = self.terminal.folder / fence.path
        text = target.read_text("utf-8")
        for hunk in fence.body.split("@@\n"):
            lines = hunk.splitlines(keepends=True)
            before = "".join(line[1:] for line in lines if not line.startswith("+"))
            after = "".join(line[1:] for line in lines if not line.startswith("-"))
            assert before in text, f"{fence.path} has no\n{before}"
            text = text.replace(before, after)
        target.write_text(text, "utf-8")

    def _run(self, script: str) -> None:
        for line in script.splitlines():
            command = line.removeprefix("pip install uv && ").removeprefix("uv run ")
            if not re.search(r"(^|\| )(callsheet|cp|mkdir) ", command):
                continue
            if _REAL_LLM.search(command) and " estimate " not in command:
                continue
            status = _STATUS.search(command)
            expected = int(status[1]) if status else WAITING if "--llm paste" in command else 0
            done = subprocess.run(
                ["sh", "-c", command],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                cwd=self.terminal.folder,
                env=self.terminal.environment(),
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
            assert done.returncode == expected, f"{command}\n{done.stdout}{done.stderr}"
            self.executed.append(command)
