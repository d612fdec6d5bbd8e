"""Workers that look for the dead more often than `callsheet worker` does, and begin at once.

`python -m tests.support.worker_forkserver` imports what takes seconds, then begins a worker for each line that
it is sent: where it stands, its environment and its words, as JSON. Each is a process of its own; one whose
words begin with `batch` is that command instead. The environment may say where OpenAI's batch jobs are served.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from callsheet.batches import jobs as batch_jobs
from callsheet.batches.job_visits import JobVisits
from callsheet.cli.main import main
from callsheet.cli.output import note
from callsheet.cli.worker_command import work_until_signal
from callsheet.errors import CallsheetError
from callsheet.llm.providers import PROVIDERS
from callsheet.runs.takeover import Takeover
from callsheet.settings import read_settings
from callsheet.workers.worker import Worker
from tests.support.worker_starter import JOBS_AT

SWEEP_SECONDS = 0.25

HEAVY = ("callsheet.llm.provider_client", "callsheet.store.postgres", "psycopg", "dbos")


def _work(words: Sequence[str]) -> int:
    if url := os.environ.get(JOBS_AT):
        PROVIDERS["openai"] = replace(PROVIDERS["openai"], url=url)
        batch_jobs.FIRST_POLL_SECONDS = 0.1
    if words[:1] == ["batch"]:
        sys.argv = ["callsheet", *words]
        main()
    parser = argparse.ArgumentParser()
    parser.add_argument("--concurrency", type=int, default=20)
    parser.add_argument("--in-all", type=int)
    parser.add_argument("--drain", type=float, default=20)
    report = parser.parse_args(words)
    settings = read_settings()
    worker = Worker(
        settings,
        Takeover(settings),
        concurrency=report.concurrency,
        batch_limit=report.in_all,
        log=note,
        recovery_seconds=SWEEP_SECONDS,
        visit_jobs=JobVisits(settings, note),
    )
    return 128 + asyncio.run(work_until_signal(worker, report.drain))


def _mind(report: dict[str, Any]) -> None:
    """Begins a worker, and writes its number, then its end, into files beside its log."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = Path(report["log"])
    worker = os.fork()
    if not worker:
        _become(report, log)
    _tell(log.with_suffix(".pid"), worker)
    _, status = os.waitpid(worker, 0)
    _tell(log.with_suffix(".status"), os.waitstatus_to_exitcode(status))


def _become(report: dict[str, Any], log: Path) -> None:
    status = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number in (1, 2):
            os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
        os.environ.clear()
        os.environ.update(report["environment"])
        os.chdir(report["folder"])
        status = _work(report["words"])
    except CallsheetError as error:
        note(error.message)
    except SystemExit as ended:
        status = int(ended.code or 0)
    except BaseException:  # noqa: BLE001  # whatever it is, it is the worker's last word
        traceback.print_exc()
    os._exit(status)


def _tell(file: Path, number: int) -> None:
    new = file.with_suffix(".new")
    new.write_text(str(number))
    new.rename(file)


if __name__ == "__main__":
    for each in HEAVY:
        import_module(each)
    assert threading.active_count() == 1, "a process with threads cannot be doubled"
    # Whoever minds a worker ends with it, and nobody waits for that.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        if not os.fork():
            _mind(json.loads(line))
            os._exit(0)
