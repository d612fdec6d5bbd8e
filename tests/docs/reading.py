"""Reads a document as a newcomer would: writes its files, runs its commands and its Python, in order.

A fence's first word is its language; a path after it says which file the fence is, or changes.
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

from tests.support.cli import LONGEST, Terminal

ROOT = Path(__file__).parents[2]

DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / "README.md", ROOT / "DYNAMIC_MODEL_GROUPS.md", *ROOT.glob("docs/*.md"))
)

_FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STATUS = re.compile(r"# exit (\d+)")
_REAL_LLM = re.compile(r"--base-url|--llm (?!offline|paste)")

WAITS = 3


@dataclass(frozen=True)
class Fence:
    """A part of a document that is not prose."""

    language: str
    path: str
    body: str
    line: int


def fences(document: str) -> Iterator[Fence]:
    """The fences of a document, in order."""
    text = (ROOT / document).read_text("utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start(3))
        yield Fence(found[1], found[2] or "", found[3], line)


@dataclass
class Reader:
    """A newcomer with an empty folder and a terminal; `did` remembers what was run."""

    terminal: Terminal
    did: list[str] = field(default_factory=list)

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

    def follow(self, document: str) -> None:
        """Does what the document shows, from its first fence to its last."""
        for fence in fences(document):
            if fence.language == "diff":
                self._change(fence)
            elif fence.path:
                self._write(fence)
            if fence.language == "sh":
                self._run(fence.body)
            elif fence.language == "python":
                # Empty lines in front make an error name the document's own line.
                code = compile("\n" * fence.line + fence.body, document, "exec")
                exec(code, vars(self.python))  # noqa: S102
                self.did.append(fence.body)

    def _write(self, fence: Fence) -> None:
        target = self.terminal.folder / fence.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(fence.body)
        if target.name == "pyproject.toml":
            self._install(tomllib.loads(fence.body)["project"])

    def _install(self, project: dict[str, dict[str, dict[str, str]]]) -> None:
        """What an installer would leave behind of a project with entry points."""
        told = self.terminal.folder / f"{project['name']}-{project['version']}.dist-info"
        told.mkdir()
        (told / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
        lines = [
            line
            for group, points in project["entry-points"].items()
            for line in (f"[{group}]", *(f"{name} = {place}" for name, place in points.items()))
        ]
        (told / "entry_points.txt").write_text("\n".join(lines))

    def _change(self, fence: Fence) -> None:
        """Applies each hunk wherever it fits, and it must fit somewhere."""
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
            expected = int(status[1]) if status else WAITS if "--llm paste" in command else 0
            done = subprocess.run(
                ["sh", "-c", command],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                cwd=self.terminal.folder,
                env=self.terminal.environment(),
                timeout=LONGEST,
                check=False,
            )
            assert done.returncode == expected, f"{command}\n{done.stdout}{done.stderr}"
            self.did.append(command)
