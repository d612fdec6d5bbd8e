"""Small pictures of each form, made by hand: a header that tells the size, and a little behind it."""

from __future__ import annotations

import struct
import zlib


def png(width: int = 832, height: int = 1216) -> bytes:
    """A whole PNG, one colour throughout."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 1) * height), 9)
    parts = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in parts)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def jpeg(width: int = 832, height: int = 1216, *, marker: int = 0xC2) -> bytes:
    """A JPEG up to its frame: an application segment, a table, a byte of padding, the size."""
    app = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + bytes(9)
    table = b"\xff\xc4" + struct.pack(">H", 6) + b"\xff\xc0\xff\xc0"
    frame = b"\xff" + bytes([marker]) + struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes(9)
    return b"\xff\xd8" + app + table + b"\xff" + frame + b"\xff\xd9"


def webp(form: str = "VP8 ", width: int = 832, height: int = 1216) -> bytes:
    """A WebP of one of the three forms: lossy, lossless, extended."""
    match form:
        case "VP8 ":
            body = bytes(3) + b"\x9d\x01\x2a" + struct.pack("<HH", width, height)
        case "VP8L":
            body = b"\x2f" + ((width - 1) | (height - 1) << 14).to_bytes(4, "little")
        case _:
            sides = (side.to_bytes(3, "little") for side in (width - 1, height - 1))
            body = bytes(4) + b"".join(sides)
    chunk = form.encode() + struct.pack("<I", len(body)) + body + bytes(8)
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk
