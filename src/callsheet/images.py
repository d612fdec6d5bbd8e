"""Reads a person's image: type and size by its content, never by its name.

Only the header is read. An image is stored as base64 text under its hash, like every file of a run.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from callsheet.errors import AnswerError

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import JsonValue

MAX_BYTES = 5_000_000
"""The size that every provider accepts (their pages on vision, November 2026)."""

MAX_PIXELS = 8_000
"""The longest side that every provider accepts (Anthropic's page on vision, November 2026)."""


@dataclass(frozen=True)
class ImageLimits:
    """The largest image that is accepted."""

    bytes: int
    pixels: int

    @property
    def hint(self) -> str:
        """Which images are accepted, in words."""
        return (
            f"PNG, JPEG or WebP, up to {self.bytes / 1e6:.0f} MB and {self.pixels:,} pixels a side"
        )


FOR_LLMS = ImageLimits(MAX_BYTES, MAX_PIXELS)

FOR_RUNS = ImageLimits(10_000_000, 16_384)
"""For images that are kept and shown, and sent to no LLM."""

HINT = FOR_LLMS.hint

_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers of segments with the size; the three that are left out are tables."""

_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""JPEG markers without a segment."""


@dataclass(frozen=True)
class Image:
    """An image by its hash; `base64` is its content, where it was loaded."""

    hash: str
    media_type: str
    width: int
    height: int
    size: int
    base64: str = field(default="", repr=False, compare=False)

    def to_json(self) -> dict[str, JsonValue]:
        """What is recorded; the content is stored separately."""
        return {
            "hash": self.hash,
            "media_type": self.media_type,
            "width": self.width,
            "height": self.height,
            "size": self.size,
        }

    @classmethod
    def from_json(cls, data: Any) -> Image:
        """The image that `to_json` described; raises AnswerError for anything else."""
        try:
            texts = (data["hash"], data["media_type"])
            numbers = (data["width"], data["height"], data["size"])
        except (TypeError, KeyError) as error:
            raise AnswerError("this is not an image", hint=HINT) from error
        whole = all(isinstance(number, int) for number in numbers)
        if not whole or not all(isinstance(text, str) for text in texts):
            raise AnswerError("this is not an image", hint=HINT)
        return cls(*texts, *numbers)


def read_image(content: bytes, limits: ImageLimits = FOR_LLMS) -> Image:
    """The image in these bytes; raises AnswerError where there is none, or it is too large."""
    if len(content) > limits.bytes:
        raise _too_large(limits)
    found = _png(content) or _jpeg(content) or _webp(content)
    if found is None:
        raise AnswerError("this is not a PNG, JPEG or WebP image", hint=limits.hint)
    media_type, width, height = found
    if not (0 < width <= limits.pixels and 0 < height <= limits.pixels):
        raise AnswerError(f"the image has {width:,} by {height:,} pixels", hint=limits.hint)
    text = base64.b64encode(content).decode()
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Image(digest, media_type, width, height, len(content), text)


def _too_large(limits: ImageLimits) -> AnswerError:
    return AnswerError(f"the image is larger than {limits.bytes / 1e6:.0f} MB", hint=limits.hint)


def open_image(path: Path, limits: ImageLimits = FOR_LLMS) -> Image:
    """The image in a file; raises AnswerError naming the file."""
    try:
        with path.expanduser().open("rb") as file:
            return read_image(file.read(limits.bytes + 1), limits)
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no such path"
        raise AnswerError(
            f"{str(path)!r:.200} cannot be read: {reason}", hint=limits.hint
        ) from error
    except AnswerError as error:
        raise AnswerError(f"{str(path)!r:.200}: {error.message}", hint=error.hint) from error


def read_base64(text: str, limits: ImageLimits = FOR_LLMS) -> Image:
    """The image in base64 text, with or without the prefix of a data URL."""
    if len(text) > limits.bytes * 2:
        raise _too_large(limits)
    _, comma, rest = text.partition(",")
    try:
        return read_image(base64.b64decode(rest if comma else text, validate=True), limits)
    except (binascii.Error, ValueError) as error:
        raise AnswerError("the image is not base64", hint=limits.hint) from error


def _png(content: bytes) -> tuple[str, int, int] | None:
    """Eight fixed bytes, then a header chunk of thirteen with the size first."""
    if len(content) < 33 or not content.startswith(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"):  # noqa: PLR2004
        return None
    return "image/png", *struct.unpack(">II", content[16:24])


def _jpeg(content: bytes) -> tuple[str, int, int] | None:
    """Segments with marker and length, up to the start of the frame."""
    if not content.startswith(b"\xff\xd8\xff"):
        return None
    at = 2
    while at + 9 <= len(content):
        if content[at] != 0xFF:  # noqa: PLR2004  # every marker starts with it
            return None
        marker = content[at + 1]
        if marker in _START_OF_FRAME:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return "image/jpeg", width, height
        if marker == 0xFF:  # noqa: PLR2004  # padding
            at += 1
        elif marker in _ALONE:
            at += 2
        else:
            at += 2 + max(2, struct.unpack(">H", content[at + 2 : at + 4])[0])
    return None


def _webp(content: bytes) -> tuple[str, int, int] | None:
    """A RIFF container whose first chunk is one of three: lossy, lossless or extended."""
    if len(content) < 30 or content[:4] != b"RIFF" or content[8:12] != b"WEBP":  # noqa: PLR2004
        return None
    body = content[20:30]
    match content[12:16]:
        case b"VP8 " if body[3:6] == b"\x9d\x01\x2a":
            width, height = struct.unpack("<HH", body[6:10])
            return "image/webp", width & 0x3FFF, height & 0x3FFF
        case b"VP8L" if body[0] == 0x2F:  # noqa: PLR2004  # signature
            bits = int.from_bytes(body[1:5], "little")
            return "image/webp", (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
        case b"VP8X":
            width, height = (int.from_bytes(body[at : at + 3], "little") + 1 for at in (4, 7))
            return "image/webp", width, height
        case _:
            return None
