"""Other users of this machine, and connections that take too much: limited before any other work."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import GUARD
from tests.support.cli import Terminal
from tests.support.limited_server import LIMITS, LimitedTerminal
from tests.support.serving import Serving

TOKEN = "a-token-of-the-settings"  # noqa: S105

BODY = json.dumps({"brief": {"idea": "a heron"}, "groups": ["sora"]}).encode()

GET = b"GET /api/runs HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /api/runs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"

NOBODY = 65_534

needs_users = pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0,
    reason="a process of another user is started, which only root on Linux can do",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server whose limits a test reaches at once."""
    with Serving(_at(LimitedTerminal, tmp_path_factory.mktemp("limited"))) as serving:
        yield serving


def _at(kind: type[Terminal], folder: Path, **settings: str) -> Terminal:
    return kind.with_own_runs(folder, GUARD, **settings)


def _connect(serving: Serving) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(serving.port)), timeout=30)


def _answer(connection: socket.socket) -> tuple[int, Any]:
    """What comes back until the server closes the connection: status and code; 0 for nothing."""
    received = bytearray()
    try:
        while more := connection.recv(65_536):
            received += more
    except ConnectionResetError:
        pass
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    assert b"\r\nx-content-type-options: nosniff" in head or not head
    return (int(head.split()[1]), json.loads(body)["code"]) if head else (0, "")


def _sent(serving: Serving, *parts: bytes) -> tuple[int, Any]:
    with _connect(serving) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all was sent
        return _answer(connection)


def _memory(serving: Serving) -> int:
    told = Path(f"/proc/{serving.process.pid}/status").read_text("utf-8")
    found = re.search(r"VmRSS:\s+(\d+)", told)
    assert found
    return int(found[1]) * 1024


def _as_nobody(request: bytes, port: str, then: str = "cat <&3") -> bytes:
    """Sends this to a port from a process of another user; what comes back."""
    script = f"exec 3<>/dev/tcp/127.0.0.1/{port}; cat >&3; {then}"
    done = subprocess.run(
        ["/bin/bash", "-c", script],
        input=request,
        capture_output=True,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd="/",
        timeout=60,
        check=True,
    )
    return done.stdout


@pytest.mark.parametrize(
    "parts",
    [
        (GET + b"X: ", b"x" * 200_000),
        (b"GET /" + b"x" * 200_000,),
        (GET + b"x" * 200_000,),
        (GET + b"X: " + b"x" * 66_000 + b"\r\n\r\n",),
        (GET + b"X: x\r\n" * 101 + b"\r\n",),
        *((CHUNKED + start, *[b"x" * 65_536] * 8) for start in (b"1;", b"0\r\nX: ")),
    ],
    ids=["value", "path", "name", "large", "many", "chunk", "trailer"],
)
def test_a_head_that_is_too_large_is_refused(server: Serving, parts: tuple[bytes, ...]) -> None:
    assert _sent(server, *parts) in ((431, "head_too_large"), (0, ""))
    assert server.get("/api/health")["status"] == "ok"


def test_what_browsers_and_proxies_send_is_no_head_that_is_too_large(server: Serving) -> None:
    cookies = "; ".join(f"other-{number}={'x' * 400}" for number in range(100))
    headers = {f"X-Of-A-Proxy-{number}": "x" for number in range(60)} | {"Cookie": cookies}
    assert server.client.get("/api/runs", headers=headers).status_code == 200


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process from /proc")
def test_endless_headers_of_many_connections_take_no_memory(server: Serving) -> None:
    before = _memory(server)
    for _ in range(8):
        assert _sent(server, GET + b"X: ", *[b"x" * 1_048_576] * 16)[0] in (0, 431)
    assert _memory(server) < before + 30 * 1024 * 1024


def test_what_is_no_http_is_said_to_be_malformed(server: Serving) -> None:
    assert _sent(server, b"\x16\x03\x01 hello\r\n\r\n") == (400, "malformed")


def _drip(serving: Serving, start: bytes, drop: bytes) -> tuple[float, tuple[int, Any]]:
    """Sends a start and then drop by drop: after how many seconds it ends, and how."""
    began = time.monotonic()
    with _connect(serving) as connection:
        connection.sendall(start)
        connection.settimeout(0.05)
        while time.monotonic() - began < 30:
            try:
                if drop:
                    connection.sendall(drop)
                if not connection.recv(1, socket.MSG_PEEK):
                    break
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                return time.monotonic() - began, (0, "")
            break
        connection.settimeout(30)
        return time.monotonic() - began, _answer(connection)


@pytest.mark.parametrize(
    ("start", "drop", "told"),
    [
        (GET + b"X: ", b"x", (408, "request_too_slow")),
        (GET, b"", (408, "request_too_slow")),
        (POST + b"Content-Length: 10000\r\n\r\n{", b" ", (408, "request_too_slow")),
        (CHUNKED, b"1\r\n \r\n", (408, "request_too_slow")),
        (b"", b"", (0, "")),
        (b"", b"\r\n", (0, "")),
    ],
    ids=["headers", "half a head", "body", "chunks", "nothing", "empty lines"],
)
def test_a_request_that_takes_too_long_to_arrive_is_cut_off(
    server: Serving, start: bytes, drop: bytes, told: tuple[int, str]
) -> None:
    seconds, answer = _drip(server, start, drop)
    assert answer in (told, (0, ""))
    assert LIMITS.request_seconds <= seconds < 10


def test_a_body_may_take_the_longer_the_more_of_it_has_arrived(server: Serving) -> None:
    length = b"Content-Length: %d\r\n\r\n" % (len(BODY) + 200_000)
    with _connect(server) as connection:
        connection.sendall(POST + b"Connection: close\r\n" + length + b" " * 200_000)
        time.sleep(2.5 * LIMITS.request_seconds)
        connection.sendall(BODY)
        assert connection.recv(65_536).split()[1] == b"201"


def test_a_client_that_reads_nothing_of_its_response_is_cut_off(server: Serving) -> None:
    page = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        connection.settimeout(30)
        connection.connect(("127.0.0.1", int(server.port)))
        received = 0
        with pytest.raises(ConnectionResetError):  # noqa: PT012  # whether sending or receiving
            for _ in range(400):
                connection.sendall(page)
                time.sleep(0.01)
            while more := len(connection.recv(65_536)):
                received += more
    assert server.get("/api/health")["status"] == "ok"


def test_a_stream_of_events_lives_on_beyond_every_limit_of_time(server: Serving) -> None:
    stream = server.events()
    assert next(stream)[0] == "ready"
    time.sleep(3 * max(LIMITS.request_seconds, LIMITS.unread_seconds))
    run = server.start("sora")
    # A run that another test has started on this server may still be changing.
    assert run in (data["run"] for name, data, _ in stream if name == "run")
    stream.close()


def test_more_connections_of_one_address_than_allowed_are_refused(server: Serving) -> None:
    with ExitStack() as opened:
        streams = []
        for _ in range(LIMITS.own + 1):
            connection = opened.enter_context(_connect(server))
            connection.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            if not connection.recv(12, socket.MSG_PEEK).endswith(b"200"):
                break
            streams.append(connection)
        assert len(streams) >= LIMITS.own - 2  # the client of other tests may keep one
        assert _answer(connection) == (503, "too_many_connections")
        if sys.platform == "linux" and os.geteuid() == 0:
            told = _as_nobody(b"GET /api/health HTTP/1.0\r\nHost: localhost\r\n\r\n", server.port)
            assert told.startswith(b"HTTP/1.1 200"), "another user's connections are counted apart"
    deadline = time.monotonic() + 10
    while _sent(server, b"GET /none HTTP/1.0\r\nHost: localhost\r\n\r\n")[0] != 404:
        assert time.monotonic() < deadline, "connections that have ended count no longer"


@needs_users
def test_another_user_of_the_machine_is_asked_for_a_token(server: Serving) -> None:
    run = server.start("sora")
    server.until(run)
    before = server.get("/api/runs")
    length = b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(BODY)
    asked = [
        GET + b"Connection: close\r\n\r\n",
        POST + length + BODY,
        f"DELETE /api/runs/{run} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode(),
        b"GET /api/events HTTP/1.0\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: localhost\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n",
    ]
    for each in asked:
        told = _as_nobody(each, server.port)
        assert told.startswith(b"HTTP/1.1 401"), told
        assert b'"token_required"' in told
        assert run.encode() not in told
    assert server.get("/api/runs") == before


@needs_users
def test_another_user_who_is_gone_before_the_server_looks_is_refused_too(server: Serving) -> None:
    """The kernel lists a socket that its process has closed as one of root's."""
    before = server.get("/api/runs")
    server.client.close()
    server.process.send_signal(signal.SIGSTOP)
    try:
        length = b"Content-Length: %d\r\n\r\n" % len(BODY)
        _as_nobody(POST + length + BODY, server.port, then="exit 0")
    finally:
        server.process.send_signal(signal.SIGCONT)
    server.client = httpx.Client(base_url=server.client.base_url, timeout=60, trust_env=False)
    time.sleep(0.5)
    assert server.get("/api/runs") == before


@needs_users
def test_the_token_of_the_settings_is_demanded_from_everyone_and_never_printed(
    tmp_path: Path,
) -> None:
    with Serving(_at(Terminal, tmp_path, CALLSHEET_TOKEN=TOKEN)) as serving:
        assert _statuses(serving) == (401, 401)
        bearer = f"Authorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n".encode()
        assert _as_nobody(GET + bearer, serving.port).split()[1] == b"200"
        assert serving.client.get(f"/?token={TOKEN}").headers["location"] == "/"
        assert [*serving.client.cookies] == [f"callsheet-{serving.port}"]
        assert serving.client.get("/api/runs").status_code == 200
        url = serving.url
        _, out, err = serving.end()
    assert TOKEN not in url + out + err


WSL = f"""
import os, runpy
runpy.run_path({str(GUARD / "sitecustomize.py")!r})
name, node, _, *rest = os.uname()
os.uname = lambda: os.uname_result((name, node, "6.6-microsoft-standard-WSL2", *rest))
"""


@needs_users
def test_where_users_cannot_be_told_apart_the_server_says_so_and_serves_all(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WSL, "utf-8")
    with Serving(_at(Terminal, tmp_path, PYTHONPATH=str(tmp_path))) as serving:
        assert _statuses(serving) == (200, 200)
        _, _, err = serving.end()
    told = "every user of this machine can use this server; to demand a token: --token"
    assert err.splitlines()[0] == told


def _statuses(serving: Serving) -> tuple[int, int]:
    """How the server responds to its own user, and to another one."""
    other = _as_nobody(GET + b"Connection: close\r\n\r\n", serving.port)
    return serving.client.get("/api/runs").status_code, int(other.split()[1])
