"""Which calls mark their instructions for a provider's cache, and which go ahead of others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from callsheet.batches.repeated_choices import RepeatedChoices
from callsheet.batches.row_parser import Row
from callsheet.llm.cache_terms import (
    ANTHROPIC_CACHE,
    GOOGLE_CACHE,
    OPENAI_CACHE,
    CacheTerms,
    terms_for,
)
from callsheet.llm.prefix_cache import PrefixCache, prefix_key

MARKED = CacheTerms("", 1_024, marked=True, write=1.25)
UNASKED = CacheTerms("", 1_024, step=128)


@dataclass
class Calls:
    """Calls to one LLM, at a time that the test sets."""

    terms: CacheTerms = MARKED
    now: float = 1_000.0
    cache: PrefixCache = field(init=False)

    def __post_init__(self) -> None:
        self.cache = PrefixCache(self.terms, lambda: self.now)

    async def call(self, key: str = "cs-1", *, tokens: int = 2_000, repeated: int = 1) -> bool:
        """One call whose reply begins; whether it marked its prefix."""
        async with self.cache.call(key, lambda: tokens, repeated) as (use, begin):
            begin()
        return use.mark


async def test_a_single_call_marks_nothing() -> None:
    assert not await Calls().call()


async def test_calls_that_are_known_to_share_a_prefix_mark_it_from_the_first_on() -> None:
    calls = Calls()
    assert [await calls.call(repeated=left) for left in (3, 2, 1)] == [True, True, True]


async def test_other_calls_mark_from_the_second_within_the_caches_time_on() -> None:
    calls = Calls()
    assert not await calls.call()
    calls.now += 299
    assert await calls.call()
    calls.now += 301
    assert not await calls.call()


async def test_a_prefix_that_is_too_short_gets_no_mark() -> None:
    assert not await Calls().call(tokens=1_023, repeated=9)


async def test_a_repair_gets_no_mark() -> None:
    assert not await Calls().call(repeated=0)


async def test_nothing_is_marked_where_prefixes_are_kept_unasked() -> None:
    assert not await Calls(UNASKED).call(repeated=9)


@pytest.mark.parametrize("terms", [MARKED, UNASKED])
async def test_the_first_of_many_goes_ahead_until_its_reply_begins(terms: CacheTerms) -> None:
    calls, entered, may_begin = Calls(terms), list[int](), asyncio.Event()

    async def call(number: int) -> None:
        async with calls.cache.call("cs-1", lambda: 2_000, 3) as (_, begin):
            entered.append(number)
            await may_begin.wait()
            begin()

    tasks = [asyncio.create_task(call(number)) for number in range(3)]
    await asyncio.sleep(0.01)
    assert entered == [0]
    may_begin.set()
    await asyncio.gather(*tasks)
    assert sorted(entered) == [0, 1, 2]


async def test_where_the_first_fails_the_others_go_on_together() -> None:
    calls, entered, failing = Calls(), list[int](), asyncio.Event()

    async def call(number: int) -> None:
        async with calls.cache.call("cs-1", lambda: 2_000, 3):
            entered.append(number)
            if number == 0:
                await failing.wait()
                raise OSError
            await asyncio.sleep(0.01)

    tasks = [asyncio.create_task(call(number)) for number in range(3)]
    await asyncio.sleep(0.01)
    failing.set()
    await asyncio.sleep(0.001)
    assert entered == [0, 1, 2]
    await asyncio.gather(*tasks, return_exceptions=True)


def test_the_same_instructions_and_schema_have_the_same_key() -> None:
    assert prefix_key("a", "b") == prefix_key("a", "b") != prefix_key("a", "c")
    assert prefix_key("a", "b").startswith("cs-")


@pytest.mark.parametrize(
    ("name", "floor", "marked"),
    [
        ("claude-haiku-4-5", 4_096, True),
        ("claude-haiku-5-5", 512, True),
        ("claude-sonnet-4-6", 1_024, True),
        ("claude-opus-4-7", 2_048, True),
        ("gpt-5.2", 1_024, False),
        ("gpt-5.6-sol", 1_024, True),
        ("gpt-6-astra", 1_024, True),
        ("gemini-2.5-flash", 2_048, False),
        ("gemini-3.8-flash", 4_096, False),
    ],
)
def test_each_llm_has_the_terms_that_its_maker_documents(
    name: str, floor: int, *, marked: bool
) -> None:
    tables = {"cl": ANTHROPIC_CACHE, "gp": OPENAI_CACHE, "ge": GOOGLE_CACHE}
    terms = terms_for(tables[name[:2]], name)
    assert terms is not None
    assert (terms.floor, terms.marked) == (floor, marked)
    assert terms.pays(2) == marked
    assert not terms.pays(1)


def _row(number: int, *groups: str, mood: str = "calm") -> Row:
    return Row(number, "", {}, groups, {"mood": mood}, f"run-{number}")


def test_rows_of_one_choice_that_follow_each_other_closely_are_counted() -> None:
    rows = [_row(2, "sora"), _row(3, "phoenix"), _row(4, "sora"), _row(90, "phoenix")]
    choices = RepeatedChoices(1, lambda row: [] if row.answers["mood"] else ["mood"])
    for row in rows:
        choices.add(row)
    assert [choices.left(row) for row in rows] == [2, 1, 2, 1]
    choices.end(rows[0])
    assert choices.left(rows[2]) == 1


def test_rows_that_leave_other_fields_open_are_another_choice() -> None:
    rows = [_row(2, "sora"), _row(3, "sora", mood="")]
    choices = RepeatedChoices(1, lambda row: [] if row.answers["mood"] else ["mood"])
    for row in rows:
        choices.add(row)
    assert [choices.left(row) for row in rows] == [1, 1]
