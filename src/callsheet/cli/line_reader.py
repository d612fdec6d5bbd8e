"""Reads a person's lines while somebody else may answer: the wait for a line is cut into short ones."""

from __future__ import annotations

import asyncio
import os
import select
import sys
from typing import TYPE_CHECKING

from callsheet.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LOOK_SECONDS = 0.2
"""How often a wait for a line is broken off to look whether the question is still open."""

CHUNK = 65_536


class LineReader:
    """The lines of stdin. What was typed ahead is kept for the next question."""

    def __init__(self) -> None:
        self._typed = bytearray()

    async def next(self, most: int, meanwhile: Callable[[], Awaitable[None]]) -> str:
        """The next line with its end, or what there is at the end of input; "" behind that.

        `meanwhile` is awaited while nothing is typed; what it raises ends the wait.
        """
        try:
            number = _descriptor()
            if number is None:
                return sys.stdin.readline(most)
            while b"\n" not in self._typed and len(self._typed) < most:
                while not await asyncio.to_thread(_ready, number):
                    await meanwhile()
                chunk = os.read(number, CHUNK)
                if not chunk:
                    break
                self._typed += chunk
            return self._taken(most)
        except UnicodeDecodeError as error:
            raise InputError("the answer is not UTF-8 text", hint="send UTF-8") from error

    def _taken(self, most: int) -> str:
        end = self._typed.find(b"\n") + 1 or min(len(self._typed), most)
        line = bytes(self._typed[:end])
        del self._typed[:end]
        return line.decode(sys.stdin.encoding or "utf-8").replace("\r\n", "\n")


def _ready(number: int) -> bool:
    return bool(select.select([number], [], [], LOOK_SECONDS)[0])


def _descriptor() -> int | None:
    """The number of stdin; None where it cannot be waited for: on Windows, or for a text in memory."""
    if os.name == "nt":
        return None
    try:
        return sys.stdin.fileno()
    except (OSError, ValueError, AttributeError):
        return None
