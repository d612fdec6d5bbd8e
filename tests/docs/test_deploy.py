"""The files in `deploy/` are valid, and the commands in them work."""

from __future__ import annotations

import json
import re
import shlex
import signal
import tomllib
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from callsheet.llm.providers import key_variables
from callsheet.settings import VARIABLES
from tests.support.cli import Terminal
from tests.support.strict_openai import StrictOpenAI
from tests.support.workers import LONGEST, WorkerGroup, workers_on

DEPLOY = Path(__file__).parents[2] / "deploy"

OURS = {*VARIABLES, *key_variables()}


@pytest.fixture
def workers(terminal: Terminal, database_url: str) -> Iterator[WorkerGroup]:
    with StrictOpenAI() as server, workers_on(terminal, database_url, server) as workers:
        yield workers


def unit() -> ConfigParser:
    parser = ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(DEPLOY / "callsheet-worker.service")
    return parser


def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def test_both_start_a_worker_that_stops_with_the_configured_status(workers: WorkerGroup) -> None:
    service = unit()["Service"]
    program, *started = shlex.split(service["ExecStart"])
    composed, *words = compose()["services"]["worker"]["command"]
    assert Path(program).name == composed == "callsheet"
    assert started == words
    assert started[0] == "worker"

    processes = workers.start_worker_by_command(*started[1:])
    processes.process.send_signal(signal.Signals[service["KillSignal"]])
    assert processes.process.wait(LONGEST) == int(service["SuccessExitStatus"])


def test_the_image_contains_what_a_worker_needs() -> None:
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["project"]
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    result = dict(line.split(" ", 1) for line in lines if line[:1] not in ("#", ""))
    command, *words = json.loads(result["CMD"])
    assert command in project["scripts"]
    assert words == compose()["services"]["worker"]["command"][1:2]
    extra = re.search(r'pip install .*"callsheet\[(\w+)\]"', result["RUN"])
    assert extra is not None
    assert extra[1] in project["optional-dependencies"]
    version = re.fullmatch(r"python:3\.(\d+)-slim", result["FROM"])
    assert version is not None
    assert int(version[1]) >= int(project["requires-python"].removeprefix(">=3."))


def test_the_stop_timeout_is_longer_than_the_drain() -> None:
    words = shlex.split(unit()["Service"]["ExecStart"])
    drain = float(words[words.index("--drain") + 1])
    patience = compose()["services"]["worker"]["stop_grace_period"]
    assert float(unit()["Service"]["TimeoutStopSec"]) > drain + 10
    assert float(patience.removesuffix("s")) > drain + 10


def test_a_worker_receives_only_variables_that_it_reads() -> None:
    worker = compose()["services"]["worker"]["environment"]
    assert set(worker) <= OURS
    database = compose()["services"]["database"]["environment"]
    address = worker["CALLSHEET_DATABASE_URL"]
    assert address.startswith(f"postgresql://{database['POSTGRES_USER']}:")
    assert address.endswith(f"@database:5432/{database['POSTGRES_DB']}")


def test_a_worker_without_a_database_is_not_restarted(terminal: Terminal) -> None:
    result = terminal("worker")
    assert str(result.status) == unit()["Service"]["RestartPreventExitStatus"]
    assert "CALLSHEET_DATABASE_URL" in result.err


def test_no_file_contains_a_secret() -> None:
    for file in DEPLOY.iterdir():
        text = file.read_text()
        assert "POSTGRES_PASSWORD: ${" in text or "POSTGRES_PASSWORD" not in text
        assert "sk-" not in text
