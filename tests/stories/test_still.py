"""Which still the motion prompts are written for: the first, or the one that `still` names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from callsheet.errors import InputError
from callsheet.events import Noted
from callsheet.runs.options import RunOptions
from callsheet.runs.session import RunSession
from tests.support.batches import SharedStore, read_csv, write_sheet
from tests.support.runs import IDEA, InMemoryRuns, client_of, prompts_of
from tests.support.strict_openai import StrictOpenAI

PAIR = ("sora", "motion_2_0")


async def _run(runs: InMemoryRuns, *groups: str, **options: Any) -> RunSession:
    session = await runs.service.start(RunOptions(brief={"idea": IDEA}, groups=groups, **options))
    await session.advance()
    await session.close()
    assert session.view.status == "succeeded", session.view.error
    return session


async def _retry(runs: InMemoryRuns, run: str, **options: Any) -> dict[str, Any]:
    session = await runs.service.retry(run, RunOptions(**options))
    await session.advance()
    await session.close()
    assert session.view.status == "succeeded", session.view.error
    return session.document()


async def _notes(runs: InMemoryRuns, run: str) -> list[str]:
    events = [recorded.event for recorded in await runs.service.store.events(run)]
    return [event.text for event in events if isinstance(event, Noted) and "still" in event.text]


def _message(server: StrictOpenAI, number: int = -1) -> str:
    messages = server.requests[number].json["messages"]
    return str(next(m["content"] for m in messages if m["role"] == "user"))


async def test_by_default_it_is_the_first_and_the_run_says_so(server: StrictOpenAI) -> None:
    runs = InMemoryRuns.with_llm(client_of(server))
    session = await _run(runs, *PAIR)
    document = session.document()

    assert document["still"] == "SORA_2_A"
    assert prompts_of(document)["SORA_2_A"] in _message(server)
    assert await _notes(runs, session.view.run) == [
        "the motion is written for the still SORA_2_A; for another: --still MODEL"
    ]


async def test_the_named_still_is_the_one_that_the_motion_is_written_for(
    server: StrictOpenAI,
) -> None:
    runs = InMemoryRuns.with_llm(client_of(server))
    session = await _run(runs, *PAIR, still="SORA_1_A")
    document = session.document()

    assert document["still"] == "SORA_1_A"
    assert prompts_of(document)["SORA_1_A"] in _message(server)
    assert await _notes(runs, session.view.run) == []


async def test_a_retry_with_another_still_writes_the_motion_alone_and_later_ones_keep_it(
    server: StrictOpenAI,
) -> None:
    runs = InMemoryRuns.with_llm(client_of(server))
    first = await _run(runs, *PAIR)
    run = first.view.run

    after = await _retry(runs, run, still="SORA_1_A")
    assert after["still"] == "SORA_1_A"
    assert len(server.requests) == 3
    assert prompts_of(after)["SORA_1_A"] in _message(server)

    again = await _retry(runs, run, groups=["sora", "leonardo"])
    assert again["still"] == "SORA_1_A"
    assert len(server.requests) == 4, "the motion prompts were kept"

    without = await _retry(runs, run, groups=["leonardo"])
    assert without["still"] == "LEONARDO_ANIME_XL_A"


async def test_a_still_that_is_no_longer_written_is_forgotten() -> None:
    runs = InMemoryRuns.with_llm()
    first = await _run(runs, "leonardo", "motion_2_0", still="LEONARDO_ANIME_XL_A")
    after = await _retry(runs, first.view.run, groups=["sora"])
    assert after["still"] == "SORA_2_A"


async def test_without_a_choice_nothing_is_said_and_without_motion_there_is_no_still() -> None:
    runs = InMemoryRuns.with_llm()
    one = await _run(runs, "leonardo", "motion_2_0")
    assert one.document()["still"] == "LEONARDO_ANIME_XL_A"
    assert await _notes(runs, one.view.run) == []

    for groups in (["sora"], ["motion_2_0"]):
        assert "still" not in (await _run(runs, *groups)).document()
    dropped = await _retry(runs, one.view.run, deselected_categories=["video_generation"])
    assert "still" not in dropped


@pytest.mark.parametrize(
    ("groups", "still", "message", "hint"),
    [
        (PAIR, "SORA_1_B", "there is no still 'SORA_1_B'", "known: SORA_1_A, "),
        (PAIR, "SD_A", "there is no still 'SD_A'", "known: SORA_"),
        (PAIR, "motion_2_0", "there is no still 'motion_2_0'", "known: SORA_"),
        (("sora/SORA_2_A", "motion_2_0"), "SORA_1_A", "there is no still", "known: SORA_2_A"),
        (("sora",), "SORA_1_A", "no group was chosen", "leave the still out"),
        (("motion_2_0",), "SORA_1_A", "there is no still", "no still exists"),
    ],
)
async def test_a_still_that_is_not_written_is_refused_before_anything_is_written(
    groups: tuple[str, ...], still: str, message: str, hint: str
) -> None:
    runs = InMemoryRuns.with_llm()
    with pytest.raises(InputError, match=message) as caught:
        await _run(runs, *groups, still=still)
    assert hint in caught.value.hint
    assert await runs.service.runs() == []


async def test_a_retry_refuses_a_still_that_the_run_does_not_have() -> None:
    runs = InMemoryRuns.with_llm()
    first = await _run(runs, *PAIR)
    images = await _run(runs, "sora")
    for run, still in ((first.view.run, "SD_A"), (images.view.run, "SORA_1_A")):
        with pytest.raises(InputError):
            await runs.service.retry(run, RunOptions(still=still))


async def test_the_rows_of_a_batch_name_their_still(tmp_path: Path) -> None:
    rows = [
        {"idea": "a heron", "groups": "sora,motion_2_0", "still": "SORA_1_A"},
        {"idea": "a boat", "groups": "sora,motion_2_0", "still": ""},
    ]
    sheet = write_sheet(tmp_path / "ideas.csv", rows)
    shared = SharedStore.with_llm()
    await shared.write(sheet, tmp_path / "out.csv")
    service = shared.batch(sheet).service
    found = [(await service.show(row["run"])).still for row in read_csv(tmp_path / "out.csv")]
    assert found == ["SORA_1_A", "SORA_2_A"]

    wrong = write_sheet(tmp_path / "wrong.csv", [rows[0] | {"still": "SD_A"}])
    with pytest.raises(InputError, match="row 2: there is no still 'SD_A'"):
        await shared.execute(wrong)
