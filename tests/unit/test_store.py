"""One contract for every place that keeps runs: in memory, in a file, on a server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callsheet.errors import StorageError
from callsheet.events import Event, Noted, RecordedEvent, RunFailed, RunFinished
from callsheet.store.port import LEASE_SECONDS, Lease, LeaseError, NoSuchRunError, RateLimit, Store
from callsheet.store.postgres import Postgres
from callsheet.store.sql import SqlStore
from callsheet.workflow.folder import content_hash
from tests.support.event_strategies import any_event


@dataclass
class Clock:
    """A time that stands still until it is moved."""

    time: float = 1_000.0

    def __call__(self) -> float:
        return self.time


@dataclass
class RunBackend:
    """A store and its clock; what was begun here is held by `me`."""

    store: Store
    clock: Clock = field(default_factory=Clock)

    async def begin(
        self, run: str = "a-run", *texts: str, owner: str = "me", files: Sequence[str] = ()
    ) -> Lease:
        lease = Lease(run, owner, 1)
        await self.store.create(lease, "oms", notes(*(texts or ("began",))), kept(*files))
        return lease


def notes(*texts: str) -> list[Event]:
    return [Noted(step="s", text=text) for text in texts]


def kept(*texts: str) -> dict[str, str]:
    return {content_hash(text): text for text in texts}


def noted(facts: Sequence[RecordedEvent]) -> list[tuple[int, Any]]:
    return [(fact.seq, getattr(fact.event, "text", fact.event.kind)) for fact in facts]


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunBackend]:
    clock = Clock()
    store: Store
    match request.param:
        case "memory":
            store = SqlStore.in_memory(now=clock)
        case "sqlite":
            store = SqlStore(tmp_path / "kept" / "runs.sqlite", now=clock)
        case _:
            store = SqlStore(Postgres(request.getfixturevalue("database_url"), now=clock))
    yield RunBackend(store, clock)
    store.close()


async def test_a_run_starts_with_its_first_events(place: RunBackend) -> None:
    lease = Lease("a-run", "me", 1)

    written = await place.store.create(lease, "oms", notes("one", "two"), {})

    assert noted(written) == [(1, "one"), (2, "two")]
    assert written[0].at == place.clock.time
    assert await place.store.events("a-run") == written


async def test_facts_are_added_behind_the_last_and_read_after_any(place: RunBackend) -> None:
    lease = await place.begin("a-run", "one")
    place.clock.time += 5

    written = await place.store.append(lease, 1, notes("two", "three"), {})

    assert noted(written) == [(2, "two"), (3, "three")]
    everything = await place.store.events("a-run")
    assert noted(everything) == [(1, "one"), (2, "two"), (3, "three")]
    assert [fact.at for fact in everything] == [1_000.0, 1_005.0, 1_005.0]
    assert await place.store.events("a-run", after=1) == written
    assert await place.store.events("a-run", after=3) == []
    assert await place.store.events("a-run", after=99) == []


async def test_a_name_is_given_to_one_run_only(place: RunBackend) -> None:
    await place.begin("a-run", "mine")

    with pytest.raises(StorageError):
        await place.begin("a-run", "another's", owner="you")

    assert noted(await place.store.events("a-run")) == [(1, "mine")]


@pytest.mark.parametrize("after", [0, 2, 99])
async def test_a_write_with_an_outdated_position_is_rejected_and_writes_nothing(
    place: RunBackend, after: int
) -> None:
    lease = await place.begin("a-run", "one")

    with pytest.raises(LeaseError, match="changed by another process") as caught:
        await place.store.append(lease, after, notes("late"), kept("late file"))

    assert caught.value.exit_code == 6
    assert noted(await place.store.events("a-run")) == [(1, "one")]
    with pytest.raises(StorageError):
        await place.store.file(content_hash("late file"))


async def test_a_run_without_an_owner_can_be_leased(place: RunBackend) -> None:
    await place.store.release(await place.begin())

    lease = await place.store.acquire("a-run", "you")

    assert (lease.run, lease.owner) == ("a-run", "you")
    assert noted(await place.store.append(lease, 1, notes("mine now"), {})) == [(2, "mine now")]


async def test_the_lease_of_an_owned_run_is_rejected_with_its_owner(place: RunBackend) -> None:
    await place.begin(owner="me")

    with pytest.raises(LeaseError, match="executed by me"):
        await place.store.acquire("a-run", "you")
    with pytest.raises(LeaseError):
        await place.store.acquire("a-run", "you", dead="somebody else")


async def test_a_run_of_a_dead_owner_is_taken_over_immediately(place: RunBackend) -> None:
    late = await place.begin(owner="me")

    lease = await place.store.acquire("a-run", "you", dead="me")

    await place.store.append(lease, 1, notes("taken over"), {})
    with pytest.raises(LeaseError):
        await place.store.append(late, 2, notes("from the grave"), {})


async def test_an_owner_counts_as_alive_until_its_lease_expires(place: RunBackend) -> None:
    await place.begin(owner="me")

    place.clock.time += LEASE_SECONDS
    with pytest.raises(LeaseError):
        await place.store.acquire("a-run", "you")
    place.clock.time += 0.1

    assert (await place.store.acquire("a-run", "you")).owner == "you"


async def test_a_heartbeat_and_an_event_both_extend_the_lease(place: RunBackend) -> None:
    lease = await place.begin(owner="me")
    for say in (
        lambda: place.store.renew_lease(lease),
        lambda: place.store.append(lease, 1, notes("two"), {}),
    ):
        place.clock.time += LEASE_SECONDS
        await say()
        place.clock.time += LEASE_SECONDS
        with pytest.raises(LeaseError):
            await place.store.acquire("a-run", "you")


async def test_a_replaced_owner_can_neither_write_nor_extend_nor_release_the_lease(
    place: RunBackend,
) -> None:
    late = await place.begin(owner="me")
    place.clock.time += LEASE_SECONDS + 1
    lease = await place.store.acquire("a-run", "you")

    with pytest.raises(LeaseError, match="taken over"):
        await place.store.append(late, 1, notes("too late"), {})
    with pytest.raises(LeaseError, match="taken over"):
        await place.store.renew_lease(late)
    await place.store.release(late)

    assert noted(await place.store.append(lease, 1, notes("still mine"), {})) == [(2, "still mine")]


async def test_an_owner_that_acquires_its_run_again_has_one_lease(place: RunBackend) -> None:
    first = await place.begin(owner="me")

    second = await place.store.acquire("a-run", "me")

    await place.store.renew_lease(second)
    with pytest.raises(LeaseError):
        await place.store.renew_lease(first)


async def test_a_lease_that_was_let_go_is_void_even_for_its_owner(place: RunBackend) -> None:
    lease = await place.begin(owner="me")
    await place.store.release(lease)
    await place.store.release(lease)

    with pytest.raises(LeaseError):
        await place.store.append(lease, 1, notes("late"), {})
    assert (await place.store.runs())[0].owner == ""


async def test_an_expired_owner_may_continue_if_nobody_took_over(place: RunBackend) -> None:
    lease = await place.begin()
    place.clock.time += 10 * LEASE_SECONDS

    assert await place.store.append(lease, 1, notes("back again"), {})


async def test_files_are_kept_by_their_content(place: RunBackend) -> None:
    text = "é 🐈 \n\x00 end"
    lease = await place.begin(files=["one"])
    await place.store.append(lease, 1, notes("two"), kept("one", text))

    assert await place.store.file(content_hash("one")) == "one"
    assert await place.store.file(content_hash(text)) == text
    with pytest.raises(StorageError) as caught:
        await place.store.file(content_hash("nobody kept this"))
    assert caught.value.exit_code == 6


async def test_a_stored_file_is_deleted_with_the_last_run_that_uses_it(place: RunBackend) -> None:
    await place.begin("first", files=["both", "first's own"])
    await place.begin("second", files=["both"])

    await place.store.delete("first")
    assert await place.store.file(content_hash("both")) == "both"
    with pytest.raises(StorageError):
        await place.store.file(content_hash("first's own"))

    await place.store.delete("second")
    with pytest.raises(StorageError):
        await place.store.file(content_hash("both"))


async def test_a_deleted_run_is_gone_and_its_name_is_free(place: RunBackend) -> None:
    lease = await place.begin("a-run", "old")
    await place.begin("other", "unharmed")

    await place.store.delete("a-run")

    assert [row.run for row in await place.store.runs()] == ["other"]
    assert noted(await place.store.events("other")) == [(1, "unharmed")]
    with pytest.raises(LeaseError):
        await place.store.append(lease, 1, notes("late"), {})
    await place.store.release(lease)
    await place.begin("a-run", "new")
    assert noted(await place.store.events("a-run")) == [(1, "new")]


async def test_an_unknown_run_is_reported(place: RunBackend) -> None:
    for ask in (
        lambda: place.store.events("nothing"),
        lambda: place.store.acquire("nothing", "me"),
        lambda: place.store.delete("nothing"),
    ):
        with pytest.raises(NoSuchRunError, match="there is no run 'nothing'") as caught:
            await ask()
        assert caught.value.exit_code == 2
    assert await place.store.runs() == []


async def test_runs_are_listed_newest_first_with_their_last_fact(place: RunBackend) -> None:
    await place.begin("b-old")
    place.clock.time += 10
    finished = await place.begin("a-new")
    await place.store.append(finished, 1, [RunFinished(result="stopped")], {})
    await place.store.release(finished)
    failed = await place.begin("c-same-time")
    failure = RunFailed(step="s", attempt=1, code="c", message="m", hint="h", exit_code=1)
    await place.store.append(failed, 1, [failure], {})

    rows = await place.store.runs()

    assert [(row.run, row.last_event, row.result, row.owner) for row in rows] == [
        ("c-same-time", "run_failed", "", "me"),
        ("a-new", "run_finished", "stopped", ""),
        ("b-old", "noted", "", "me"),
    ]
    assert [row.started for row in rows] == [1_010.0, 1_010.0, 1_000.0]
    assert {row.workflow for row in rows} == {"oms"}


async def test_a_list_continues_after_the_run_where_it_ended(place: RunBackend) -> None:
    for name in ("a", "b", "c", "d"):
        await place.begin(name)
        place.clock.time += name == "b"

    first = await place.store.runs(limit=3)
    rest = await place.store.runs(before=first[-1], limit=3)

    assert [row.run for row in first + rest] == ["d", "c", "b", "a"]


async def test_one_run_is_looked_at_without_the_others(place: RunBackend) -> None:
    await place.begin("a-run", "one", "two")
    await place.begin("another")

    row = await place.store.run("a-run")

    assert (row, row.seq) == ((await place.store.runs())[1], 2)
    assert json.loads(row.first_event)["text"] == "one"
    with pytest.raises(NoSuchRunError):
        await place.store.run("a-ru")


async def test_names_are_completed_from_a_prefix_only(place: RunBackend) -> None:
    for name in ("quiet-door-1", "quiet-door-2", "the-quiet-door"):
        await place.begin(name)

    assert sorted(await place.store.names_starting_with("quiet-")) == [
        "quiet-door-1",
        "quiet-door-2",
    ]
    assert await place.store.names_starting_with("quiet_%") == []


async def test_recently_active_runs_are_listed(place: RunBackend) -> None:
    await place.begin("before")
    place.clock.time += 10
    await place.begin("since")

    assert [row.run for row in await place.store.active_within(5.0)] == ["since"]


async def test_the_version_changes_with_every_write_and_only_then(place: RunBackend) -> None:
    new_run = await place.store.version()
    lease = await place.begin("a-run")
    written = await place.store.version()
    looked = (await place.store.runs(), await place.store.version())[1]
    await place.store.append(lease, 1, notes("more"), {})
    more = await place.store.version()
    await place.store.delete("a-run")

    # On a server, other databases move it too.
    assert looked == written or isinstance(getattr(place.store, "database", None), Postgres)
    assert len({new_run, written, more, await place.store.version()}) == 4


async def test_of_two_concurrent_owners_one_acquires_the_lease(place: RunBackend) -> None:
    await place.store.release(await place.begin())

    won = await place.store.acquire("a-run", "me", after=1, events=notes("mine"))
    await place.store.release(won)
    with pytest.raises(LeaseError, match="changed by another"):
        await place.store.acquire("a-run", "you", after=1, events=notes("yours"))

    assert noted(await place.store.events("a-run")) == [(1, "began"), (2, "mine")]
    assert (await place.store.run("a-run")).owner == ""


async def test_nothing_can_be_read_from_memory_that_was_closed() -> None:
    memory = RunBackend(SqlStore.in_memory())
    await memory.begin()
    memory.store.close()

    with pytest.raises(StorageError):
        await memory.store.runs()


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(events=st.lists(any_event(), min_size=1, max_size=6), cut=st.integers(0, 6))
async def test_any_facts_come_back_as_they_were_written(
    place: RunBackend, events: list[Event], cut: int
) -> None:
    first, rest = events[: cut or 1], events[cut or 1 :]
    lease = Lease("any", "me", 1)

    written = await place.store.create(lease, "oms", first, {})
    written += await place.store.append(lease, len(first), rest, {})
    read = await place.store.events("any")
    await place.store.delete("any")

    assert read == written
    assert [fact.event for fact in read] == events
    assert [fact.seq for fact in read] == list(range(1, len(events) + 1))


async def test_a_minute_has_no_more_calls_and_tokens_than_allowed(place: RunBackend) -> None:
    store, allowed = place.store, RateLimit(calls=3, tokens=1_000)
    assert [await store.count_call("key", 400, allowed) for _ in range(2)] == [0, 0]
    place.clock.time += 20
    assert await store.count_call("key", 400, allowed) == pytest.approx(40)
    assert await store.count_call("key", 200, allowed) == 0
    assert await store.count_call("key", 0, allowed) == pytest.approx(40)
    assert await store.count_call("another key", 5_000, allowed) == 0
    place.clock.time += 41
    assert await store.count_call("key", 400, allowed) == 0
