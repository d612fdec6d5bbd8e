"""A key stands for one request, and a client that breaks off leaves no traceback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.cli import Terminal
from tests.support.serving import Serving

START = {"brief": {"idea": "a heron"}, "groups": ["sora"]}


@pytest.fixture
def server(terminal: Terminal) -> Iterator[Serving]:
    with Serving(terminal, ("--port", "0", "--debug")) as serving:
        yield serving


def send(server: Serving, path: str, body: Any, key: str = "once") -> tuple[int, Any]:
    answered = server.client.post(path, json=body, headers={"Idempotency-Key": key})
    return answered.status_code, answered.json()


def test_a_key_that_comes_with_another_request_is_a_conflict(server: Serving) -> None:
    status, document = send(server, "/api/runs", START)
    assert status == 201
    run = document["run"]

    assert send(server, "/api/runs", START)[1]["run"] == run
    status, problem = send(server, "/api/runs", {**START, "groups": ["leonardo"]})
    assert (status, problem["code"]) == (409, "key_reused")
    assert "new key" in problem["hint"]
    assert len(server.get("/api/runs")["runs"]) == 1

    server.until(run)
    assert send(server, f"/api/runs/{run}/retry", {"groups": ["sora"]}, "again")[0] == 200
    server.until(run)
    assert send(server, f"/api/runs/{run}/retry", {"groups": ["sora"]}, "again")[0] == 200
    status, problem = send(server, f"/api/runs/{run}/retry", {"groups": ["phoenix"]}, "again")
    assert (status, problem["code"]) == (409, "key_reused")


def test_an_answer_sent_again_with_another_value_is_a_conflict(server: Serving) -> None:
    run = server.start("sora", review=True)
    question = server.until(run)["question"]["number"]
    path = f"/api/runs/{run}/answers"

    first = send(server, path, {"question": question, "value": "accept"})
    assert first[0] == 200
    assert send(server, path, {"question": question, "value": "accept"}) == first
    status, problem = send(server, path, {"question": question, "value": "stop"})
    assert (status, problem["code"]) == (409, "key_reused")


def test_a_request_that_breaks_off_prints_no_traceback(server: Serving) -> None:
    head = (
        f"POST /api/runs HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
    )
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", int(server.port))) as connection:
            connection.sendall(head.encode())
    assert server.get("/api/health")["status"] == "ok"
    _, _, err = server.end()
    assert "Traceback" not in err
