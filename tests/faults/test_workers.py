"""Workers that die, freeze, lose their database or are told to end: the runs go on, paid for once."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import psycopg
import pytest

from callsheet.settings import read_settings
from callsheet.store.factory import open_store
from callsheet.store.sql import SqlStore
from callsheet.workers.crashes import CRASH_NOTE
from callsheet.workers.dbos_queue import POLL_SECONDS
from callsheet.workers.worker import RECOVERY_SECONDS
from callsheet.workers.worker_store import WorkerStore
from tests.support.cli import Terminal
from tests.support.loopback import Hang
from tests.support.nursery import Nursery
from tests.support.postgres import Server
from tests.support.strict_openai import StrictOpenAI
from tests.support.workers import LONGEST, Crew, Gate, crew_on, wait_for


@pytest.fixture
def server() -> Iterator[StrictOpenAI]:
    with StrictOpenAI() as running:
        yield running


@pytest.fixture
def crew(
    terminal: Terminal, server: StrictOpenAI, database_url: str, nursery: Nursery
) -> Iterator[Crew]:
    """Nobody yet; `hire` brings workers."""
    with crew_on(terminal, database_url, server, nursery) as crew:
        yield crew


def _ended(run: Future[dict[str, Any]]) -> dict[str, Any]:
    """The document of a run that was begun, once it has ended well."""
    document = run.result(timeout=LONGEST)
    assert document["status"] == "succeeded", document
    assert document["usage"]["calls"] == 1
    return document


def _pids(url: str) -> set[int]:
    """The processes that hold a run."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("select owner from callsheet.leases where owner <> ''")
        return {int(str(owner).split(":")[1]) for (owner,) in rows}


def test_a_worker_carries_on_what_a_person_began_and_answers(
    crew: Crew, server: StrictOpenAI, database_url: str
) -> None:
    worker = crew.hire_by_command("--concurrency", "2")
    gate = Gate(server)
    server.fail(gate)
    run = crew.begin()
    wait_for(lambda: server.requests, "the call")
    assert _pids(database_url) == {worker.process.pid}
    gate.open()
    _ended(run)

    asked = crew.terminal(
        "run", "--json", "--llm", "openai:any", stdin="a heron at dawn\n\n\n\nleonardo\n\n\n"
    )
    assert asked.json["brief"]["idea"] == "a heron at dawn"
    assert asked.status in (0, 3), asked.err
    assert len(server.requests) == 2
    workers = crew.terminal("doctor", "--json")
    assert workers.status == 0, workers.out
    assert "1 alive with 2 places" in workers.out


def test_a_worker_killed_in_a_call_is_replaced_and_that_call_alone_is_paid_again(
    crew: Crew, server: StrictOpenAI, database_url: str
) -> None:
    first = crew.hire()
    server.fail(Hang())
    run = crew.begin()
    wait_for(lambda: server.requests, "the call")
    second = crew.hire()
    first.process.kill()
    document = _ended(run)
    assert len(server.requests) == 2
    assert "recovered" in second.told
    assert [body for *_, body in _facts(database_url) if CRASH_NOTE in body]
    shown = crew.terminal("show", document["run"], "--json")
    assert shown.json["prompts"] == document["prompts"]


async def test_a_dead_workers_runs_are_taken_up_within_a_minute_as_it_is_configured(
    database_url: str,
) -> None:
    store = open_store(read_settings({"CALLSHEET_DATABASE_URL": database_url, "HOME": "/"}))
    assert isinstance(store, SqlStore)
    heard_of = WorkerStore(store).dead_after
    # A run's lease is renewed a third of it later than its worker was last heard of, at most.
    assert heard_of > store.lease_seconds * 4 / 3
    assert heard_of + RECOVERY_SECONDS + POLL_SECONDS < 60
    store.close()


def test_when_the_last_worker_dies_whoever_waits_for_the_run_carries_it_on(
    crew: Crew, server: StrictOpenAI
) -> None:
    only = crew.hire()
    server.fail(Hang())
    run = crew.begin()
    wait_for(lambda: server.requests, "the call")
    only.process.kill()
    only.process.wait()
    _ended(run)
    assert len(server.requests) == 2


def test_a_worker_frozen_past_its_lease_is_refused_when_it_wakes(
    crew: Crew, server: StrictOpenAI, database_url: str
) -> None:
    frozen, gate = crew.hire(), Gate(server)
    server.fail(gate)
    run = crew.begin()
    wait_for(lambda: server.requests, "the call")
    frozen.process.send_signal(signal.SIGSTOP)
    crew.hire()
    document = _ended(run)
    facts = _facts(database_url)
    gate.open()
    frozen.process.send_signal(signal.SIGCONT)

    again = _ended(crew.begin())
    assert again["run"] != document["run"]
    frozen.process.send_signal(signal.SIGTERM)
    assert frozen.process.wait(LONGEST) == 143
    assert _facts(database_url)[: len(facts)] == facts
    assert crew.terminal("show", str(document["run"]), "--json").json["usage"]["calls"] == 1


def _facts(url: str) -> list[tuple[str, int, str]]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("select run, seq, body from callsheet.events order by at, seq")
        return [(str(run), int(seq), str(body)) for run, seq, body in rows]


def test_a_run_in_a_workers_hands_is_followed_and_answered_from_another_terminal(
    crew: Crew, server: StrictOpenAI
) -> None:
    worker, gate = crew.hire(), Gate(server)
    server.fail(gate)
    begun = crew.begin(review=True)
    wait_for(lambda: server.requests, "the call")
    carrier = f"process {worker.process.pid} on "

    leaving = crew.command("resume", "last")
    wait_for(lambda: "Ctrl-C stops following" in leaving.told)
    leaving.process.send_signal(signal.SIGINT)
    assert leaving.end()[0] == 130
    assert "the run continues on a worker; to follow it: callsheet resume " in leaving.told

    looking = crew.command("show", "last", "--follow", "--json")
    staying = crew.command("resume", "last", "--json")
    for each in (looking, staying):
        wait_for(lambda each=each: carrier in each.told)  # type: ignore[misc]
    assert crew.terminal("resume", "last", "--yes").status == 6  # what is told anew, nobody hears
    gate.open()
    status, shown = looking.end()
    assert (status, json.loads(shown)["status"]) == (0, "waiting")
    status, written = staying.end("accept\n")
    assert (status, json.loads(written)["status"]) == (0, "succeeded"), staying.told
    assert begun.result(LONGEST)["status"] == "waiting"
    assert len(server.requests) == 1
    assert "Traceback" not in leaving.told + looking.told + staying.told


def test_a_worker_told_to_end_finishes_its_call_or_hands_it_on(
    crew: Crew, server: StrictOpenAI
) -> None:
    leaving, gate = crew.hire(), Gate(server)
    server.fail(gate)
    run = crew.begin()
    wait_for(lambda: server.requests, "the call")
    leaving.process.send_signal(signal.SIGTERM)
    wait_for(lambda: "finishing 1 in progress" in leaving.told)
    gate.open()
    _ended(run)
    assert leaving.process.wait(LONGEST) == 143, leaving.told
    assert len(server.requests) == 1
    assert "Traceback" not in leaving.told


def test_what_a_worker_that_ends_cannot_finish_another_takes_up_at_once(
    crew: Crew, server: StrictOpenAI
) -> None:
    leaving = crew.hire("--drain", "0")
    server.fail(Hang())
    run = crew.begin()
    wait_for(lambda: server.requests, "the call")
    crew.hire()
    leaving.process.send_signal(signal.SIGTERM)
    assert leaving.process.wait(LONGEST) == 143, leaving.told
    _ended(run)
    assert len(server.requests) == 2
    assert "Traceback" not in leaving.told


def test_a_database_restarted_in_the_middle_costs_no_call_and_nobody_is_taken_for_dead(
    terminal: Terminal, server: StrictOpenAI, own_server: Server, nursery: Nursery
) -> None:
    with crew_on(terminal, own_server.url, server, nursery) as crew:
        workers, gate = (crew.hire(), crew.hire()), Gate(server)
        server.fail(gate)
        run = crew.begin()
        wait_for(lambda: server.requests, "the call")
        own_server.stop(signal.SIGQUIT)
        wait_for(lambda: "queue: " in crew.hired[0].told + crew.hired[1].told)
        own_server.start()
        gate.open()
        _ended(run)
        assert len(server.requests) == 1
        for worker in workers:
            assert worker.process.poll() is None
            assert "recovered" not in worker.told
            assert "Traceback" not in worker.told


def test_work_in_a_form_that_could_carry_a_program_is_refused(
    crew: Crew, database_url: str
) -> None:
    working = crew.hire()
    harmless = "gASVBgAAAAAAAACMAm9rlC4="
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "select dbos.enqueue_workflow('callsheet.advance', 'people', array[]::json[],"
            " workflow_id => 'bad', priority => 9, app_version => 'another')"
        )
        connection.execute(
            "update dbos.workflow_status set serialization = 'py_pickle', inputs = %s",
            [harmless],
        )
        new = crew.terminal("worker", "--concurrency", "1")
        assert new.status == 6, new.err
        assert "unsafe form: bad" in new.err
        doctor = crew.terminal("doctor", "--json")
        assert doctor.status == 6
        # One that is at work already refuses the row itself, and goes on.
        connection.execute("update dbos.workflow_status set application_version = '1'")
        wait_for(
            lambda: connection.execute(
                "select 1 from dbos.workflow_status where status = 'ERROR'"
            ).fetchone(),
            "the refusal",
        )
    _ended(crew.begin())
    assert working.process.poll() is None
