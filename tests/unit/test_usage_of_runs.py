"""Every place that keeps runs tells what was asked for and what it took, and none of the long facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from callsheet.events import CallReplied, Event, Noted, StepStarted
from callsheet.store.port import BILLING_KINDS, Lease, Store
from callsheet.store.postgres import Postgres
from callsheet.store.sql import SqlStore
from tests.support.event_strategies import any_event

STARTED = StepStarted(step="s", attempt=1)
REPLIED = CallReplied(
    step="s", attempt=1, module=0, number=0, repair=False, text="{}", finish="stop", llm="a"
)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened: Store
    match request.param:
        case "memory":
            opened = SqlStore.in_memory()
        case "sqlite":
            opened = SqlStore(tmp_path / "runs.sqlite")
        case _:
            opened = SqlStore(Postgres(request.getfixturevalue("database_url")))
    yield opened
    opened.close()


async def _keep(store: Store, run: str, events: Sequence[Event]) -> None:
    await store.create(Lease(run, "me", 1), "oms", events, {})


async def test_the_newest_run_comes_first_with_its_spending_facts_alone(store: Store) -> None:
    note = Noted(step="s", text="long")
    await _keep(store, "a-run", [note, STARTED, note, REPLIED])
    await _keep(store, "b-run", [STARTED])

    found = await store.billing_events()

    assert [*found] == ["b-run", "a-run"]
    assert [(fact.seq, fact.event) for fact in found["a-run"]] == [(2, STARTED), (4, REPLIED)]
    assert [*await store.billing_events(1)] == ["b-run"]


@given(event=any_event())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
async def test_every_store_selects_the_same_billing_events(store: Store, event: Event) -> None:
    await _keep(store, "any", [event])
    found = await store.billing_events()
    await store.delete("any")

    assert bool(found.get("any")) == (event.kind in BILLING_KINDS)
