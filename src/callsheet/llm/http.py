"""The HTTP client under the providers' libraries: sends only known headers, limits the reply.

These libraries add headers from environment variables of their own. Headers that are not listed here
are removed, so that a key or account of one provider never reaches the server of another.
"""

from __future__ import annotations

import codecs
import json
import math
import zlib
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import httpx2

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

LONGEST_REPLY = 10_000_000
"""Bytes of a decompressed reply; a long reply has a thousandth of that."""

LONGEST_FILE = 4_000_000_000
"""The same for the results of a batch job, which are written to a file as they arrive."""

_SENT = frozenset(
    {
        "accept",
        "anthropic-beta",
        "anthropic-version",
        "connection",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
        "x-goog-upload-command",
        "x-goog-upload-header-content-length",
        "x-goog-upload-header-content-type",
        "x-goog-upload-offset",
        "x-goog-upload-protocol",
    }
)


_OPEN: ContextVar[list[httpx2.Response] | None] = ContextVar("_OPEN", default=None)


@asynccontextmanager
async def closing() -> AsyncGenerator[None]:
    """Closes all responses opened within; a library may leave broken ones open."""
    opened: list[httpx2.Response] = []
    before = _OPEN.set(opened)
    try:
        yield
    finally:
        _OPEN.reset(before)
        for response in opened:
            await response.aclose()


class OversizeReplyError(Exception):
    """A reply exceeded its limit; the rest was not read."""


def http_client(  # noqa: PLR0913  # each is a value of the connection
    key_header: str,
    key: str,
    silence: float,
    kept: int,
    proxy: str | None = None,
    *,
    longest: int = LONGEST_REPLY,
) -> httpx2.AsyncClient:
    """A client that sends this key and follows no redirect, with so many idle connections.

    A reply may have `longest` bytes.

    A call ends after `silence` seconds without a byte; how long it takes in all is the caller's matter.
    It uses this proxy and reads no proxy variable, since only one is valid for the address.
    Without idle connections it may be used from several event loops in turn, and needs no closing.
    """
    return httpx2.AsyncClient(
        timeout=httpx2.Timeout(None if math.isinf(silence) else silence, connect=5),
        transport=httpx2.AsyncHTTPTransport(
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=kept), proxy=proxy
        ),
        event_hooks={
            "request": [_only(key_header, key)],
            "response": [_bound(longest), _as_events],
        },
    )


def _only(key_header: str, key: str) -> Callable[[httpx2.Request], Awaitable[None]]:
    async def remove_headers(request: httpx2.Request) -> None:
        for name in list(request.headers):
            if name.lower() not in _SENT:
                del request.headers[name]
        request.headers["user-agent"] = "callsheet"
        request.headers["accept-encoding"] = "gzip, deflate"
        if key:
            request.headers[key_header] = key

    return remove_headers


def _bound(longest: int) -> Callable[[httpx2.Response], Awaitable[None]]:
    async def limit(response: httpx2.Response) -> None:
        """Limits the size of a reply before its body is read."""
        if (opened := _OPEN.get()) is not None:
            opened.append(response)
        packed = response.headers.pop("content-encoding", "").lower() in ("gzip", "deflate")
        assert isinstance(response.stream, httpx2.AsyncByteStream)  # noqa: S101  # as this client is
        response.stream = _BoundedBody(response.stream, longest, packed=packed)

    return limit


async def _as_events(response: httpx2.Response) -> None:
    """Converts a reply that a server sent whole into a stream of one event."""
    path, kind = response.request.url.path, response.headers.get("content-type", "")
    if response.is_success and path.endswith("/chat/completions") and "json" in kind:
        assert isinstance(response.stream, httpx2.AsyncByteStream)  # noqa: S101  # as this client is
        response.stream = _EventStreamBody(response.stream)


class _EventStreamBody(httpx2.AsyncByteStream):
    """A chat completion as an event stream with one event."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        whole = json.loads(b"".join([part async for part in self._stream]))
        for choice in whole.get("choices") or ():
            choice["delta"] = choice.pop("message", None) or {}
            for number, call in enumerate(choice["delta"].get("tool_calls") or ()):
                call.setdefault("index", number)
        yield b"data: %s\n\n" % json.dumps(whole).encode()

    async def aclose(self) -> None:
        await self._stream.aclose()


class _BoundedBody(httpx2.AsyncByteStream):
    """A reply's body, decompressed while it arrives, checked as UTF-8 and limited in size."""

    def __init__(self, stream: httpx2.AsyncByteStream, longest: int, *, packed: bool) -> None:
        self._stream = stream
        self._longest = longest
        # 32 + MAX_WBITS reads the header of gzip and of zlib alike.
        self._unpacker = zlib.decompressobj(32 + zlib.MAX_WBITS) if packed else None
        self._letters = codecs.getincrementaldecoder("utf-8")()
        self._length = 0
        self._ended = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._ended:
            # A library reads once more after the end; the stream below would block.
            return
        async for chunk in self._stream:
            part = self._unpack(chunk, self._longest + 1 - self._length)
            self._length += len(part)
            if self._length > self._longest:
                raise OversizeReplyError
            self._read(part)
            yield part
        self._ended = True

    def _read(self, part: bytes) -> None:
        """Rejects invalid UTF-8; a library might replace it silently."""
        try:
            self._letters.decode(part)
        except UnicodeDecodeError as error:
            raise httpx2.DecodingError(str(error)) from None

    def _unpack(self, chunk: bytes, room: int) -> bytes:
        if self._unpacker is None:
            return chunk
        try:
            return self._unpacker.decompress(chunk, room)
        except zlib.error as error:
            raise httpx2.DecodingError(str(error)) from None

    async def aclose(self) -> None:
        await self._stream.aclose()
