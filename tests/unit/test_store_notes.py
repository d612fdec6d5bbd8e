"""Notes and searches in every place that keeps runs: notes need no lease, images end with them."""

from __future__ import annotations

import pytest

from callsheet.errors import StorageError
from callsheet.events import CallReplied, Event, PromptEdited, RunNoted
from callsheet.store.port import Lease, NoSuchRunError
from callsheet.store.texts import wanted_words
from callsheet.workflow.folder import content_hash
from tests.unit.test_store import RunBackend, kept, noted, notes
from tests.unit.test_store import place as place  # noqa: PLC0414  # a fixture


async def test_a_note_disturbs_nobody_and_stands_beside_the_events(place: RunBackend) -> None:
    lease = await place.begin("a-run", "one", owner="me")
    image = {"hash": content_hash("first image")}

    await place.store.note("a-run", RunNoted(title="a title"), {})
    await place.store.note("a-run", RunNoted(images={"M": image}), kept("first image"))
    written = await place.store.append(lease, 1, notes("two"), {})

    assert noted(written) == [(2, "two")]
    assert noted(await place.store.events("a-run")) == [(1, "one"), (2, "two")]
    assert [(n.title, n.images) for n in await place.store.notes("a-run")] == [
        ("a title", {}),
        (None, {"M": image}),
    ]
    row = await place.store.run("a-run")
    assert (row.seq, row.note_seq, row.owner) == (2, 2, "me")
    with pytest.raises(NoSuchRunError):
        await place.store.note("another", RunNoted(title="a title"), {})

    await place.store.delete("a-run")
    await place.begin("a-run")
    assert await place.store.notes("a-run") == []


async def test_a_replaced_image_is_deleted_unless_something_else_names_it(
    place: RunBackend,
) -> None:
    await place.begin("a-run", f"asked with {content_hash('asked')}")
    image = {text: {"hash": content_hash(text)} for text in ("old", "new", "asked")}
    for text in ("old", "new"):
        await place.store.note("a-run", RunNoted(images={"M": image[text]}), kept(text))
    with pytest.raises(StorageError):
        await place.store.file(content_hash("old"))
    assert await place.store.file(content_hash("new")) == "new"

    await place.store.note("a-run", RunNoted(images={"M": image["asked"]}), kept("asked"))
    await place.store.note("a-run", RunNoted(images={"N": image["asked"], "M": None}), {})
    await place.store.note("a-run", RunNoted(images={"N": None}), {})
    assert await place.store.file(content_hash("asked")) == "asked"


async def test_words_find_the_runs_that_hold_them_until_a_run_is_deleted(
    place: RunBackend,
) -> None:
    def edited(text: str) -> Event:
        return PromptEdited(step="s", module=0, prompt="SORA_2_A", text=text, values={})

    lease = await place.begin("one.1")
    deep = CallReplied.model_construct(text='{"a":' * 5_000, kind="call_replied")
    await place.store.append(lease, 1, [edited("Zürich 100%_\0\ud800 黎明"), deep], {})
    await place.store.append(lease, 3, [edited("a brass kettle")], {})
    await place.begin("two.1")
    await place.store.append(Lease("two.1", "me", 1), 1, [edited("100 kettles")], {})

    for search in ("ZURICH", "黎", "100%", "sora 2 a", "brass"):
        for word in wanted_words(search):
            assert "one.1" in await place.store.runs_with(word), search
    assert await place.store.runs_with("kettle") == {"one.1", "two.1"}
    assert await place.store.runs_with("kettle", "two.") == {"two.1"}
    assert await place.store.runs_with("100%") == {"one.1"}, "no character is a wildcard"
    assert await place.store.runs_with("began") == set(), "what a run says of itself is no text"
    await place.store.delete("one.1")
    assert await place.store.runs_with("kettle") == {"two.1"}
