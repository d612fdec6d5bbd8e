"""What is asked of a place that keeps runs: append facts, read them back, and let one hold a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from callsheet.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from callsheet.events import Event, RecordedEvent

EVERY = 1_000_000_000
"""More runs than anybody keeps."""

SPENDING = (
    "run_started",
    "run_resumed",
    "run_retried",
    "step_started",
    "question_answered",
    "call_replied",
)
"""The kinds of facts that tell what was asked for and what it took, without what was written."""

MINUTE = 60.0

LEASE_SECONDS = 30.0
"""How long a holder that says nothing is still believed to be alive."""

LOOK_SECONDS = 0.1
"""How often a watcher looks for what others have added."""


class HeldError(StorageError):
    """Another process holds the run, or took it over."""

    code = "run_held"


class NoSuchRunError(StorageError):
    """No run of this name is kept."""

    code = "no_such_run"
    exit_code = 2


@dataclass(frozen=True)
class Lease:
    """The right to append to a run: who holds it, and for which time it was taken."""

    run: str
    owner: str
    epoch: int


@dataclass(frozen=True)
class Allowance:
    """How many calls, and how many tokens of them, a minute may have."""

    calls: int | None = None
    tokens: int | None = None

    def wait(self, made: Sequence[tuple[float, int]], now: float, tokens: int) -> float:
        """How long a call must wait, by the times and tokens of the minute's calls, oldest first.

        One that is larger than a whole minute's tokens goes when it has the minute to itself.
        """
        calls, sum_of, until = len(made), sum(each for _, each in made), now
        for at, each in made:
            room = self.calls is None or calls < self.calls
            if room and (self.tokens is None or sum_of + tokens <= self.tokens):
                break
            calls, sum_of, until = calls - 1, sum_of - each, at + MINUTE
        return max(0.0, until - now)


@dataclass(frozen=True)
class RunRow:
    """A kept run at a glance; `last` is the kind of its last fact, `started` Unix seconds.

    `seq` is the number of its last fact, `first` its first fact as JSON text: a list of many runs
    is read without looking into each. `left` says that the owner, if there is one, was silent for
    longer than its lease.
    """

    run: str
    workflow: str
    started: float
    last: str
    result: str
    owner: str
    heartbeat: float
    seq: int
    first: str
    left: bool


class Store(Protocol):
    """Keeps runs. Everything that was appended is there after a crash.

    Raises StorageError where the place cannot be used.
    """

    @property
    def lease_seconds(self) -> float:
        """How long a holder that says nothing is still believed to be alive."""
        ...

    async def create(
        self, lease: Lease, workflow: str, events: Sequence[Event], files: Mapping[str, str]
    ) -> list[RecordedEvent]:
        """Begins a run with its first facts, and keeps files by content hash."""
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
        """Adds facts behind fact number `after`; raises HeldError where others were faster.

        With `release` the run is let go of in the same transaction.
        """
        ...

    async def events(self, run: str, after: int = 0) -> list[RecordedEvent]:
        """The facts of a run behind number `after`; raises NoSuchRunError."""
        ...

    async def watch(self, run: str, after: int, seconds: float) -> list[RecordedEvent]:
        """The facts behind number `after` as soon as there are some, whoever adds them.

        None where there were none for so many seconds; raises NoSuchRunError.
        """
        ...

    async def file(self, content_hash: str) -> str:
        """A kept file's content."""
        ...

    async def runs(self, *, before: RunRow | None = None, limit: int = EVERY) -> list[RunRow]:
        """Runs, newest first: those behind `before` in that order, no more than `limit`."""
        ...

    async def run(self, run: str) -> RunRow:
        """One run; raises NoSuchRunError."""
        ...

    async def names_starting_with(self, beginning: str) -> list[str]:
        """The names that begin so, newest run first."""
        ...

    async def written_since(self, at: float) -> list[RunRow]:
        """The runs whose holder wrote or said that it is alive since then (Unix seconds)."""
        ...

    async def version(self) -> Hashable:
        """A mark that is another one whenever anybody has written since; cheap to ask for.

        On a server, what is written in its other databases may change it too.
        """
        ...

    async def spending(self, newest: int = EVERY) -> dict[str, list[RecordedEvent]]:
        """The facts of the SPENDING kinds of that many of the newest runs, newest run first."""
        ...

    async def take(
        self, run: str, owner: str, dead: str = "", *, after: int = 0, events: Sequence[Event] = ()
    ) -> Lease:
        """Holds a run that is free, ours, left, or held by the one known to be `dead`.

        What is given as `events` is added behind fact number `after` in the same transaction.
        Raises HeldError naming who holds it, or where others were faster; nothing is changed then.
        """
        ...

    async def beat(self, lease: Lease) -> None:
        """Says that the holder is alive; raises HeldError where it no longer holds the run."""
        ...

    async def release(self, lease: Lease) -> None:
        """Lets go of a run; nothing happens where it was taken over."""
        ...

    async def count_call(self, pace: str, tokens: int, allowed: Allowance) -> float:
        """Counts a call that is about to be made, for all who share this pace, in any process.

        Answers 0, or for how many seconds its minute has no room for it: then it is not counted.
        """
        ...

    async def delete(self, run: str) -> None:
        """Forgets a run for good, and every file that only it kept."""
        ...

    def close(self) -> None: ...
