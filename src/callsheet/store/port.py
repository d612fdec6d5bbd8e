"""The interface of a store: append events, read them back, and lease a run to one owner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from callsheet.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from callsheet.events import Event, RecordedEvent, RunNoted

NO_LIMIT = 1_000_000_000
"""More runs than any store holds."""

BILLING_KINDS = (
    "run_started",
    "run_resumed",
    "run_retried",
    "step_started",
    "question_answered",
    "call_replied",
)
"""The kinds of events that say what was asked for and what it cost, without what was written."""

TitlingKind = Literal["run_noted", "question_answered"]

JOB_MARK = "job "
"""What the names of the marks of provider jobs begin with; the batch, a blank and the job's id follow."""

MINUTE = 60.0

LEASE_SECONDS = 30.0
"""How long an owner that sends no heartbeat still counts as alive."""

POLL_SECONDS = 0.1
"""How often a store is polled for events of other processes."""


class LeaseError(StorageError):
    """Another process owns the run, or took it over."""

    code = "run_held"


class NoSuchRunError(StorageError):
    """The store has no run of this name."""

    code = "no_such_run"
    exit_code = 2


class UnreadableRunError(StorageError):
    """One run of the store cannot be read; the others are not affected."""

    code = "run_unreadable"


@dataclass(frozen=True)
class Lease:
    """The right to append to a run; `epoch` counts how often the run was acquired."""

    run: str
    owner: str
    epoch: int


@dataclass(frozen=True)
class RateLimit:
    """The most calls per minute, and the most tokens of these calls."""

    calls: int | None = None
    tokens: int | None = None

    def delay(self, made: Sequence[tuple[float, int]], now: float, tokens: int) -> float:
        """Seconds until a call fits, given time and tokens of the last minute's calls, oldest first.

        A call with more tokens than the limit is made once no other call is in its minute.
        """
        calls, total, start = len(made), sum(each for _, each in made), now
        for at, each in made:
            fits = self.calls is None or calls < self.calls
            if fits and (self.tokens is None or total + tokens <= self.tokens):
                break
            calls, total, start = calls - 1, total - each, at + MINUTE
        return max(0.0, start - now)


@dataclass(frozen=True)
class RunRow:
    """Summary of a stored run; `started` and `heartbeat` are Unix seconds.

    `last_event` is the kind of the last event and `seq` its number, `first_event` the first event as
    JSON text, so that a list needs no further query. `number` orders runs as they were created,
    whatever the clock said. `note_seq` is how many notes it has. `lease_expired` says that the owner, if there
    is one, sent no heartbeat for longer than its lease.
    """

    run: str
    workflow: str
    started: float
    last_event: str
    result: str
    owner: str
    heartbeat: float
    seq: int
    first_event: str
    lease_expired: bool
    number: int = 0
    note_seq: int = 0


class Store(Protocol):
    """Stores runs durably: what was appended survives a crash.

    Raises StorageError where the place cannot be used.
    """

    @property
    def lease_seconds(self) -> float:
        """How long an owner that sends no heartbeat still counts as alive."""
        ...

    async def create(
        self, lease: Lease, workflow: str, events: Sequence[Event], files: Mapping[str, str]
    ) -> list[RecordedEvent]:
        """Creates a run with its first events, and stores files by content hash."""
        ...

    async def append(
        self,
        lease: Lease,
        after: int,
        events: Sequence[Event],
        files: Mapping[str, str],
        *,
        release: bool = False,
    ) -> list[RecordedEvent]:
        """Appends events after event number `after`; raises LeaseError if that is not the last one.

        With `release` the lease ends in the same transaction.
        """
        ...

    async def events(self, run: str, after: int = 0) -> list[RecordedEvent]:
        """Events of a run after number `after`; raises NoSuchRunError."""
        ...

    async def note(self, run: str, event: RunNoted, files: Mapping[str, str]) -> None:
        """Adds a note to a run, whoever has its lease; raises NoSuchRunError.

        Images that no note and no event names any more are deleted.
        """
        ...

    async def notes(self, run: str) -> list[RunNoted]:
        """Notes of a run, the oldest first."""
        ...

    async def titling_events(
        self, rows: Sequence[RunRow], kind: TitlingKind
    ) -> dict[str, list[dict[str, Any]]]:
        """Events of these runs that give them titles, as JSON; those that cannot be read are left out."""
        ...

    async def runs_with(self, word: str, prefix: str = "") -> set[str]:
        """Names of runs in whose brief, replies or edits a normalized word stands; see `store.texts`.

        Only those whose names have the prefix.
        """
        ...

    async def wait_for_events(self, run: str, after: int, seconds: float) -> list[RecordedEvent]:
        """Waits up to `seconds` for events after number `after`, of any process.

        Empty if there were none; raises NoSuchRunError.
        """
        ...

    async def file(self, content_hash: str) -> str:
        """Content of a stored file."""
        ...

    async def runs(self, *, before: RunRow | None = None, limit: int = NO_LIMIT) -> list[RunRow]:
        """Runs, newest first: at most `limit`, starting behind `before`."""
        ...

    async def run(self, run: str) -> RunRow:
        """One run; raises NoSuchRunError."""
        ...

    async def names_starting_with(self, prefix: str) -> list[str]:
        """Names of runs with this prefix, newest run first."""
        ...

    async def active_within(self, seconds: float) -> list[RunRow]:
        """Runs with a heartbeat in the last seconds."""
        ...

    async def version(self) -> Hashable:
        """A value that changes with every write of any process; cheap to read.

        On a server, writes to its other databases may change it too.
        """
        ...

    async def billing_events(self, newest: int = NO_LIMIT) -> dict[str, list[RecordedEvent]]:
        """Events of BILLING_KINDS of the newest runs, newest run first."""
        ...

    async def acquire(
        self, run: str, owner: str, dead: str = "", *, after: int = 0, events: Sequence[Event] = ()
    ) -> Lease:
        """Leases a run whose lease is free, expired, of this owner or of the owner known as `dead`.

        `events` are appended after event number `after` in the same transaction. Raises LeaseError,
        with nothing changed, where another process owns the run or has appended meanwhile.
        """
        ...

    async def renew_lease(self, lease: Lease) -> None:
        """Sends a heartbeat; raises LeaseError where the lease was lost."""
        ...

    async def release(self, lease: Lease) -> None:
        """Ends a lease; does nothing where it was lost already."""
        ...

    async def count_call(self, key: str, tokens: int, limit: RateLimit) -> float:
        """Counts a call that is about to be made, across all processes that use this key.

        Returns 0, or the seconds to wait: then the call was not counted.
        """
        ...

    async def mark(self, name: str) -> str:
        """The short text that is stored under this name; empty where there is none."""
        ...

    async def marks(self, prefix: str) -> dict[str, str]:
        """The stored texts whose names begin with this prefix, by name."""
        ...

    async def set_mark(self, name: str, text: str) -> None:
        """Stores a short text under a name; an empty one removes it."""
        ...

    async def delete(self, run: str) -> None:
        """Deletes a run, and every file that no other run uses."""
        ...

    def close(self) -> None: ...
