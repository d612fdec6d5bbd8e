"""A run is found again by what a person remembers of it, carries what they note, and can be made again."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from callsheet.errors import AnswerError, InputError, UnknownNameError
from callsheet.images import FOR_RUNS, Image, read_image
from callsheet.runs.edit import replace_prompt
from callsheet.runs.like import options_like
from callsheet.runs.listing import RunFilter
from callsheet.runs.notes import MAX_TITLE, NoteChange, note_run, read_rendered
from callsheet.runs.options import RunOptions
from callsheet.store.texts import normalized
from tests.support.images import png
from tests.support.runs import IDEA, InMemoryRuns


@pytest.fixture
def runs() -> InMemoryRuns:
    return InMemoryRuns.with_llm()


async def _found(runs: InMemoryRuns, search: str, *, favourite: bool = False) -> list[str]:
    return [r["run"] for r in await runs.service.runs(RunFilter(search, favourite=favourite))]


async def test_each_field_of_the_latest_note_counts_and_the_others_stay(
    runs: InMemoryRuns,
) -> None:
    run = (await runs.session(["sora"])).view.run
    before = await runs.service.show(run)
    assert before["noted"] == {"title": "", "text": "", "favourite": False}

    await note_run(runs.service.store, run, NoteChange(title="  One\n title ", favourite=True))
    await note_run(runs.service.store, run, NoteChange(text="for Ana"))
    after = await runs.service.show(run)

    assert after["noted"] == {"title": "One title", "text": "for Ana", "favourite": True}
    assert (after.run, after.seq, after.note_seq) == (run, before.seq, 2)
    [entry] = await runs.service.runs()
    assert (entry["title"], entry["favourite"]) == ("One title", True)
    await note_run(runs.service.store, run, NoteChange(title="", favourite=False))
    assert (await runs.service.runs())[0]["title"] == IDEA


async def test_a_run_is_noted_while_it_waits_and_while_it_is_executed(runs: InMemoryRuns) -> None:
    options = RunOptions(brief={"idea": IDEA}, groups=["sora"], review=True)
    session = await runs.service.start(options)
    await session.save()
    await asyncio.gather(
        session.advance(), note_run(runs.service.store, session.view.run, NoteChange(title="early"))
    )
    await note_run(runs.service.store, session.view.run, NoteChange(text="while it waits"))
    waiting = await runs.service.show(session.view.run)
    assert (waiting.status, waiting["noted"]["title"]) == ("waiting", "early")

    await session.answer("accept")
    await session.advance()

    document = await runs.service.show(session.view.run)
    assert (document.status, document["noted"]["text"]) == ("succeeded", "while it waits")


async def test_a_run_is_found_by_brief_group_model_prompt_title_and_note(
    runs: InMemoryRuns,
) -> None:
    run = (await runs.session(["leonardo"], mood="grim")).view.run
    other = (await runs.session(["midjourney"])).view.run
    await replace_prompt(runs.service, run, "LEONARDO_ANIME_XL_A", "1girl, Zürich, brass lantern")
    await note_run(
        runs.service.store, run, NoteChange(title="Reiher für Ana", text="鹭在黎明 مَالِك")
    )

    for search in (
        "grim",
        "leonardo",
        "Leonardo anime xl",
        "LEONARDO_ANIME_XL_A",
        "brass zurich",
        "reiher FÜR",
        "鹭",
        "黎明",
        "مالك",
        run,
    ):
        assert await _found(runs, search) == [run], search
    assert await _found(runs, "rain snow") == []
    assert await _found(runs, "groups.image_generation") == [], "the names of questions are no text"
    assert await _found(runs, "rain-streaked window") == [other, run]
    assert await _found(runs, "grim midjourney") == []
    assert await _found(runs, "nostalgic") == [other], "a default says nothing about one run"

    await note_run(runs.service.store, run, NoteChange(title="Kranich"))
    assert await _found(runs, "reiher") == []
    assert await _found(runs, "kranich") == [run]


async def test_favourites_are_listed_alone(runs: InMemoryRuns) -> None:
    first, second = [(await runs.session(["leonardo"])).view.run for _ in range(2)]
    await note_run(runs.service.store, first, NoteChange(favourite=True))
    await note_run(runs.service.store, second, NoteChange(favourite=False))
    assert await _found(runs, "", favourite=True) == [first]
    assert await _found(runs, "nothing of it", favourite=True) == []


@pytest.mark.parametrize(
    ("text", "alike"),
    [
        ("\uff26\uff55ll \uff57idth", "full width"),
        ("STRASSE", "straße"),
        ("café", "cafe\u0301"),
        ("شَمْس", "شمس"),
        ("ﬁlm", "film"),
        ("ΣΊΣΥΦΟΣ", "σισυφος"),
    ],
)
def test_case_accents_and_compatibility_forms_do_not_count(text: str, alike: str) -> None:
    assert normalized(text) == normalized(alike)


@pytest.mark.parametrize(("text", "other"), [("が", "か"), ("한", "하"), ("क़", "क")])
def test_marks_that_make_another_letter_count(text: str, other: str) -> None:
    assert normalized(text) != normalized(other)


async def test_a_rendered_image_is_kept_with_its_prompt_replaced_and_removed(
    runs: InMemoryRuns,
) -> None:
    run = (await runs.session(["sora"])).view.run
    first, second = read_image(png(8, 12)), read_image(png(16, 24))
    await note_run(runs.service.store, run, NoteChange(images={"SORA_2_A": first}))
    await note_run(runs.service.store, run, NoteChange(images={"SORA_2_A": second}))

    rendered = (await runs.service.show(run))["rendered"]
    assert rendered["SORA_2_A"] | {"size": 0} == {
        "media_type": "image/png",
        "width": 16,
        "height": 24,
        "size": 0,
        "file": f"{run}-SORA_2_A.png",
    }
    assert (await read_rendered(runs.service.store, run, "SORA_2_A")).base64 == second.base64
    await note_run(runs.service.store, run, NoteChange(images={"SORA_2_A": None}))
    with pytest.raises(UnknownNameError, match="rendered image"):
        await read_rendered(runs.service.store, run, "SORA_2_A")
    assert (await runs.service.show(run))["rendered"] == {}


async def test_what_cannot_be_noted_is_refused_with_a_reason(runs: InMemoryRuns) -> None:
    run = (await runs.session(["sora"])).view.run
    with pytest.raises(InputError, match="title has 201 characters"):
        await note_run(runs.service.store, run, NoteChange(title="x" * (MAX_TITLE + 1)))
    change = NoteChange(images={"MIDJOURNEY_A": read_image(png(8, 8))})
    with pytest.raises(UnknownNameError, match="MIDJOURNEY_A"):
        await note_run(runs.service.store, run, change)
    with pytest.raises(AnswerError, match="larger than 10 MB"):
        read_image(bytes(10_000_001), FOR_RUNS)
    assert (await runs.service.show(run)).note_seq == 0


async def test_a_run_like_another_has_its_scene_and_groups_and_says_more(
    runs: InMemoryRuns,
) -> None:
    image = read_image(png(8, 8))
    said = RunOptions(
        brief={"idea": IDEA, "mood": "grim"},
        groups=["sora/SORA_1_A", "motion_2_0"],
        still="SORA_1_A",
        image=image,
    )
    session = await runs.service.start(said)
    await session.advance()
    earlier = session.view.run

    options, workflow = await options_like(runs.service, earlier, RunOptions(), None)
    other, _ = await options_like(
        runs.service, earlier, RunOptions(brief={"mood": "bright"}, groups=["leonardo"]), None
    )

    assert (workflow, options.groups) == ("oms", ["sora/SORA_1_A", "motion_2_0"])
    assert options.brief == {"idea": IDEA, "mood": "grim", "picture": "SORA_1_A"}
    assert options.image == replace(image, base64="")
    assert isinstance(options.image, Image)
    assert options.image.base64 == image.base64
    assert (other.brief, other.groups) == ({"idea": IDEA, "mood": "bright"}, ["leonardo"])
    session = await runs.service.start(options, workflow)
    await session.advance()
    assert session.document()["models"] == (await runs.service.show(earlier))["models"]
