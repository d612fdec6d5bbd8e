"""A loopback LLM in a process of its own: every request gets the same reply, after a set time.

Run as `python -m benchmarks.peers.server LATENCY_MS`; it says its port on its first line.
"""

from __future__ import annotations

import asyncio
import json
import sys

TEXT = "A prompt: " + "soft rim light, shallow focus, rain on the glass, film grain, " * 8

BODY = json.dumps(
    {"choices": [{"message": {"content": json.dumps({"text": TEXT})}, "finish_reason": "stop"}]}
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
