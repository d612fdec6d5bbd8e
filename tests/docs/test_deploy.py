"""The files in `deploy/` are valid, and the commands in them work."""

from __future__ import annotations

import json
import re
import secrets
import shlex
import signal
import subprocess
import tomllib
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
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
    extras = re.search(r'pip install .*"callsheet\[([\w,]+)\]"', result["RUN"])
    assert extras is not None
    assert set(extras[1].split(",")) <= project["optional-dependencies"].keys()
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


@pytest.mark.parametrize(("service", "path"), [("server", "api/health"), ("mcp", "mcp")])
def test_the_image_serves_page_and_assistants_to_who_has_the_token(
    terminal: Terminal, database_url: str, service: str, path: str
) -> None:
    described = compose()["services"][service]
    program, *words = described["command"]
    assert program == "callsheet"
    assert set(described["environment"]) <= OURS
    token = secrets.token_urlsafe()
    terminal.env |= {"CALLSHEET_DATABASE_URL": database_url, "CALLSHEET_TOKEN": token}
    process = subprocess.Popen(
        terminal.command(*words, "--port", "0"),
        cwd=terminal.folder,
        env=terminal.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = urlsplit(process.stdout.readline().split()[-1]).port
        with httpx2.Client(base_url=f"http://localhost:{port}", trust_env=False) as client:
            bearer = {"Authorization": f"Bearer {token}"}
            assert client.get(f"/{path}", headers=bearer).status_code in (200, 400, 405, 406)
            assert client.get("/api/groups" if service == "server" else "/mcp").status_code == 401
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def test_a_worker_without_a_database_is_not_restarted(terminal: Terminal) -> None:
    result = terminal("worker")
    assert str(result.status) == unit()["Service"]["RestartPreventExitStatus"]
    assert "CALLSHEET_DATABASE_URL" in result.err


def test_no_file_contains_a_secret() -> None:
    for file in DEPLOY.iterdir():
        text = file.read_text()
        assert "POSTGRES_PASSWORD: ${" in text or "POSTGRES_PASSWORD" not in text
        assert "sk-" not in text
