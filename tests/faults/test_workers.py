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
from tests.support.postgres import Server
from tests.support.strict_openai import StrictOpenAI
from tests.support.worker_starter import WorkerStarter
from tests.support.workers import LONGEST, Gate, WorkerGroup, wait_for, workers_on


@pytest.fixture
def server() -> Iterator[StrictOpenAI]:
    with StrictOpenAI() as running:
        yield running


@pytest.fixture
def workers(
    terminal: Terminal, server: StrictOpenAI, database_url: str, worker_starter: WorkerStarter
) -> Iterator[WorkerGroup]:
    """No workers yet; `start_worker` adds one."""
    with workers_on(terminal, database_url, server, worker_starter) as workers:
        yield workers


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
    workers: WorkerGroup, server: StrictOpenAI, database_url: str
) -> None:
    worker = workers.start_worker_by_command("--concurrency", "2")
    gate = Gate(server)
    server.fail(gate)
    run = workers.begin()
    wait_for(lambda: server.requests, "the call")
    assert _pids(database_url) == {worker.process.pid}
    gate.open()
    _ended(run)

    asked = workers.terminal(
        "run", "--json", "--llm", "openai:any", stdin="a heron at dawn\n\n\n\nleonardo\n\n\n"
    )
    assert asked.json["brief"]["idea"] == "a heron at dawn"
    assert asked.status in (0, 3), asked.err
    assert len(server.requests) == 2
    workers = workers.terminal("doctor", "--json")
    assert workers.status == 0, workers.out
    assert "1 alive with 2 places" in workers.out


def test_a_worker_killed_in_a_call_is_replaced_and_that_call_alone_is_paid_again(
    workers: WorkerGroup, server: StrictOpenAI, database_url: str
) -> None:
    first = workers.start_worker()
    server.fail(Hang())
    run = workers.begin()
    wait_for(lambda: server.requests, "the call")
    second = workers.start_worker()
    first.process.kill()
    document = _ended(run)
    assert len(server.requests) == 2
    assert "recovered" in second.output
    assert [body for *_, body in _facts(database_url) if CRASH_NOTE in body]
    shown = workers.terminal("show", document["run"], "--json")
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
    workers: WorkerGroup, server: StrictOpenAI
) -> None:
    only = workers.start_worker()
    server.fail(Hang())
    run = workers.begin()
    wait_for(lambda: server.requests, "the call")
    only.process.kill()
    only.process.wait()
    _ended(run)
    assert len(server.requests) == 2


def test_a_worker_frozen_past_its_lease_is_refused_when_it_wakes(
    workers: WorkerGroup, server: StrictOpenAI, database_url: str
) -> None:
    frozen, gate = workers.start_worker(), Gate(server)
    server.fail(gate)
    run = workers.begin()
    wait_for(lambda: server.requests, "the call")
    frozen.process.send_signal(signal.SIGSTOP)
    workers.start_worker()
    document = _ended(run)
    facts = _facts(database_url)
    gate.open()
    frozen.process.send_signal(signal.SIGCONT)

    again = _ended(workers.begin())
    assert again["run"] != document["run"]
    frozen.process.send_signal(signal.SIGTERM)
    assert frozen.process.wait(LONGEST) == 143
    assert _facts(database_url)[: len(facts)] == facts
    assert workers.terminal("show", str(document["run"]), "--json").json["usage"]["calls"] == 1


def _facts(url: str) -> list[tuple[str, int, str]]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("select run, seq, body from callsheet.events order by at, seq")
        return [(str(run), int(seq), str(body)) for run, seq, body in rows]


def test_a_run_in_a_workers_hands_is_followed_and_answered_from_another_terminal(
    workers: WorkerGroup, server: StrictOpenAI
) -> None:
    worker, gate = workers.start_worker(), Gate(server)
    server.fail(gate)
    started = workers.begin(review=True)
    wait_for(lambda: server.requests, "the call")
    carrier = f"process {worker.process.pid} on "

    leaving = workers.command("resume", "last")
    wait_for(lambda: "Ctrl-C stops following" in leaving.output)
    leaving.process.send_signal(signal.SIGINT)
    assert leaving.end()[0] == 130
    assert "the run continues on a worker; to follow it: callsheet resume " in leaving.output

    looking = workers.command("show", "last", "--follow", "--json")
    staying = workers.command("resume", "last", "--json")
    for each in (looking, staying):
        wait_for(lambda each=each: carrier in each.output)  # type: ignore[misc]
    assert (
        workers.terminal("resume", "last", "--yes").status == 6
    )  # what is told anew, nobody hears
    gate.open()
    status, shown = looking.end()
    assert (status, json.loads(shown)["status"]) == (0, "waiting")
    status, written = staying.end("accept\n")
    assert (status, json.loads(written)["status"]) == (0, "succeeded"), staying.output
    assert started.result(LONGEST)["status"] == "waiting"
    assert len(server.requests) == 1
    assert "Traceback" not in leaving.output + looking.output + staying.output


def test_a_worker_told_to_end_finishes_its_call_or_hands_it_on(
    workers: WorkerGroup, server: StrictOpenAI
) -> None:
    leaving, gate = workers.start_worker(), Gate(server)
    server.fail(gate)
    run = workers.begin()
    wait_for(lambda: server.requests, "the call")
    leaving.process.send_signal(signal.SIGTERM)
    wait_for(lambda: "finishing 1 in progress" in leaving.output)
    gate.open()
    _ended(run)
    assert leaving.process.wait(LONGEST) == 143, leaving.output
    assert len(server.requests) == 1
    assert "Traceback" not in leaving.output


def test_what_a_worker_that_ends_cannot_finish_another_takes_up_at_once(
    workers: WorkerGroup, server: StrictOpenAI
) -> None:
    leaving = workers.start_worker("--drain", "0")
    server.fail(Hang())
    run = workers.begin()
    wait_for(lambda: server.requests, "the call")
    workers.start_worker()
    leaving.process.send_signal(signal.SIGTERM)
    assert leaving.process.wait(LONGEST) == 143, leaving.output
    _ended(run)
    assert len(server.requests) == 2
    assert "Traceback" not in leaving.output


def test_a_database_restarted_in_the_middle_costs_no_call_and_nobody_is_taken_for_dead(
    terminal: Terminal, server: StrictOpenAI, own_server: Server, worker_starter: WorkerStarter
) -> None:
    with workers_on(terminal, own_server.url, server, worker_starter) as workers:
        workers.start_worker()
        workers.start_worker()
        server.fail(gate := Gate(server))
        run = workers.begin()
        wait_for(lambda: server.requests, "the call")
        own_server.stop(signal.SIGQUIT)
        wait_for(lambda: "queue: " in workers.processes[0].output + workers.processes[1].output)
        own_server.start()
        gate.open()
        _ended(run)
        assert len(server.requests) == 1
        for worker in workers.processes:
            assert worker.process.poll() is None
            assert "recovered" not in worker.output
            assert "Traceback" not in worker.output


def test_work_in_a_form_that_could_carry_a_program_is_refused(
    workers: WorkerGroup, database_url: str
) -> None:
    working = workers.start_worker()
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
        new = workers.terminal("worker", "--concurrency", "1")
        assert new.status == 6, new.err
        assert "unsafe form: bad" in new.err
        doctor = workers.terminal("doctor", "--json")
        assert doctor.status == 6
        # One that is at work already refuses the row itself, and goes on.
        connection.execute("update dbos.workflow_status set application_version = '1'")
        wait_for(
            lambda: connection.execute(
                "select 1 from dbos.workflow_status where status = 'ERROR'"
            ).fetchone(),
            "the refusal",
        )
    _ended(workers.begin())
    assert working.process.poll() is None
