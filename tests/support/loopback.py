"""A provider on 127.0.0.1: records every request, and does on the wire what its script says.

A fault answers one request and is then used up; without one the provider answers properly. Faults
are told in every provider's own words by the servers that are built on this one.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, Literal, Self

from tests.support.streaming import Break, Pace, Streamed, event, spoken

Finish = Literal["stop", "length", "refusal", "filter"]

OK = 200


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as it came in; header names are lower case, `json` is None where it was none."""

    method: str
    path: str
    headers: Mapping[str, str]
    json: Any


@dataclass(frozen=True)
class Status:
    """An HTTP error; `body` is sent as JSON, or a proper error of the provider where it is None."""

    code: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Text:
    """A reply with this text, whatever was asked for."""

    content: str
    finish: Finish = "stop"


@dataclass(frozen=True)
class Cut:
    """A reply that ended at the output limit: its first `length` characters, or whole where None."""

    length: int | None = 40


@dataclass(frozen=True)
class Refusal:
    """A reply in which the LLM declines to write."""

    reason: str = "I can't help with that."


@dataclass(frozen=True)
class Filtered:
    """A reply that the content filter stopped, after the first `length` characters."""

    length: int = 0


@dataclass(frozen=True)
class Empty:
    """A reply without choices, or, with `choices`, with a choice that holds no text."""

    choices: bool = False


@dataclass(frozen=True)
class Drop:
    """The connection is closed: before any answer, or in the middle of its body."""

    midway: bool = False


@dataclass(frozen=True)
class Hang:
    """Nothing is answered, until the client goes away or the server closes."""


@dataclass(frozen=True)
class Drip:
    """An answer that comes byte by byte and never ends."""

    pause: float = 0.02


@dataclass(frozen=True)
class Unsized:
    """A proper answer, whose end is told by closing the connection, as the simplest servers do."""


@dataclass(frozen=True)
class Raw:
    """These bytes with status 200: a web page, half a JSON document, a very long body."""

    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


HTML = Raw(b"<!doctype html><title>Welcome</title>", "text/html")
NOT_JSON = Raw(b'{"id": "chatcmpl-1", "choices": [')
HUGE = Raw(b'{"padding": "' + b"x" * 11_000_000 + b'"}')

Fault = (
    Status | Text | Cut | Refusal | Filtered | Empty | Drop | Hang | Drip | Raw | Break | Pace
    | Unsized
    | Callable[[ReceivedRequest], "Answer"]
)  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What is sent back: a status, a body as JSON or bytes, and headers; `cut` after half of the body."""

    code: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


class Loopback:
    """A server that can be entered like a file; `url` is what a client is given.

    Calls are `requests`. What is asked by GET are `questions`: they use up no fault, and are answered with what the
    server `tells` at that path, or with 404.

    Subclasses say how their provider answers (`answer`) and words an error (`error`).
    """

    path_prefix = ""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self.requests: list[ReceivedRequest] = []
        self.questions: list[ReceivedRequest] = []
        self.tells: dict[str, Any] = {}
        self._faults: deque[Fault] = deque(faults)
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._http = _Http(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}{self.path_prefix}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def fail(self, *faults: Fault) -> None:
        """Adds faults to the script, one for each request to come."""
        with self._lock:
            self._faults.extend(faults)

    def forgive(self) -> None:
        """Drops what is left of the script."""
        with self._lock:
            self._faults.clear()

    def route(
        self, method: str, path: str, headers: Mapping[str, str], raw: bytes
    ) -> Answer | Drop | None:
        """The answer to a request that is no call of an LLM; None for one that is."""
        del method, path, headers, raw

    def answer(self, seen: ReceivedRequest, fault: Fault | None) -> Answer:
        """The provider's answer to a request, with a fault of its reply if one is given."""
        raise NotImplementedError

    def error(self, code: int, message: str) -> Any:
        """An error body in the provider's own form."""
        raise NotImplementedError

    def streams(self, seen: ReceivedRequest) -> bool:
        """Whether a request wants its reply piece by piece."""
        return isinstance(seen.json, dict) and bool(seen.json.get("stream"))

    def events(self, body: Any) -> Streamed:
        """A whole reply as the events that the provider would send of it."""
        raise NotImplementedError

    def error_event(self, code: int, message: str) -> bytes:
        """An error that is told when the reply has begun."""
        return event(self.error(code, message))

    def _next(self, seen: ReceivedRequest) -> Fault | None:
        with self._lock:
            self.requests.append(seen)
            return self._faults.popleft() if self._faults else None

    def _serve(self, handler: BaseHTTPRequestHandler, seen: ReceivedRequest) -> None:
        match fault := self._next(seen):
            case Status(code, body, headers):
                report = self.error(code, f"a scripted {code}") if body is None else body
                _send(handler, Answer(code, report, headers))
            case Raw(body, content_type, headers):
                _begin(handler, len(body), content_type, headers)
                handler.wfile.write(body)
            case Drop() | Hang() | Drip():
                self._break(handler, fault)
            case _ if callable(fault):
                _send(handler, fault(seen))
            case Unsized():
                handler.close_connection = True
                _send(handler, self.answer(seen, None), measured=False)
            case _:
                answer = self.answer(seen, fault)
                if answer.code == OK and self.streams(seen):
                    self._speak(handler, answer, fault)
                else:
                    _send(handler, answer)

    def _speak(self, handler: BaseHTTPRequestHandler, answer: Answer, fault: Fault | None) -> None:
        """Sends a reply piece by piece, in chunks, as far as the fault lets it."""
        handler.send_response(OK)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        code = fault.code if isinstance(fault, Break) else 0
        error = self.error_event(code, f"a scripted {code}")
        for chunk in spoken(self.events(answer.body), fault, error, self._closing):
            handler.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            handler.wfile.flush()
        if isinstance(fault, Break) and fault.how in ("cut", "drip", "hang", "huge"):
            handler.close_connection = True
        else:
            handler.wfile.write(b"0\r\n\r\n")

    def _break(self, handler: BaseHTTPRequestHandler, fault: Drop | Hang | Drip) -> None:
        """Leaves the client without a whole answer."""
        handler.close_connection = True
        if fault == Drop(midway=False):
            return
        if isinstance(fault, Hang):
            self._closing.wait()
            return
        _begin(handler, 1_000_000)
        handler.wfile.write(b'{"id": ')
        while isinstance(fault, Drip) and not self._closing.wait(fault.pause):
            handler.wfile.write(b" ")
            handler.wfile.flush()


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Nothing: a client that gives up resets its connection, and that is what is tested."""


def _handler(server: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if _route(self, server, b""):
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.questions.append(ReceivedRequest(self.command, self.path, headers, None))
            told = server.tells.get(self.path)
            _send(self, Answer(404, {}) if told is None else Answer(OK, told))

        def do_DELETE(self) -> None:
            if not _route(self, server, b""):
                _send(self, Answer(404, {}))

        def do_POST(self) -> None:
            raw = self.rfile.read(length := int(self.headers.get("content-length") or 0))
            # Of a client that has died, nobody carries out half a request.
            is_half = len(raw) < length
            self.close_connection |= is_half
            if is_half or _route(self, server, raw):
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen = ReceivedRequest(self.command, self.path, headers, _parsed(raw))
            # A client that gives up closes the connection while it is being answered.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                server._serve(self, seen)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _route(handler: BaseHTTPRequestHandler, server: Loopback, raw: bytes) -> bool:
    """Whether a request is no call of an LLM, and is answered."""
    headers = {name.lower(): value for name, value in handler.headers.items()}
    answer = server.route(handler.command, handler.path, headers, raw)
    if isinstance(answer, Drop):
        handler.close_connection = True
    elif answer is not None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            _send(handler, answer)
    return answer is not None


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _begin(
    handler: BaseHTTPRequestHandler,
    length: int,
    content_type: str = "application/json",
    headers: Mapping[str, str] = MappingProxyType({}),
) -> None:
    handler.send_response(200)
    handler.send_header("content-type", content_type)
    handler.send_header("content-length", str(length))
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()


def _send(handler: BaseHTTPRequestHandler, answer: Answer, *, measured: bool = True) -> None:
    body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
    handler.send_response(answer.code)
    handler.send_header("content-type", "application/json")
    if measured:
        handler.send_header("content-length", str(len(body)))
    for name, value in answer.headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    if answer.cut:
        handler.close_connection = True
        body = body[: len(body) // 2]
    handler.wfile.write(body)
