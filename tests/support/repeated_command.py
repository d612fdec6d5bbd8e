"""Gives one command until its process is not killed, each time in a new one that imports nothing itself.

`python -m tests.support.repeated_command TIMES WORD...`: gives it TIMES times at most, writes `1.out`,
`1.err` and so on, and prints the exit statuses as JSON.
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
    statuses = [_status(1)]
    while statuses[-1] < 0 and len(statuses) < times:
        statuses.append(_status(len(statuses) + 1))
    sys.stdout.write(json.dumps(statuses))
