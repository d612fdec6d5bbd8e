"""After a run, and for all runs, a receipt: what was paid beside what all groups would have cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from callsheet import build_instructions, build_schema
from callsheet.catalog.schemas import schema_text
from callsheet.cli.output import dearer_input_text, summary
from callsheet.costs.savings_report import savings_report
from callsheet.llm.offline import OfflineLLM
from callsheet.llm.schema_adapter import adapt_schema
from callsheet.llm.tokens import count_tokens
from callsheet.runs.options import RunOptions
from tests.support.cli import Terminal
from tests.support.loopback import Text
from tests.support.priced_llm import PricedLLM
from tests.support.run_backends import RunBackend
from tests.support.runs import IDEA, InMemoryRuns
from tests.support.schema_writer import write_text
from tests.support.strict_openai import Conduct, StrictOpenAI

IMAGE = ("sora", "phoenix", "leonardo", "midjourney", "stable_diffusion")


async def _run(place: RunBackend, *groups: str, llm: Any = None, **more: Any) -> dict[str, Any]:
    session = await place.service(llm or PricedLLM()).start(
        RunOptions(brief={"idea": IDEA}, groups=groups, **more)
    )
    await session.advance()
    await session.write_receipt()
    await session.close()
    return session.document()


def _counted(groups: tuple[str, ...]) -> int:
    """Tokens of the instructions and the schema of a choice, as OpenAI is sent them."""
    schema = schema_text(adapt_schema(build_schema(groups), "openai"))
    return count_tokens(build_instructions(groups)) + count_tokens(schema)


async def test_the_input_of_all_groups_is_what_was_reported_and_what_they_would_add(
    place: RunBackend,
) -> None:
    receipt = (await _run(place, "sora", "leonardo"))["receipt"]
    more = _counted(IMAGE) - _counted(("sora", "leonardo"))
    assert receipt["all"]["input_tokens"] == receipt["paid"]["input_tokens"] + more
    assert receipt["all"]["output_from"] == "schema"
    assert 0 < receipt["paid"]["cost_usd"] < receipt["all"]["cost_usd"]
    assert receipt["saved"]["tokens"] > more


async def test_what_all_groups_would_have_cost_is_what_they_cost_once_they_were_written(
    place: RunBackend,
) -> None:
    whole = (await _run(place, *IMAGE))["receipt"]
    assert whole["saved"] == {
        "tokens": 0,
        "percent": 0.0,
        "cost_usd": 0.0,
        "input_cost_usd": 0.0,
    }
    assert whole["all"]["output_from"] == "reported"
    part = (await _run(place, "sora"))["receipt"]
    assert part["all"]["output_from"] == "history"
    assert part["all"]["input_tokens"] == whole["paid"]["input_tokens"]
    assert part["all"]["output_tokens"] == pytest.approx(whole["paid"]["output_tokens"], rel=0.1)
    assert part["all"]["cost_usd"] == pytest.approx(whole["paid"]["cost_usd"], rel=0.1)


@pytest.mark.parametrize(
    ("workflow", "groups"), [("oms", ["leonardo", "motion_2_0"]), ("studio", ["gpt_image"])]
)
async def test_each_call_is_compared_with_the_groups_of_its_own_category(
    place: RunBackend, workflow: str, groups: list[str]
) -> None:
    service = place.service(PricedLLM())
    session = await service.start(
        RunOptions(brief={"idea": IDEA}, groups=groups, accept_defaults=True), workflow
    )
    await session.advance()
    assert session.view.status == "succeeded", session.view.error
    [row] = (await savings_report(place.store))["rows"]
    document = session.document()
    assert row["groups"] == groups
    assert row["instructions"] == document["savings"]


async def test_cached_tokens_are_cheaper_on_both_sides(place: RunBackend) -> None:
    cold = (await _run(place, "sora"))["receipt"]
    warm = (await _run(place, "sora", llm=PricedLLM(cached=0.9)))["receipt"]
    assert warm["paid"]["cached_input_tokens"] > 0
    assert warm["all"]["cached_input_tokens"] > warm["paid"]["cached_input_tokens"]
    assert warm["saved"]["tokens"] == cold["saved"]["tokens"]
    assert warm["saved"]["cost_usd"] < cold["saved"]["cost_usd"]


async def test_an_unknown_price_is_null_and_tokens_are_reported(place: RunBackend) -> None:
    receipt = (await _run(place, "sora", llm=PricedLLM("openai:nobody-knows-it")))["receipt"]
    assert receipt["paid"]["cost_usd"] is receipt["all"]["cost_usd"] is None
    assert receipt["saved"]["cost_usd"] is None
    assert receipt["saved"]["percent"] > 50


async def test_offline_and_pasted_runs_have_no_receipt(place: RunBackend) -> None:
    assert (await _run(place, "sora", llm=OfflineLLM()))["receipt"] is None


async def test_the_receipt_of_a_retry_counts_only_what_it_wrote(place: RunBackend) -> None:
    service = place.service(PricedLLM())
    first = await _run(place, "sora", "leonardo")
    session = await service.retry("last", RunOptions(groups=["sora", "leonardo", "phoenix"]))
    await session.advance()
    await session.write_receipt()
    receipt = session.document()["receipt"]
    more = _counted(IMAGE) - _counted(("phoenix",))
    before = first["receipt"]
    added = receipt["paid"]["input_tokens"] - before["paid"]["input_tokens"] + more
    assert receipt["all"]["input_tokens"] == before["all"]["input_tokens"] + added


@pytest.fixture
def server() -> Iterator[StrictOpenAI]:
    with StrictOpenAI(Conduct(cached_tokens=700)) as running:
        yield running


async def test_repairs_are_reported_separately_and_counted_on_both_sides(
    place: RunBackend, server: StrictOpenAI
) -> None:
    written: list[str] = []

    def careless(path: str, node: Mapping[str, Any]) -> str:
        written.append(path)
        return write_text(path, node) + (" --ar 2:3" if len(written) == 1 else "")

    server.conduct = Conduct(write=careless)
    session = await InMemoryRuns(place.service(server)).session(["phoenix"])
    await session.write_receipt()
    document = session.document()
    assert document["usage"]["repairs"] == 1
    repair = document["receipt"]["repair"]
    took = repair["input_tokens"] + repair["output_tokens"]
    assert document["usage"]["repair_tokens"] == took > 0
    assert document["receipt"]["paid"]["input_tokens"] == document["usage"]["input_tokens"]


async def test_savings_are_the_sum_of_the_receipts_newest_first(place: RunBackend) -> None:
    runs = [await _run(place, *groups) for groups in (("sora",), IMAGE, ("leonardo", "motion_2_0"))]
    await _run(place, "sora", llm=OfflineLLM())
    report = await savings_report(place.store)
    assert (report["runs"], report["reported_runs"], report["priced_runs"]) == (4, 3, 3)
    assert report["calls"] == 5
    assert {row["run"] for row in report["rows"][1:]} == {run["run"] for run in runs}
    by_run = {row["run"]: row for row in report["rows"]}
    assert by_run[runs[2]["run"]]["groups"] == ["leonardo", "motion_2_0"]
    for part in ("paid", "all"):
        sums = {
            key: sum(row["receipt"][part][key] for row in report["rows"] if row["receipt"])
            for key in ("input_tokens", "output_tokens", "cost_usd")
        }
        # Each row's cost and the total are rounded to a millionth of a dollar.
        assert {key: report["receipt"][part][key] for key in sums} == pytest.approx(sums, abs=2e-6)
    assert len((await savings_report(place.store, newest=2))["rows"]) == 2


async def test_amounts_are_those_of_runs_whose_price_is_known(place: RunBackend) -> None:
    known = (await _run(place, "sora"))["receipt"]
    unknown = (await _run(place, "sora", llm=PricedLLM("openai:nobody-knows-it")))["receipt"]
    report = await savings_report(place.store)
    assert (report["reported_runs"], report["priced_runs"]) == (2, 1)
    assert report["receipt"]["paid"]["cost_usd"] == pytest.approx(known["paid"]["cost_usd"])
    both = known["paid"]["input_tokens"] + unknown["paid"]["input_tokens"]
    assert report["receipt"]["paid"]["input_tokens"] == both


def test_the_terminal_prints_the_receipt_and_the_savings(
    terminal: Terminal, server: StrictOpenAI
) -> None:
    terminal.env["CALLSHEET_BASE_URL"] = server.url
    empty = terminal("savings")
    assert (empty.status, empty.out) == (0, "")
    assert "callsheet estimate" in empty.err
    words = ("run", "--idea", IDEA, "--groups", "sora", "--llm", "openai:any")
    ran = terminal(*words)
    assert "1 call: " in ran.err
    assert "(700 cached)" in ran.err
    assert "price unknown" in ran.err
    assert "all groups: about " in ran.err
    assert "saved: about " in ran.err
    report = terminal("savings")
    assert report.status == 0
    assert "1 run, 1 call" in report.out
    assert "(700 cached)" in report.out
    assert "█" not in report.out
    assert terminal("savings", "--json", "--workflow", "oms").json["rows"][0]["workflow"] == "oms"
    assert terminal("savings", "--workflow", "nobody").status == 2


async def test_all_groups_would_have_been_cached_where_only_they_are_long_enough(
    place: RunBackend,
) -> None:
    small = PricedLLM("google:gemini-3.8-flash")
    cold = (await _run(place, "sora", llm=small))["receipt"]
    warm = (await _run(place, "sora", llm=small))["receipt"]
    assert cold["all"]["cached_input_tokens"] == 0 < cold["saved"]["input_cost_usd"]
    assert warm["all"]["cached_input_tokens"] > 4_096
    assert warm["saved"]["input_cost_usd"] < 0 < warm["saved"]["cost_usd"]
    assert warm["saved"]["tokens"] == cold["saved"]["tokens"]


async def test_a_choice_that_is_cached_itself_is_compared_with_a_cached_whole(
    place: RunBackend,
) -> None:
    warm = (await _run(place, "sora", llm=PricedLLM("google:gemini-2.5-flash", 0.9)))["receipt"]
    more = warm["all"]["input_tokens"] - warm["paid"]["input_tokens"]
    both = warm["all"]["cached_input_tokens"], warm["paid"]["cached_input_tokens"]
    assert both[0] - both[1] == more
    assert warm["saved"]["input_cost_usd"] > 0


async def test_a_failed_run_without_prompts_saves_nothing(place: RunBackend) -> None:
    with StrictOpenAI(faults=[Text("I would rather not.")] * 4) as server:
        document = await _run(place, "sora", llm=server)
    assert document["status"] == "failed"
    assert document["savings"]["percent"] == 0
    assert document["receipt"]["paid"]["input_tokens"] > 0
    assert document["receipt"]["saved"]["tokens"] == 0
    assert "no prompt was written, so nothing was saved" in summary(document)
    assert "% saved" not in summary(document)


def test_a_choice_dearer_on_input_is_said_to_be_so_with_outputs_beside_it() -> None:
    saved = {"tokens": 9, "percent": 50, "cost_usd": 0.01, "input_cost_usd": -0.002}
    text = dearer_input_text(saved)
    assert "all groups would have cost $0.0020 less" in text
    assert "outputs saved $0.0120" in text
