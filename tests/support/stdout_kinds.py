"""Runs commands with one kind of stdout, in forks of a process that has imported what they need.

The commands come as JSON on stdin; the status and stderr of each are printed as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from importlib import import_module

from callsheet.cli import main as command_line

IMPORTED = (
    *(module.partition(":")[0] for module, _ in command_line.COMMANDS.values()),
    "callsheet.batches.estimate",
    "callsheet.batches.output_file",
    "callsheet.runs.service",
    "rich.table",
)


def _replace_stdout(kind: str) -> None:
    match kind:
        case "left":
            reader, writer = os.pipe()
            os.close(reader)
            os.dup2(writer, 1)
        case "full":
            os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
        case "closed":
            os.close(1)
            sys.stdout = None  # type: ignore[assignment]  # as Python begins then


def _run(words: list[str], kind: str) -> tuple[int, str]:
    with tempfile.TemporaryFile() as err:
        child = os.fork()
        if not child:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(err.fileno(), 2)
            _replace_stdout(kind)
            sys.argv = ["callsheet", *words]
            # It exits as a process of its own does: the interpreter flushes stdout once more.
            command_line.main()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        err.seek(0)
        return status, err.read().decode()


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    for name in IMPORTED:
        import_module(name)
    json.dump([_run(words, sys.argv[2]) for words in json.load(sys.stdin)], sys.stdout)
