"""A loopback LLM in a process of its own: every request gets the same reply, after a set time.

Run as `python -m benchmarks.peers.server LATENCY_MS`; it says its port on its first line. The reply
fits the six modules of the contest, and a run of `oms` with the group `sora`.
"""

from __future__ import annotations

import asyncio
import json
import sys

TEXT = "A prompt: " + "soft rim light, shallow focus, rain on the glass, film grain, " * 8

SORA_2 = """A woman reads by a tall window while the city darkens behind the glass, cel shading over \
hand-painted backgrounds, clean thin line art.

Light: one warm key from the left that wavers very slightly, a cool blue fill in the shade.
Palette: cream, slate blue, dusty rose, deep teal, amber as the accent.
Framing: tall, the planes stacked one above another, the view level, the subject in focus.
Texture: steady line, visible brush in the distance, gentle film grain.
Avoid: lettering, logos, watermarks, clutter, blurred action."""

SORA_1 = """A woman reads by a tall window while the city darkens behind the glass, in ink line over \
painted depth; warm light from the left wavers a little against cool blue shade, and fine motes drift. \
Cream, slate blue, dusty rose and a touch of amber, free of lettering, logos and watermarks."""

CONTENT = {"text": TEXT, "prompts": {"SORA_2_A": SORA_2, "SORA_1_A": SORA_1}}

BODY = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_795_000_000,
        "model": "any",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": json.dumps(CONTENT)},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 1_200, "completion_tokens": 300, "total_tokens": 1_500},
    }
).encode()

REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    latency = float(sys.argv[1]) / 1000
    try:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if head.startswith(b"get "):
                # Only callsheet asks what kind of server this is, and once.
                writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
                continue
            length = next(line for line in head.split(b"\r\n") if b"content-length" in line)
            await reader.readexactly(int(length.partition(b":")[2]))
            if latency:
                await asyncio.sleep(latency)
            writer.write(REPLY)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def _main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
