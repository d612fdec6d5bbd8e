"""Streams miss and double nothing: not over a reconnect, a restart, or another process's facts."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.support.cli import Terminal
from tests.support.runs import IDEA
from tests.support.serving import Serving, read_events


def _facts(stream: Iterator[tuple[str, Any, str]], to: int = 0) -> list[Any]:
    """The facts of a stream up to this number, or to the run's end, with their ids."""
    found = []
    for name, data, identity in stream:
        if name == "fact":
            found.append((data["run"], data["seq"], identity))
            if data["seq"] == to or data["kind"] == "run_finished":
                break
    return found


@pytest.fixture
def server(terminal: Terminal) -> Iterator[Serving]:
    with Serving(terminal) as serving:
        yield serving


def test_every_fact_comes_once_and_in_order_whichever_process_wrote_it(
    server: Serving, terminal: Terminal
) -> None:
    run = server.start("sora", review=True)
    asked = server.until(run)["seq"]
    first = _facts(server.events(f"{run}:0"), asked)
    assert [seq for _, seq, _ in first] == [*range(1, asked + 1)]

    with ThreadPoolExecutor() as pool:
        rest = pool.submit(lambda: _facts(server.events(f"{run}:0", last=first[-1][2])))
        assert terminal("resume", run, stdin="accept\n").status == 0
        seen = rest.result(timeout=60)

    assert [seq for _, seq, _ in seen] == [
        *range(asked + 1, server.get(f"/api/runs/{run}")["seq"] + 1)
    ]


def test_one_stream_carries_many_runs_and_goes_on_in_each_where_it_broke_off(
    server: Serving,
) -> None:
    runs = [server.start(group) for group in ("sora", "leonardo", "phoenix")]
    ends = {run: server.until(run)["seq"] for run in runs}
    asked = ",".join(f"{run}:0" for run in runs)
    seen: dict[str, list[int]] = {run: [] for run in runs}
    last = ""
    while any(len(seen[run]) < ends[run] for run in runs):
        # The connection breaks after every seventh fact.
        for number, (name, data, identity) in enumerate(server.events(asked, last=last)):
            if name == "fact":
                seen[data["run"]].append(data["seq"])
                last = identity
            if number == 7 or all(len(seen[run]) == ends[run] for run in runs):
                break
    assert seen == {run: [*range(1, ends[run] + 1)] for run in runs}


def test_the_stream_goes_on_after_the_server_was_killed_and_started_again(
    terminal: Terminal,
) -> None:
    with Serving(terminal) as before:
        run = before.start("sora", review=True)
        first = _facts(before.events(f"{run}:0"), before.until(run)["seq"])
        port = before.port
        before.process.kill()
        before.process.wait()
    with Serving(terminal, ("--port", port)) as after:
        document = after.get(f"/api/runs/{run}")
        assert document["status"] == "waiting"
        number = document["question"]["number"]
        after.post(f"/api/runs/{run}/answers", {"question": number, "value": "accept"})
        after.until(run)
        rest = _facts(after.events(f"{run}:0", last=first[-1][2]))
        end = after.get(f"/api/runs/{run}")["seq"]
    assert [seq for _, seq, _ in first + rest] == [*range(1, end + 1)]


def _watch(url: str, run: str) -> list[int]:
    """The numbers of a run's events as a browser receives them, which connects again by itself."""
    seen: list[int] = []
    last = ""
    with httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        while True:
            headers = {"Last-Event-ID": last} if last else {}
            path = f"/api/events?runs={run}:0"
            try:
                with client.stream("GET", path, headers=headers) as answer:
                    for name, data, identity in read_events(answer.iter_lines()):
                        if name == "fact":
                            seen.append(data["seq"])
                            last = identity
                            if data["kind"] == "run_finished":
                                return seen
            except httpx.TransportError:
                time.sleep(0.3)


def test_readers_that_a_killed_server_cuts_off_see_each_event_once_and_in_order(
    terminal: Terminal,
) -> None:
    with ThreadPoolExecutor(8) as pool:
        with Serving(terminal) as before:
            run = before.start("sora", review=True)
            readers = [pool.submit(_watch, before.url, run) for _ in range(8)]
            number = before.until(run)["question"]["number"]
            port = before.port
            before.end(signal.SIGKILL)
        with Serving(terminal, ("--port", port)) as after:
            after.post(f"/api/runs/{run}/answers", {"question": number, "value": "accept"})
            end = after.until(run)["seq"]
            seen = [reader.result(timeout=60) for reader in readers]
    assert seen == [[*range(1, end + 1)]] * 8


def test_lists_hear_of_every_run_and_of_deleted_ones(server: Serving, terminal: Terminal) -> None:
    stream = server.events()
    assert next(stream)[0] == "ready"
    with ThreadPoolExecutor() as pool:
        outcome = pool.submit(terminal, "run", "--idea", IDEA, "--groups", "sora")
        report = next(d for name, d, _ in stream if name == "run" and d["status"] == "succeeded")
        assert outcome.result().status == 0
    assert report["title"] == IDEA
    server.client.delete(f"/api/runs/{report['run']}")
    assert next(d for name, d, _ in stream if name == "gone") == {"run": report["run"]}
    stream.close()


def test_lists_hear_of_a_run_that_another_process_deletes(
    server: Serving, terminal: Terminal
) -> None:
    stream = server.events()
    assert next(stream)[0] == "ready"
    assert terminal("run", "--idea", IDEA, "--groups", "sora").status == 0
    run = next(d["run"] for name, d, _ in stream if name == "run")
    assert terminal("delete", run).status == 0
    assert next(data for name, data, _ in stream if name == "gone") == {"run": run}
    stream.close()


def test_nothing_of_this_machine_is_told(server: Serving, terminal: Terminal) -> None:
    run = server.start("sora")
    server.until(run)
    for name, data, _ in server.events(f"{run}:0"):
        if name == "fact":
            assert not {"source", "manifest", "base_url", "once"} & set(data)
            assert str(terminal.folder) not in str(data)
            if data["kind"] == "run_finished":
                break


def test_one_answer_of_many_wins_and_the_next_question_hears_none_of_them(server: Serving) -> None:
    run = str(server.post("/api/runs", {"brief": {"idea": "a heron"}})["run"])
    number = server.until(run)["question"]["number"]
    words = [["sora"], ["leonardo"], ["phoenix"], ["midjourney"]] * 10

    def give(value: list[str]) -> httpx.Response:
        body = {"question": number, "value": value}
        return httpx.post(
            f"{server.url}api/runs/{run}/answers", json=body, trust_env=False, timeout=60
        )

    with ThreadPoolExecutor(20) as pool:
        answers = [*pool.map(give, words)]

    won = [each.json() for each in answers if each.status_code == 200]
    lost = [each.json() for each in answers if each.status_code != 200]
    assert len(won) == 1
    assert {each["code"] for each in lost} == {"already_answered"}
    assert all(each["answer"]["value"] == won[0]["value"] for each in lost)
    document = server.until(run)
    assert document["question"]["key"] == "review.prompt_generation"
    assert document["selection"]["image_generation"] == won[0]["value"]


def test_the_same_key_repeats_the_answer_also_after_a_restart(terminal: Terminal) -> None:
    options = {"brief": {"idea": "a heron"}, "groups": ["sora"], "review": True}
    with Serving(terminal) as before:
        run = before.post("/api/runs", options, once="begin")["run"]
        number = before.until(run)["question"]["number"]
        accept = {"question": number, "value": "accept"}
        report = before.post(f"/api/runs/{run}/answers", accept, once="accept")
        before.end(signal.SIGKILL)
    with Serving(terminal) as after:
        assert after.post("/api/runs", options, once="begin")["run"] == run
        assert after.post(f"/api/runs/{run}/answers", accept, once="accept") == report
        other = after.client.post(f"/api/runs/{run}/answers", json=accept)
        assert (other.status_code, other.json()["code"]) == (409, "already_answered")
        assert len(after.get("/api/runs")["runs"]) == 1


@pytest.mark.parametrize("times", [1, 2])
def test_fifty_open_streams_do_not_keep_the_server_from_ending(server: Serving, times: int) -> None:
    run = server.start("sora", review=True)
    server.until(run)
    open_streams = threading.Barrier(51)

    def listen() -> None:
        with (
            httpx.Client(timeout=60, trust_env=False) as client,
            client.stream("GET", f"{server.url}api/events?runs={run}:0") as answer,
        ):
            events = read_events(answer.iter_lines())
            next(events)
            open_streams.wait()
            try:
                for _ in events:
                    pass
            except httpx.TransportError:
                return

    with ThreadPoolExecutor(50) as pool:
        for _ in range(50):
            pool.submit(listen)
        open_streams.wait(timeout=60)
        for _ in range(times):
            server.process.send_signal(signal.SIGINT)
        _, err = server.process.communicate(timeout=30)
    assert server.process.returncode == 130, err
    assert "Traceback" not in err


def test_a_reader_that_reads_nothing_holds_nobody_up(server: Serving) -> None:
    run = server.start("sora")
    server.until(run)
    deaf = socket.create_connection((server.client.base_url.host, int(server.port)))
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_024)
    deaf.sendall(f"GET /api/events?runs={run}:0 HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    began = time.monotonic()
    assert _facts(server.events(f"{run}:0"))[-1][1] == server.get(f"/api/runs/{run}")["seq"]
    assert time.monotonic() - began < 60
    deaf.close()
