"""Provider batch jobs, over HTTP through the real client libraries, at loopback servers of all three."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from callsheet.call_options import CallOptions
from callsheet.costs.planned_prices import PlannedPrices
from callsheet.errors import InputError, KeyRefusedError, ProviderError
from callsheet.llm.jobs import (
    Found,
    JobRefusedError,
    JobRowError,
    JobUncertainError,
    MaybeOurs,
    ProviderJobs,
    open_jobs,
)
from callsheet.llm.offline import OfflineLLM
from callsheet.llm.port import Reply
from callsheet.llm.price_list import BATCH
from callsheet.llm.provider_llm import ProviderLLM
from callsheet.llm.providers import PROVIDERS, Key
from tests.support.anthropic_jobs import AnthropicJobs
from tests.support.google_jobs import GoogleJobs
from tests.support.job_server import RowEnd
from tests.support.loopback import Answer, Drop
from tests.support.openai_jobs import OpenAIJobs
from tests.support.providers import CANARY, REQUEST, assert_nothing_leaks

JOB = "b7f20a1c"
KINDS: dict[str, tuple[type[OpenAIJobs | AnthropicJobs | GoogleJobs], str]] = {
    "openai": (OpenAIJobs, "gpt-5.4-mini"),
    "anthropic": (AnthropicJobs, "claude-sonnet-5-5"),
    "google": (GoogleJobs, "gemini-3.8-flash"),
}
LONG = replace(REQUEST, system=" ".join(f"Rule {n}: write plainly." for n in range(550)))
"""With instructions that every provider's cache keeps."""

CREATES = r"POST (/v1/batches|/v1/messages/batches|.*:batchGenerateContent)"
LISTS = r"GET (/v1/batches|/v1/messages/batches|/v1beta/batches)\?"
RESULTS = r"GET .*(/content|/results|:download)"

Server = OpenAIJobs | AnthropicJobs | GoogleJobs


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    yield from _served(request.param, monkeypatch)


@pytest.fixture
def openai(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    yield from _served("openai", monkeypatch)


def _served(provider: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with KINDS[provider][0]() as server:
        known = replace(PROVIDERS[provider], url=server.url)
        monkeypatch.setitem(PROVIDERS, provider, known)
        yield server


def provider_of(server: Server) -> str:
    return next(name for name, (kind, _) in KINDS.items() if isinstance(server, kind))


def jobs_at(server: Server, llm: str = "", **more: object) -> ProviderJobs:
    provider = provider_of(server)
    key = Key(PROVIDERS[provider].key_names[0], CANARY)
    return open_jobs(ProviderLLM(provider, llm or KINDS[provider][1], key=key, **more))  # type: ignore[arg-type]


async def packed(jobs: ProviderJobs, folder: Path, rows: int = 4, job: str = JOB) -> Path:
    path = folder / f"{job}.jsonl"
    with path.open("w") as file:
        for number in range(rows):
            request = replace(LONG, user=f"{REQUEST.user}, take {number}")
            print(await jobs.line(request, f"{job}-{number:04}", cached=True), file=file)
    return path


async def sent_by(jobs: ProviderJobs, folder: Path, rows: int = 4, job: str = JOB) -> str:
    with (await packed(jobs, folder, rows, job)).open("rb") as file:
        return await jobs.create(job, file, rows)


async def outcomes(jobs: ProviderJobs, provider_id: str) -> dict[str, Reply | JobRowError]:
    found = [each async for each in jobs.results(provider_id)]
    assert len({each.custom_id for each in found}) == len(found)
    return {each.custom_id: each.outcome for each in found}


def kinds_of(found: dict[str, Reply | JobRowError]) -> dict[str, str]:
    return {
        custom_id[-1]: each.kind if isinstance(each, JobRowError) else "reply"
        for custom_id, each in found.items()
    }


async def test_another_process_reads_the_rows_at_the_price_that_is_billed(
    server: Server, tmp_path: Path
) -> None:
    provider_id = await sent_by(jobs_at(server), tmp_path)
    other = jobs_at(server)
    assert (await other.status(provider_id)).state == "ended"
    found = await outcomes(other, provider_id)
    assert sorted(found) == [f"{JOB}-{n:04}" for n in range(4)]
    costs = []
    for reply in found.values():
        assert isinstance(reply, Reply)
        assert json.loads(reply.text).keys() == {"ZED", "SORA"}
        assert (reply.tier, reply.finish, reply.usage.cost_at_most) == ("batch", "stop", False)
        costs.append(reply.usage.cost_usd or 0.0)
    assert sum(costs) == pytest.approx(server.billed_usd, rel=1e-9)
    assert (
        sum(
            reply.usage.cached_input_tokens > 0
            for reply in found.values()
            if isinstance(reply, Reply)
        )
        == 3
    )
    assert server.creates == [JOB]
    provider = provider_of(server)
    prices = PlannedPrices.of(f"{provider}:{KINDS[provider][1]}", tier=BATCH)
    planned = [
        prices.price(row.sent, row.output, read=row.read, kept=row.written).usd or 0.0
        for row in server.bills
    ]
    assert sum(planned) == pytest.approx(server.billed_usd, rel=0.01)
    assert bool(server.bills[0].written) is prices.writes


async def test_a_row_of_an_unmodelled_price_costs_at_most_the_usual_one() -> None:
    price = PlannedPrices.of("google:gemini-3.5-flash", tier=BATCH).price(1_000_000, 0)
    assert price.at_most
    assert price == replace(
        PlannedPrices.of("google:gemini-3.5-flash").price(1_000_000, 0), at_most=True
    )


def test_many_calls_do_not_cost_what_one_long_one_does() -> None:
    prices = PlannedPrices.of("openai:gpt-5.6-sol", tier=BATCH)
    one = prices.price(1_240, 85, read=1_112).usd
    many = prices.price_calls(9_000, 9_000 * 1_240, 9_000 * 85, read=9_000 * 1_112).usd
    assert many == pytest.approx(9_000 * one, rel=1e-4)


async def test_rows_end_one_by_one(server: Server, tmp_path: Path) -> None:
    ends: list[RowEnd] = ["ok", "rejected", "overloaded", "lost", "ok"]
    server.row_end = lambda number, _: ends[number]
    jobs = jobs_at(server)
    provider_id = await sent_by(jobs, tmp_path, 5)
    assert (await jobs.status(provider_id)).unlisted is None
    found = await outcomes(jobs, provider_id)
    expected = {"0": "reply", "1": "errored", "2": "unavailable", "4": "reply"}
    assert kinds_of(found) == expected
    rejected = found[f"{JOB}-0001"]
    assert isinstance(rejected, JobRowError)
    assert "rejected by the safety system" in rejected.message
    assert_nothing_leaks(rejected.error)


@pytest.mark.parametrize("end", ["expired", "cancelled"])
async def test_a_job_that_ends_early_keeps_what_is_done(
    server: Server, tmp_path: Path, end: str
) -> None:
    jobs = jobs_at(server)
    server.hold = end == "cancelled"
    server.end = "expired"
    provider_id = await sent_by(jobs, tmp_path)
    if end == "cancelled":
        await jobs.cancel(provider_id)
    status = await jobs.status(provider_id)
    assert status.state == "ended"
    kinds = kinds_of(await outcomes(jobs, provider_id))
    unlisted = status.unlisted.kind if status.unlisted else None
    done = (
        ["reply", "reply"]
        if isinstance(server, OpenAIJobs | AnthropicJobs) or end == "cancelled"
        else []
    )
    assert [kinds.get(n, unlisted) for n in "0123"] == [*done, *[end] * (4 - len(done))]
    await jobs.cancel(provider_id)


async def test_a_job_is_found_by_its_mark(server: Server, tmp_path: Path) -> None:
    server.hold = True
    server.drop_after_create = True
    jobs = jobs_at(server)
    with pytest.raises(JobUncertainError):
        await sent_by(jobs, tmp_path)
    await sent_by(jobs, tmp_path, 3, "ffffffff")
    (first, _) = server.jobs.values()
    name = f"batches/{first.id}" if isinstance(server, GoogleJobs) else first.id
    running = await jobs.find(JOB, first.created, 4)
    if isinstance(server, AnthropicJobs):
        assert running == MaybeOurs((name,))
        assert await jobs.find("0badcafe", first.created, 5) is None
    else:
        assert running == Found(name)
        assert await jobs.find("0badcafe", first.created, 4) is None
    server.hold = False
    await jobs.status(name)
    assert await jobs.find(JOB, first.created, 4) == Found(name)
    assert await jobs.find("0badcafe", first.created, 4) is None
    assert server.creates == [JOB, "ffffffff"]


async def test_a_job_is_found_among_more_than_one_page_of_them(
    server: Server, tmp_path: Path
) -> None:
    jobs = jobs_at(server)
    name = await sent_by(jobs, tmp_path)
    await jobs.status(name)
    (ours,) = server.jobs.values()
    for _ in range(120):
        server.add_job("other", ours.rows[:3]).end = "completed"
    assert await jobs.find(JOB, ours.created, 4) == Found(name)


async def test_a_search_that_fails_raises(server: Server, tmp_path: Path) -> None:
    jobs = jobs_at(server)
    await jobs.line(LONG, "a")
    server.fail_next(LISTS, Answer(401, server.error(401, "who are you")))
    with pytest.raises(KeyRefusedError):
        await jobs.find(JOB, 0, 4)


async def test_a_create_is_sent_once_and_one_that_is_refused_leaves_no_file(
    server: Server, tmp_path: Path
) -> None:
    jobs = jobs_at(server)
    server.fail_next(CREATES, Answer(400, server.error(400, "no such thing")))
    with pytest.raises(JobRefusedError, match="no such thing") as caught:
        await sent_by(jobs, tmp_path)
    assert sum(re.match(CREATES, each) is not None for each in server.seen) == 1
    assert (server.creates, server.uploads) == ([], {})
    assert_nothing_leaks(caught.value)


@pytest.mark.parametrize("code", [409, 500])
async def test_a_file_that_a_job_may_read_stays(openai: Server, tmp_path: Path, code: int) -> None:
    openai.fail_next(CREATES, Answer(code, openai.error(code, "hm")))
    with pytest.raises(JobUncertainError):
        await sent_by(jobs_at(openai), tmp_path)
    assert sum(re.match(CREATES, each) is not None for each in openai.seen) == 1
    assert openai.uploads


async def test_without_its_file_no_job_exists(openai: Server, tmp_path: Path) -> None:
    jobs = jobs_at(openai)
    openai.fail_next("POST /v1/files", Drop())
    with pytest.raises(JobRefusedError):
        await sent_by(jobs, tmp_path)


async def test_nobody_listens_so_no_job_exists(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = provider_of(server)
    closed = replace(PROVIDERS[provider], url="http://127.0.0.1:9")
    monkeypatch.setitem(PROVIDERS, provider, closed)
    with pytest.raises(JobRefusedError):
        await sent_by(jobs_at(server), tmp_path, 1)


async def test_a_job_over_the_limit_of_queued_tokens_runs_no_row(
    openai: Server, tmp_path: Path
) -> None:
    message = "Enqueued token limit reached for gpt-5.4-mini."
    openai.refuse_with = [{"code": "token_limit_exceeded", "message": message, "line": None}]
    jobs = jobs_at(openai)
    provider_id = await sent_by(jobs, tmp_path)
    status = await jobs.status(provider_id)
    assert (status.state, status.no_room, status.message) == ("ended", True, message)
    assert set(kinds_of(await outcomes(jobs, provider_id)).values()) == {"unavailable"}


async def test_a_row_that_spoils_a_job_fails_and_the_others_are_left(
    openai: Server, tmp_path: Path
) -> None:
    openai.refuse_with = [{"code": "invalid_json_line", "message": "Line 2 is wrong.", "line": 2}]
    jobs = jobs_at(openai)
    provider_id = await sent_by(jobs, tmp_path, 3)
    assert not (await jobs.status(provider_id)).no_room
    kinds = kinds_of(await outcomes(jobs, provider_id))
    assert kinds == {"0": "unavailable", "1": "errored", "2": "unavailable"}


@pytest.mark.parametrize(
    ("code", "kind"), [(8, "unavailable"), (14, "unavailable"), (3, "errored")]
)
async def test_a_job_of_google_that_failed_tells_why_of_all_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, kind: str
) -> None:
    for server in _served("google", monkeypatch):
        server.refuse_with = [{"code": code, "message": "Quota or so."}]
        jobs = jobs_at(server)
        provider_id = await sent_by(jobs, tmp_path, 1)
        status = await jobs.status(provider_id)
        assert status.unlisted is not None
        assert (status.unlisted.kind, status.no_room) == (kind, code == 8)
        assert "Quota or so." in status.unlisted.message
        assert await outcomes(jobs, provider_id) == {}


async def test_half_a_download_is_no_result_and_the_next_one_has_all(
    server: Server, tmp_path: Path
) -> None:
    jobs = jobs_at(server)
    provider_id = await sent_by(jobs, tmp_path)
    await jobs.status(provider_id)
    server.cut_downloads = 1
    with pytest.raises(ProviderError):
        await outcomes(jobs, provider_id)
    assert len(await outcomes(jobs, provider_id)) == 4


async def test_a_forgotten_job_leaves_no_file(server: Server, tmp_path: Path) -> None:
    jobs = jobs_at(server)
    provider_id = await sent_by(jobs, tmp_path)
    await jobs.status(provider_id)
    await jobs.forget(provider_id)
    assert server.uploads == {}
    assert server.deleted
    if not isinstance(server, OpenAIJobs):
        with pytest.raises(ProviderError, match="does not know the job"):
            await jobs.status(provider_id)


async def test_a_prefix_is_marked_only_where_rows_share_it_and_it_is_long_enough(
    server: Server,
) -> None:
    jobs = jobs_at(server, "gpt-5.6-sol" if isinstance(server, OpenAIJobs) else "")
    shared = await jobs.line(LONG, "a", cached=True)
    alone = await jobs.line(LONG, "a")
    short = await jobs.line(REQUEST, "a", cached=True)
    mark = {OpenAIJobs: "prompt_cache_breakpoint", AnthropicJobs: '"ttl":"1h"'}.get(type(server))
    assert [bool(mark) and mark in line for line in (shared, alone, short)] == [
        bool(mark),
        False,
        False,
    ]
    if isinstance(server, OpenAIJobs):
        assert '"prompt_cache_key":"cs-' in shared
        assert '"store":false' in shared


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (OfflineLLM, "`offline` takes no batch jobs"),
        (lambda: ProviderLLM("groq", "x"), "`groq:x` takes no batch jobs"),
        (
            lambda: ProviderLLM("openai", "x", base_url="http://127.0.0.1:9/v1"),
            "a server of your own",
        ),
        (lambda: ProviderLLM("openai", "x", options=CallOptions(tier="flex")), "no service tier"),
    ],
)
def test_what_has_no_jobs_is_refused(
    make: Callable[[], OfflineLLM | ProviderLLM], words: str
) -> None:
    with pytest.raises(InputError, match=words) as refused:
        open_jobs(make())
    assert refused.value.hint
