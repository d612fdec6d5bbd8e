"""A worker's end of the queue on PostgreSQL: DBOS brings the names of runs, and nothing else.

Leases and facts decide what is done and what is paid for; DBOS only decides who tries next, and in
which order. It keeps no result, its rows are JSON, and a row in any other form is refused.
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
"""Rows of another version are never taken: it stays the same as long as a run's name is enough."""

POLL_SECONDS = 0.1

THREADS, CONNECTIONS = 16, 8

QUIET_SECONDS = 10.0
"""How long the library is not heard again after it has complained."""


@dataclass
class DbosQueue:
    """Carries on the runs that are in the queues of the database at `url`.

    `name` is this process's alone. `places` says how many runs of each queue are carried on at once,
    `in_all` how many over all workers together; `tell` hears what the library complains of.
    """

    url: str = field(repr=False)
    name: str
    advance: Callable[[str], Awaitable[None]]
    places: Mapping[str, int]
    in_all: Mapping[str, int]
    tell: Callable[[str], None]

    def __post_init__(self) -> None:
        self._own = {queue: min(n, self.in_all.get(queue, n)) for queue, n in self.places.items()}
        self._at_work: dict[str, asyncio.Task[None]] = {}
        self._stopping = False
        self._dbos: Any = None

    async def start(self) -> None:
        """Begins to take runs; raises StorageError where the queue cannot be laid out."""
        dbos = _library()
        refuse_unsafe_forms()
        _hush(self.tell)
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

        async def carry(run: str) -> None:
            await self._carry(run)

        dbos.DBOS.workflow(name=WORKFLOW)(carry)
        try:
            dbos.DBOS.launch()
            self._hold_own_places()
            for queue in QUEUES:
                await dbos.DBOS.register_queue_async(
                    queue,
                    worker_concurrency=self._own[queue],
                    global_concurrency=self.in_all.get(queue),
                    polling_interval_sec=POLL_SECONDS,
                    on_conflict="always_update",
                )
        except Exception as error:
            raise StorageError(
                f"the queue cannot be laid out: {type(error).__name__}",
                hint="the user in CALLSHEET_DATABASE_URL must be allowed to create a schema",
            ) from error

    async def stop(self, seconds: float) -> None:
        """Takes nothing more; what is under way has so many seconds to end, then it is cut off."""
        self._stopping = True
        for event in self._dbos.background_thread_stop_events:
            event.set()
        logging.getLogger("dbos").disabled = True
        if self._at_work:
            await asyncio.wait(self._at_work.values(), timeout=seconds)
        late = list(self._at_work.values())
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    @property
    def at_work(self) -> int:
        """How many runs are being carried on."""
        return len(self._at_work)

    async def _carry(self, run: str) -> None:
        if not self._stopping:
            task = asyncio.ensure_future(self.advance(run))
            self._at_work[run] = task
            try:
                # What went wrong stands in the run's journal; the queue need not know.
                await asyncio.wait([task])
            finally:
                self._at_work.pop(run, None)
            if not task.cancelled():
                task.exception()
                return
        # This process ends, and what it had begun goes back into the queue: nothing came of it.
        await asyncio.Event().wait()

    def _hold_own_places(self) -> None:
        """How many runs a worker takes is its own affair; DBOS keeps one number for all."""
        system = self._dbos._sys_db  # noqa: SLF001  # there is no other way; see docs/decisions
        read = system.get_queue

        def own(name: str, **options: Any) -> Any:
            queue = read(name, **options)
            if queue is not None and name in self._own:
                queue._worker_concurrency = self._own[name]  # noqa: SLF001
            return queue

        system.get_queue = own


def refuse_unsafe_forms() -> None:
    """Sees to it that a row can bring data only, whatever form it says it is in.

    Raises InternalError where the library has changed so that this cannot be seen to.
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
            "the queue's library reads unsafe forms", hint="install the dbos that callsheet names"
        )


def _library() -> Any:
    try:
        import dbos
    except ImportError as error:
        raise StorageError(
            "a worker needs the queue's library", hint="pip install 'callsheet[postgres]'"
        ) from error
    return dbos


def _hush(tell: Callable[[str], None]) -> None:
    """The library's complaints as single lines, and not many of them: in an outage it writes pages."""
    log = logging.getLogger("dbos")
    log.handlers[:] = [_LogHandler(tell)]
    log.propagate = False


class _LogHandler(logging.Handler):
    """Passes on the first line of a complaint, then nothing for a while."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._pass_on = tell
        self._quiet_until = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        if time.monotonic() >= self._quiet_until:
            self._quiet_until = time.monotonic() + QUIET_SECONDS
            self._pass_on(f"queue: {record.getMessage().partition(chr(10))[0]:.200}")
