"""Runs `callsheet serve` in a process of its own, as a person would, and speaks to it over HTTP."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from tests.support.cli import Terminal

IDEA = "a woman reads by a rain-streaked window at dusk"

LONGEST = 60.0


@dataclass
class Serving:
    """A server; `url` is where it answers, `client` speaks to it."""

    terminal: Terminal
    words: tuple[str, ...] = ("--port", "0")
    client: httpx.Client = field(init=False)
    process: subprocess.Popen[str] = field(init=False)
    url: str = field(init=False)

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self.terminal.command("serve", *self.words),
            cwd=self.terminal.folder,
            env=self.terminal.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if " is running at " not in line:
            raise AssertionError(self.process.communicate())
        self.url = line.split(" is running at ")[1].strip()
        address = self.url.partition("?")[0].replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        self.client = httpx.Client(base_url=address, timeout=LONGEST, trust_env=False)
        return self

    def __exit__(self, *error: object) -> None:
        self.client.close()
        self.process.kill()
        self.process.communicate()

    @property
    def port(self) -> str:
        """Where to start again, so that browsers find it."""
        return str(self.client.base_url.port)

    def end(self, number: int = signal.SIGINT) -> tuple[int, str, str]:
        """Sends a signal and waits for the end: the exit status, stdout and stderr."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=LONGEST)
        return self.process.returncode, out, err

    def get(self, path: str) -> Any:
        """The JSON of a route that must answer well."""
        answered = self.client.get(path)
        assert answered.is_success, answered.text
        return answered.json()

    def post(self, path: str, body: Any, *, once: str = "") -> Any:
        """The same for a route that takes JSON."""
        headers = {"Idempotency-Key": once} if once else {}
        answered = self.client.post(path, json=body, headers=headers)
        assert answered.is_success, answered.text
        return answered.json()

    def start(self, *groups: str, review: bool = False, **more: Any) -> str:
        """Begins a run with these groups; its name."""
        body = {"brief": {"idea": IDEA}, "groups": [*groups], "review": review} | more
        return str(self.post("/api/runs", body)["run"])

    def until(self, run: str, fits: Callable[[dict[str, Any]], bool] = lambda d: False) -> Any:
        """The run's document once it stands still: it asks, or it has ended, or it fits."""
        deadline = time.monotonic() + LONGEST
        while time.monotonic() < deadline:
            document = self.get(f"/api/runs/{run}")
            if document["status"] not in ("running", "interrupted") or fits(document):
                return document
            time.sleep(0.05)
        raise AssertionError(f"{run} did not stand still")

    def events(self, runs: str = "", *, last: str = "") -> Iterator[tuple[str, Any, str]]:
        """The stream of events: each event's name, data and id."""
        headers = {"Last-Event-ID": last} if last else {}
        with self.client.stream(
            "GET", "/api/events", params={"runs": runs}, headers=headers
        ) as answer:
            assert answer.status_code == 200, answer.read()
            yield from read_events(answer.iter_lines())


def read_events(lines: Iterator[str]) -> Iterator[tuple[str, Any, str]]:
    """What a browser would make of these lines."""
    fields: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        elif "data" in fields:
            yield fields["event"], json.loads(fields["data"]), fields.get("id", "")
            fields = {}
        else:
            fields = {}
