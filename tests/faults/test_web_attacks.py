"""Another site, another name, no token, a bomb: each is refused before anything is read or changed."""

from __future__ import annotations

import gzip
import http.client
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from callsheet.web.access import MAX_BODY
from callsheet.web.app import PATHS
from callsheet.web.routes import OPERATIONS
from tests.conftest import GUARD
from tests.support.cli import Terminal
from tests.support.serving import Serving

IDEA = {"brief": {"idea": "a heron"}, "groups": ["sora"]}

OPEN = {"/api/health"}
"""The only routes that answer one who has no token."""


def _terminal(folder: Path) -> Terminal:
    return Terminal.with_own_runs(folder, GUARD)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with Serving(_terminal(tmp_path_factory.mktemp("local"))) as serving:
        yield serving


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server that others may reach, and that asks for a token."""
    words = ("--host", "0.0.0.0", "--port", "0")  # noqa: S104
    with Serving(_terminal(tmp_path_factory.mktemp("open")), words) as serving:
        yield serving


def _token(serving: Serving) -> str:
    return serving.url.partition("?token=")[2]


def _code(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in answer.text
    return answer.status_code, answer.json()["code"]


def _writes(serving: Serving, **headers: str) -> httpx.Response:
    return serving.client.post("/api/runs", json=IDEA, headers=headers)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "127.0.0.1@evil.example",
        "127.0.0.1/",
        "127.0.0.1?x",
        "127.0.0.1#x",
        "[::1]evil",
        "10.0.0.1",
        "127.0.0.1:80:80",
        "",
    ],
)
def test_a_name_that_is_not_ours_is_refused_on_every_route(server: Serving, host: str) -> None:
    for path in ("/", "/api/health", "/api/runs", "/openapi.json", "/api/events"):
        assert _code(server.client.get(path, headers={"Host": host})) == (403, "host_not_allowed")


def test_two_names_at_once_are_refused(server: Serving) -> None:
    host, port = server.client.base_url.host, server.client.base_url.port
    connection = http.client.HTTPConnection(host, port)
    connection.putrequest("GET", "/api/runs", skip_host=True)
    for name in ("127.0.0.1", "evil.example"):
        connection.putheader("Host", name)
    connection.endheaders()
    assert connection.getresponse().status in (400, 403)
    connection.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8420", "LOCALHOST:8420"])
def test_our_own_names_are_answered(server: Serving, host: str) -> None:
    assert server.client.get("/api/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    ],
)
def test_another_site_neither_writes_nor_reads(server: Serving, headers: dict[str, str]) -> None:
    before = server.get("/api/runs")
    assert _code(_writes(server, **headers)) == (403, "cross_site")
    for path in ("/", "/api/runs", "/api/events"):
        assert _code(server.client.get(path, headers=headers)) == (403, "cross_site")
    assert server.get("/api/runs") == before


def test_our_own_page_may_write_and_a_link_from_elsewhere_opens_it(server: Serving) -> None:
    own = str(server.client.base_url).rstrip("/")
    assert _writes(server, Origin=own, **{"Sec-Fetch-Site": "same-origin"}).status_code == 201
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    link = server.client.get("/", headers=followed | {"Sec-Fetch-Dest": "document"})
    assert link.status_code == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_what_a_form_can_send_is_refused(server: Serving, kind: str) -> None:
    before = server.get("/api/runs")
    answer = server.client.post("/api/runs", content=b"{}", headers={"Content-Type": kind})
    assert _code(answer) == (415, "not_json")
    assert server.get("/api/runs") == before


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (b"x" * (MAX_BODY + 1), (413, "too_large")),
        (b"[" * 1_000 + b"]" * 1_000, (422, "too_deep")),
        (b'{"brief": ' + b'{"a":' * 70 + b"1" + b"}" * 71, (422, "too_deep")),
        (b'{"max_cost": NaN}', (400, "malformed")),
        (b'{"max_cost": ' + b"9" * 5_000 + b"}", (400, "malformed")),
        (b'{"brief": {"idea": "\\ud800"}}', (400, "malformed")),
        (b"{" + b",".join(b'"k%d":1' % n for n in range(100_000)) + b"}", (422, "invalid_request")),
        (gzip.compress(b"{}", mtime=0), (400, "malformed")),
        (b"\xff\xfe", (400, "malformed")),
        (b"", (400, "malformed")),
    ],
)
def test_bombs_are_refused(server: Serving, body: bytes, refusal: tuple[int, str]) -> None:
    answer = server.client.post(
        "/api/runs", content=body, headers={"Content-Type": "application/json"}
    )
    assert _code(answer) == refusal
    assert server.get("/api/health")["status"] == "ok"


def test_a_body_without_a_length_is_cut_off_at_the_limit(server: Serving) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(MAX_BODY // 2**20 + 2):
            yield b" " * 2**20

    try:
        answer = server.client.post(
            "/api/runs", content=chunks(), headers={"Content-Type": "application/json"}
        )
    except httpx.WriteError:
        return  # the server hung up while we still wrote
    assert _code(answer) == (413, "too_large")


@pytest.mark.parametrize(
    "body",
    [
        IDEA | {"base_url": "http://169.254.169.254/"},
        IDEA | {"workflow": "../../etc/passwd"},
        IDEA | {"workflow": {"steps": []}},
        IDEA | {"llm": "http://127.0.0.1:1/"},
        IDEA | {"output": "elsewhere"},
    ],
)
def test_no_request_names_an_address_a_path_or_a_workflow_of_its_own(
    server: Serving, body: dict[str, Any]
) -> None:
    assert server.client.post("/api/runs", json=body).status_code == 422


def test_every_answer_tells_the_browser_to_trust_nothing_else(server: Serving) -> None:
    for path in ("/", "/api/runs", "/nothing", "/openapi.json"):
        headers = server.client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert not any(name.startswith("access-control-") for name in headers)


def test_no_question_changes_anything_when_it_is_only_looked_at(server: Serving) -> None:
    gets = [each.path for each in OPERATIONS if each.method == "GET" and "events" not in each.path]
    before = server.get("/api/runs")
    for path in gets:
        server.client.get(re.sub(r"\{\w+\}", "nothing", path))
    assert server.get("/api/runs") == before


def test_without_the_token_every_route_but_the_listed_says_who_are_you(guarded: Serving) -> None:
    known = {each.path for each in OPERATIONS} | {"/openapi.json", "/", "/page/{name:path}"}
    assert set(PATHS) == known
    for path in PATHS:
        asked = re.sub(r"\{[\w:]+\}", "x", path)
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"):
            answer = guarded.client.request(method, asked)
            if path in OPEN:
                assert answer.status_code in (200, 405)
            else:
                assert answer.status_code == 401, (method, asked)


def test_a_wrong_token_lets_nobody_in(guarded: Serving) -> None:
    wrong = _token(guarded)[:-1]
    assert _code(guarded.client.get(f"/?token={wrong}")) == (401, "token_required")
    bearer = {"Authorization": f"Bearer {wrong}"}
    assert _code(guarded.client.get("/api/runs", headers=bearer)) == (401, "token_required")
    assert _code(guarded.client.get(f"/api/runs?token={_token(guarded)}"))[0] == 401


def test_the_printed_address_gives_a_cookie_that_stays_on_this_site(guarded: Serving) -> None:
    answer = guarded.client.get(f"/?token={_token(guarded)}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert guarded.client.get("/").status_code == 200
    guarded.client.cookies.clear()
    bearer = {"Authorization": f"Bearer {_token(guarded)}"}
    assert guarded.client.get("/api/runs", headers=bearer).status_code == 200
