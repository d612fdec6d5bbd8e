"""Gives one command several times, each time in a process of its own, and imports it only once.

`python -m tests.support.repeated_command TIMES WORD...`: writes `1.out`, `1.err` and so on, and prints
the exit statuses as JSON.
"""

from __future__ import annotations

import json
import os
import sys

import callsheet.batches.batch
import callsheet.cli.batch_command
import callsheet.runs.document
import callsheet.runs.service  # noqa: F401  # so that no process has to
from callsheet.cli.main import main


def _status(number: int) -> int:
    if (child := os.fork()) != 0:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    for place, kind in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{number}.{kind}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), place)
    main()
    raise AssertionError("the command line ends its process")


if __name__ == "__main__":
    times = int(sys.argv[1])
    sys.argv = ["callsheet", *sys.argv[2:]]
    sys.stdout.write(json.dumps([_status(number) for number in range(1, times + 1)]))
