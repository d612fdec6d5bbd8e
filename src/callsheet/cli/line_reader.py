"""Reads lines of stdin while another process may answer: the wait is split into short ones."""

from __future__ import annotations

import asyncio
import os
import select
import sys
from typing import TYPE_CHECKING

from callsheet.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

POLL_SECONDS = 0.2
"""How long a single wait for input lasts before `while_waiting` is awaited."""

CHUNK_BYTES = 65_536


class LineReader:
    """The lines of stdin. Input that was typed ahead is kept for the next question."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    async def next(self, max_bytes: int, while_waiting: Callable[[], Awaitable[None]]) -> str:
        """The next line with its line end; at the end of input what is left, then "".

        `while_waiting` is awaited while there is no input; an exception that it raises ends the wait.
        """
        try:
            descriptor = _stdin_descriptor()
            if descriptor is None and not self._buffer:
                return sys.stdin.readline(max_bytes)
            if descriptor is None:
                return self._pop_line(max_bytes)
            while b"\n" not in self._buffer and len(self._buffer) < max_bytes:
                while not await asyncio.to_thread(_is_readable, descriptor):
                    await while_waiting()
                chunk = os.read(descriptor, CHUNK_BYTES)
                if not chunk:
                    break
                self._buffer += chunk
            return self._pop_line(max_bytes)
        except UnicodeDecodeError as error:
            raise InputError("the answer is not UTF-8 text", hint="enter UTF-8 text") from error

    async def continues(self) -> bool:
        """Whether more of an entry follows at once; a program that waits for us sends nothing."""
        if self._buffer:
            return True
        descriptor = _stdin_descriptor()
        if descriptor is None:
            return not is_terminal()
        return await asyncio.to_thread(_is_readable, descriptor)

    def put_back(self, line: str) -> None:
        """Makes a line the next one again."""
        self._buffer[:0] = line.encode(sys.stdin.encoding or "utf-8")

    def _pop_line(self, max_bytes: int) -> str:
        end = self._buffer.find(b"\n") + 1 or min(len(self._buffer), max_bytes)
        line = bytes(self._buffer[:end])
        del self._buffer[:end]
        return line.decode(sys.stdin.encoding or "utf-8").replace("\r\n", "\n")


def is_terminal() -> bool:
    """Whether a person may be typing."""
    try:
        return sys.stdin.isatty()
    except (ValueError, AttributeError):
        return False


def _is_readable(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], POLL_SECONDS)[0])


def _stdin_descriptor() -> int | None:
    """The file descriptor of stdin; None if it cannot be polled: on Windows, or in memory."""
    if os.name == "nt":
        return None
    try:
        return sys.stdin.fileno()
    except (OSError, ValueError, AttributeError):
        return None
