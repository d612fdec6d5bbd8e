"""The HTTP client under every provider's library: only what a call needs leaves, a reply is bounded.

The providers' libraries read variables of their own and add headers from them; what is not named
here is taken off again, so that one provider's key or account never reaches another's server.
"""

from __future__ import annotations

import codecs
import json
import zlib
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import httpx2

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

LONGEST_REPLY = 10_000_000
"""Bytes of a reply's body, unpacked; a long reply has a thousandth of that."""

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
    }
)


_OPEN: ContextVar[list[httpx2.Response] | None] = ContextVar("_OPEN", default=None)


@asynccontextmanager
async def closing() -> AsyncGenerator[None]:
    """Closes at its end whatever was opened within: a library may forget what broke off."""
    opened: list[httpx2.Response] = []
    before = _OPEN.set(opened)
    try:
        yield
    finally:
        _OPEN.reset(before)
        for response in opened:
            await response.aclose()


class OversizeReplyError(Exception):
    """A reply was longer than any LLM's; it was not read to its end."""


def http_client(key_header: str, key: str, seconds: float, kept: int) -> httpx2.AsyncClient:
    """A client that sends this key, if any, follows no redirect and keeps so many idle connections.

    Without any it can be used from one event loop after another, and needs no closing.
    """
    return httpx2.AsyncClient(
        # The deadline of the whole call is shorter, and is what a person is told of.
        timeout=httpx2.Timeout(seconds + 10, connect=5),
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=kept),
        event_hooks={"request": [_only(key_header, key)], "response": [_bound, _as_events]},
    )


def _only(key_header: str, key: str) -> Callable[[httpx2.Request], Awaitable[None]]:
    async def take_off(request: httpx2.Request) -> None:
        for name in list(request.headers):
            if name.lower() not in _SENT:
                del request.headers[name]
        request.headers["user-agent"] = "callsheet"
        request.headers["accept-encoding"] = "gzip, deflate"
        if key:
            request.headers[key_header] = key

    return take_off


async def _bound(response: httpx2.Response) -> None:
    """Puts a limit under a reply before its body is read."""
    if (opened := _OPEN.get()) is not None:
        opened.append(response)
    packing = response.headers.pop("content-encoding", "").lower()
    assert isinstance(response.stream, httpx2.AsyncByteStream)  # noqa: S101  # as our client is
    response.stream = _BoundedBody(response.stream, packed=packing in ("gzip", "deflate"))


async def _as_events(response: httpx2.Response) -> None:
    """Has a reply read piece by piece although a server of one's own sent it in one."""
    path, kind = response.request.url.path, response.headers.get("content-type", "")
    if response.is_success and path.endswith("/chat/completions") and "json" in kind:
        assert isinstance(response.stream, httpx2.AsyncByteStream)  # noqa: S101  # as our client is
        response.stream = _EventStreamBody(response.stream)


class _EventStreamBody(httpx2.AsyncByteStream):
    """A whole chat completion in the form of a streamed one: one piece, and its end."""

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
    """A reply's body, unpacked as it comes, read as UTF-8 and cut where it grows too long."""

    def __init__(self, stream: httpx2.AsyncByteStream, *, packed: bool) -> None:
        self._stream = stream
        # 32 + MAX_WBITS reads the header of gzip and of zlib alike.
        self._unpacker = zlib.decompressobj(32 + zlib.MAX_WBITS) if packed else None
        self._letters = codecs.getincrementaldecoder("utf-8")()
        self._length = 0
        self._ended = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._ended:
            # A library looks once more for what may follow; the one below would look for ever.
            return
        async for chunk in self._stream:
            part = self._unpack(chunk, LONGEST_REPLY + 1 - self._length)
            self._length += len(part)
            if self._length > LONGEST_REPLY:
                raise OversizeReplyError
            self._read(part)
            yield part
        self._ended = True

    def _read(self, part: bytes) -> None:
        """Refuses what is no UTF-8; a library may put another letter in its place."""
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
