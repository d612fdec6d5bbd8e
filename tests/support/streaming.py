"""How a loopback server speaks piece by piece, and every way in which that goes wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

PIECE = 20
"""Characters in one event, as a provider that sends a few tokens at a time."""

How = Literal["ends", "cut", "twice", "error", "letters", "huge", "drip", "hang"]


@dataclass(frozen=True)
class Break:
    """A streamed reply goes wrong after some pieces of its text.

    It `ends` as if it were whole, is `cut` within an event, sends a piece `twice`, tells an
    `error`, holds bytes that are no `letters`, is `huge`, goes on as a `drip` of nothing, or
    `hang`s. `code` is the status that an error would have had before the stream began.
    """

    how: How
    after: int = 3
    code: int = 529


@dataclass(frozen=True)
class Pace:
    """A reply as it should be, with so many seconds between its pieces."""

    pause: float


@dataclass(frozen=True)
class Streamed:
    """The events of a reply: before its text, a piece of text each, after its text."""

    opening: list[bytes]
    pieces: list[bytes]
    ending: list[bytes]


def event(data: Any, name: str = "") -> bytes:
    """One server-sent event."""
    text = data if isinstance(data, str) else json.dumps(data)
    return (f"event: {name}\n" if name else "").encode() + f"data: {text}\n\n".encode()


def pieces_of(text: str) -> list[str]:
    """A text in the pieces in which it is sent."""
    return [text[at : at + PIECE] for at in range(0, len(text), PIECE)]


def spoken(
    report: Streamed, fault: object, error: bytes, closing: threading.Event
) -> Iterator[bytes]:
    """The events as they are sent, with what a fault makes of them."""
    if isinstance(fault, Break):
        yield from (*report.opening, *report.pieces[: fault.after])
        yield from _broken(report, fault, error, closing)
        return
    for each in (*report.opening, *report.pieces, *report.ending):
        yield each
        if isinstance(fault, Pace) and closing.wait(fault.pause):
            return


def _broken(
    report: Streamed, fault: Break, error: bytes, closing: threading.Event
) -> Iterator[bytes]:
    """What still comes after the pieces that came as they should."""
    last, rest = report.pieces[fault.after - 1], [*report.pieces[fault.after :], *report.ending]
    match fault.how:
        case "ends":
            return
        case "cut":
            yield rest[0][:-7]
        case "twice":
            yield from (last, *rest)
        case "error":
            yield error
        case "letters":
            yield from (rest[0].replace(b" ", b"\xff\xfe", 3), *rest[1:])
        case _:
            yield from _endless(fault.how, closing)


def _endless(how: How, closing: threading.Event) -> Iterator[bytes]:
    """What comes until the client goes away, or the server closes: nothing, or an endless event."""
    if how == "hang":
        closing.wait()
        return
    yield b'data: {"padding": "'
    while not closing.wait(0.02 if how == "drip" else 0):
        yield b" " * (1 if how == "drip" else 100_000)
