"""Receives queued runs through DBOS on PostgreSQL.

DBOS delivers names of runs, and decides which worker tries next and in which order. Leases and events
decide what is executed and paid for. DBOS stores no result; rows that are not JSON are refused.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from callsheet.errors import InternalError, StorageError
from callsheet.workers.queues import QUEUES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping


WORKFLOW = "callsheet.advance"

VERSION = "1"
"""Rows of another version are ignored; it changes only if a row must carry more than a name."""

POLL_SECONDS = 0.1

THREADS, CONNECTIONS = 16, 8

QUIET_SECONDS = 10.0
"""How long log lines of the library are dropped after one was passed on."""


@dataclass
class DbosQueue:
    """Calls `advance` for the runs in the queues of the database at `url`.

    `name` is unique to this process. `slots` are the runs of each queue that it executes at once,
    `global_slots` those of all workers together. `log` receives warnings of the library.
    """

    url: str = field(repr=False)
    name: str
    advance: Callable[[str], Awaitable[None]]
    slots: Mapping[str, int]
    global_slots: Mapping[str, int]
    log: Callable[[str], None]

    def __post_init__(self) -> None:
        self._own_slots = {
            name: min(n, self.global_slots.get(name, n)) for name, n in self.slots.items()
        }
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stopping = False
        self._dbos: Any = None

    async def start(self) -> None:
        """Starts to take runs; raises StorageError where the tables of the queue cannot be created."""
        dbos = _library()
        refuse_unsafe_forms()
        _redirect_log(self.log)
        self._dbos = dbos.DBOS(
            config={
                "name": "callsheet",
                "system_database_url": self.url.replace("postgres://", "postgresql://", 1),
                "application_version": VERSION,
                "executor_id": self.name,
                "serializer": dbos.DBOSPortableJSONSerializer(),
                "log_level": "WARNING",
                "max_executor_threads": THREADS,
                "sys_db_pool_size": CONNECTIONS,
            }
        )

        async def execute(run: str) -> None:
            await self._execute(run)

        dbos.DBOS.workflow(name=WORKFLOW)(execute)
        try:
            dbos.DBOS.launch()
            self._keep_own_slots()
            for queue in QUEUES:
                await dbos.DBOS.register_queue_async(
                    queue,
                    worker_concurrency=self._own_slots[queue],
                    global_concurrency=self.global_slots.get(queue),
                    polling_interval_sec=POLL_SECONDS,
                    on_conflict="always_update",
                )
        except Exception as error:
            raise StorageError(
                f"the queue cannot be created: {type(error).__name__}",
                hint="the user in CALLSHEET_DATABASE_URL must be allowed to create a schema",
            ) from error

    async def stop(self, seconds: float) -> None:
        """Takes no more runs; those in progress have so many seconds to end, then they are cancelled."""
        self._stopping = True
        for event in self._dbos.background_thread_stop_events:
            event.set()
        logging.getLogger("dbos").disabled = True
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=seconds)
        late = list(self._tasks.values())
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    @property
    def in_progress(self) -> int:
        """How many runs are being executed."""
        return len(self._tasks)

    async def _execute(self, run: str) -> None:
        if not self._stopping:
            task = asyncio.ensure_future(self.advance(run))
            self._tasks[run] = task
            try:
                # Errors are recorded in the run's events; the queue need not know.
                await asyncio.wait([task])
            finally:
                self._tasks.pop(run, None)
            if not task.cancelled():
                task.exception()
                return
        # The process is stopping: not returning leaves the run pending, so it is queued again.
        await asyncio.Event().wait()

    def _keep_own_slots(self) -> None:
        """Gives each worker its own number of slots; DBOS stores one number for all workers."""
        system = self._dbos._sys_db  # noqa: SLF001  # DBOS has no public way; see docs/decisions
        read = system.get_queue

        def own(name: str, **options: Any) -> Any:
            queue = read(name, **options)
            if queue is not None and name in self._own_slots:
                queue._worker_concurrency = self._own_slots[name]  # noqa: SLF001
            return queue

        system.get_queue = own


def refuse_unsafe_forms() -> None:
    """Prevents the library from unpickling rows, whatever serialization a row names.

    Raises InternalError where a changed library would still do so.
    """
    from dbos import _serialization as forms

    def refuse(self: object, data: str) -> Any:
        del self, data
        raise TypeError("work in an unsafe form is refused")

    forms.DefaultSerializer.deserialize = refuse  # type: ignore[method-assign,assignment]
    harmless = "gASVBgAAAAAAAACMAm9rlC4="
    for read in (forms.deserialize_value, forms.deserialize_args, forms.deserialize_exception):
        try:
            read(harmless, "py_pickle", forms.DBOSPortableJSON)
        except TypeError:
            continue
        raise InternalError(
            "the queue's library reads unsafe forms",
            hint="install the version of dbos that callsheet requires",
        )


def _library() -> Any:
    try:
        import dbos
    except ImportError as error:
        raise StorageError(
            "a worker needs the queue's library", hint="pip install 'callsheet[postgres]'"
        ) from error
    return dbos


def _redirect_log(log: Callable[[str], None]) -> None:
    """Passes on few single lines of the library's log: in an outage it writes pages."""
    logger = logging.getLogger("dbos")
    logger.handlers[:] = [_LogHandler(log)]
    logger.propagate = False


class _LogHandler(logging.Handler):
    """Passes on the first line of a warning, then nothing for QUIET_SECONDS."""

    def __init__(self, log: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._log = log
        self._quiet_until = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        if time.monotonic() >= self._quiet_until:
            self._quiet_until = time.monotonic() + QUIET_SECONDS
            self._log(f"queue: {record.getMessage().partition(chr(10))[0]:.200}")
