"""How fast the server answers, beside a bare Starlette application: `python -m benchmarks.serve`.

Requests come from `wrk` where it is installed, else from a plain client in this process, which is then
what limits; the ratios hold all the same, for both servers are asked in the same way.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

from callsheet.events import RunFinished, RunStarted
from callsheet.store.port import Lease
from callsheet.store.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNS = int(os.environ.get("BENCHMARK_RUNS", "10000"))
STREAMS = int(os.environ.get("BENCHMARK_STREAMS", "500"))
SECONDS = int(os.environ.get("BENCHMARK_SECONDS", "5"))
CLIENTS = 32

BARE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

async def health(request):
    return JSONResponse({"status": "ok"})

uvicorn.run(Starlette(routes=[Route("/api/health", health)]), port=int(sys.argv[1]), log_level="critical")
"""


@contextmanager
def started(*command: str, home: str = "") -> Iterator[subprocess.Popen[str]]:
    """A server in a process of its own."""
    environment = {**os.environ, "CALLSHEET_HOME": home} if home else None
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def rate(url: str) -> float:
    """Requests a second."""
    if wrk := shutil.which("wrk"):
        command = [wrk, "-t2", f"-c{CLIENTS}", f"-d{SECONDS}s", url]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return float(told.partition("Requests/sec:")[2].split()[0])
    return asyncio.run(_ask(url))


async def _ask(url: str) -> float:
    host, port, path = _parts(url)
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
    done, ends = 0, time.monotonic() + SECONDS

    async def ask() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection(host, port)
        while time.monotonic() < ends:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
            done += 1
        writer.close()

    await asyncio.gather(*(ask() for _ in range(CLIENTS)))
    return done / SECONDS


def _parts(url: str) -> tuple[str, int, str]:
    found = re.fullmatch(r"http://([\d.]+):(\d+)(/.*)", url)
    if not found:
        raise ValueError(url)
    return found[1], int(found[2]), found[3]


async def fill(home: Path) -> str:
    """Many ended runs; the name of one of them."""
    store = SqlStore(home / "runs.sqlite")
    for number in range(RUNS):
        name = f"run-{number}"
        lease = Lease(name, "", 1)
        begun = RunStarted(
            workflow="oms",
            source="oms",
            manifest="",
            llm="offline",
            answers={"idea": f"idea {number}"},
        )
        await store.create(lease, "oms", [begun, RunFinished(result="succeeded")], {})
    store.close()
    return f"run-{RUNS // 2}"


def memory(process: subprocess.Popen[str]) -> float:
    """What a process holds, in MB."""
    told = Path(f"/proc/{process.pid}/status").read_text("utf-8")
    found = re.search(r"VmRSS:\s+(\d+)", told)
    return int(found[1]) / 1024 if found else 0.0


async def fan_out(url: str, process: subprocess.Popen[str]) -> tuple[float, float, float]:
    """Memory before and with many streams, and the time until the last of them heard of a run."""
    host, port, _ = _parts(url)
    before = memory(process)
    heard: list[float] = []
    ready = asyncio.Semaphore(0)

    async def listen() -> None:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(f"GET /api/events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        while b"event: ready" not in await reader.readline():
            pass
        ready.release()
        while b"event: run" not in await reader.readline():
            pass
        heard.append(time.monotonic())
        writer.close()

    listening = [asyncio.create_task(listen()) for _ in range(STREAMS)]
    for _ in range(STREAMS):
        await ready.acquire()
    await asyncio.sleep(2)
    held = memory(process)
    began = time.monotonic()
    await asyncio.to_thread(start, url)
    await asyncio.wait_for(asyncio.gather(*listening), 60)
    return before, held, max(heard) - began


def start(url: str) -> str:
    """Begins an offline run; its place."""
    host, port, _ = _parts(url)
    body = b'{"brief": {"idea": "a heron"}, "groups": ["sora"]}'
    headers = {"Content-Type": "application/json"}
    with urlopen(Request(f"http://{host}:{port}/api/runs", body, headers)) as answer:
        return str(answer.headers["location"])


def main() -> None:
    """Prints the table."""
    with started(sys.executable, "-c", BARE, "8431") as bare:
        url = "http://127.0.0.1:8431/api/health"
        for _ in range(100):
            with suppress(OSError), urlopen(url):
                break
            time.sleep(0.1)
        plain = rate(url)
        if bare.poll() is not None:
            raise RuntimeError("the bare server has ended")
    with tempfile.TemporaryDirectory() as home:
        asyncio.run(fill(Path(home)))
        command = (sys.executable, "-m", "callsheet", "serve", "--port", "0")
        with started(*command, home=home) as process:
            url = next(iter(process.stdout or ())).split(" is at ")[1].strip().rstrip("/")
            own = url + start(url + "/")
            time.sleep(3)
            told = {
                "a bare Starlette application": plain,
                "cheapest route": rate(f"{url}/api/health"),
                f"a run, {RUNS:,} kept": rate(own),
                f"the list, {RUNS:,} kept": rate(f"{url}/api/runs?limit=50"),
            }
            before, held, last = asyncio.run(fan_out(url + "/", process))
    print("| what | requests/s | of the bare one |\n| --- | --: | --: |")
    for what, number in told.items():
        print(f"| {what} | {number:,.0f} | {number / plain:.2f} |")
    print(f"\n{STREAMS} idle streams: {before:.0f} MB before, {held:.0f} MB with them;")
    print(f"a new run was heard by all of them within {last:.2f} s.")


if __name__ == "__main__":
    main()
