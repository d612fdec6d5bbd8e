"""Executes one command in this process, and prints which files of callsheet it called a function of.

`python -m tests.support.walk COMMAND …` prints `{"files": […], "imported": […]}`. What runs while a
module is imported is left out, as are comprehensions and generated code: nobody reads those to
follow a run.
"""

from __future__ import annotations

import inspect
import json
import sys
import threading
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from click.testing import CliRunner

import callsheet
from callsheet.cli.main import cli

SOURCE = f"{Path(callsheet.__file__).parent}/"
COMPREHENSIONS = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}


class Walk:
    """A profiler that notes the files of functions called outside an import."""

    def __init__(self) -> None:
        self.files: set[str] = set()
        self._importing = 0

    def __call__(self, frame: FrameType, event: str, arg: Any) -> None:
        code = frame.f_code
        if event in ("call", "return") and code.co_name == "<module>":
            self._importing += 1 if event == "call" else -1
        elif event == "call" and not self._importing and _is_ours(code):
            self.files.add(code.co_filename.removeprefix(SOURCE))


def _is_ours(code: CodeType) -> bool:
    """Whether this is a function that somebody wrote here; the body of a class is none."""
    written = code.co_flags & inspect.CO_OPTIMIZED and code.co_name not in COMPREHENSIONS
    return bool(written) and code.co_filename.startswith(SOURCE)


def main(words: list[str]) -> None:
    """Executes the command and prints what it walked through."""
    walk = Walk()
    threading.setprofile(walk)
    sys.setprofile(walk)
    result = CliRunner().invoke(cli, words, standalone_mode=False, catch_exceptions=False)
    sys.setprofile(None)
    threading.setprofile(None)
    assert not result.return_value, result.output
    imported = sorted(name for name in sys.modules if name.startswith("callsheet."))
    sys.stdout.write(json.dumps({"files": sorted(walk.files), "imported": imported}))


if __name__ == "__main__":
    main(sys.argv[1:])
