"""Facts are drawn from an idea, and a prompt is judged by them, without a call."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from callsheet.fidelity.facts import (
    NOT_ENGLISH,
    NOTHING_FOUND,
    Facts,
    draw_facts,
    draw_field_facts,
)
from callsheet.fidelity.judging import Verdict, judge
from callsheet.fidelity.vocabulary import vocabulary, wrong_vocabulary

BUS = "a red bus and exactly two dogs on the left of a blue door"


def _verdict(idea: str, text: str, extension: str = "") -> Verdict:
    return judge(draw_facts(idea, extension), text, extension)


def _errors(idea: str, text: str) -> list[str]:
    return [lost.fact.words for lost in _verdict(idea, text).lost if lost.certain]


def _nuances(idea: str, text: str) -> list[str]:
    return [lost.fact.words for lost in _verdict(idea, text).lost if not lost.certain]


def _facts(idea: str, *, required: bool | None = None) -> list[str]:
    found = draw_facts(idea).found
    return [each.words for each in found if required is None or each.required is required]


def test_an_idea_is_drawn_as_things_counts_colours_and_sides() -> None:
    assert _facts(BUS) == [
        "red bus", "bus", "two dogs", "dogs", "dog on the left of door", "blue door", "door",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("idea", "required"),
    [
        ("two chefs duel with whisks over a burning pot", ["two chefs", "chefs", "whisks", "pot"]),
        ("a man watches a girl who drinks juice", ["man", "girl", "juice"]),
        ("a bird building a nest", ["bird", "nest"]),
        ("a face like a map", []),
        ("a logo for a surf school", []),
        ("a boy of about eight with three kites", ["boy", "three kites", "kites"]),
        ("an astronaut without a helmet waters tomatoes", ["astronaut", "tomatoes"]),
        ("a coffee cup on a desk", ["coffee cup", "desk"]),
        ("the cat pans left over a garden", ["cat", "garden"]),
    ],
)
def test_only_what_is_certainly_a_thing_to_show_is_required(idea: str, required: list[str]) -> None:
    assert _facts(idea, required=True) == required


def test_the_heron_is_no_bus() -> None:
    verdict = _verdict(BUS, "a heron stands by a reed bank in thin fog over grey water")
    assert (verdict.kept, verdict.unusable) == (0, True)


@pytest.mark.parametrize(
    ("idea", "text"),
    [
        (BUS, "A crimson double-decker; a pair of terriers sit left of a navy door"),
        (BUS, "To the right of two dogs is a blue doorway, and a scarlet coach passes"),
        ("a boy with a torch", "a schoolboy holds up a flashlight"),
        ("a child under a table", "a girl of six hides beneath the desk"),
        ("two women on a roof", "one woman in white and another in black on a rooftop"),
        ("an old sailor mends a net", "a weathered seaman repairs his fishing mesh"),
        ("a drone shot of a delta", "aerial view, the mouth of a river from above"),
        ("six baskets on a bicycle", "a bike stacked with baskets, exactly six of them"),
        ("three kittens", "3 kittens, tabby, sitting in a row"),
        ("a girl and two cats", "1girl, solo, 2cats, sitting"),
    ],
)
def test_a_faithful_paraphrase_has_no_error(idea: str, text: str) -> None:
    assert _errors(idea, text) == []


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("A red bus and two dogs left of a blue car", ["door"]),
        ("A red bus and three dogs on the left of a blue door", ["two dogs"]),
        ("A red bus and dogs on the left of a blue door", ["two dogs"]),
        ("A red bus and two dogs on the right of a blue door", ["dog on the left of door"]),
        ("A blue door on the left of two dogs, and a red bus", ["dog on the left of door"]),
        ("A green bus and two dogs on the left of a blue door", ["red bus"]),
        ("A bus and two dogs on the left of a blue door", []),
    ],
)
def test_a_lost_thing_count_or_side_and_another_colour_are_errors(
    text: str, errors: list[str]
) -> None:
    assert _errors(BUS, text) == errors


def test_a_lost_adjective_or_style_is_a_nuance() -> None:
    idea = "a watercolour of an old lighthouse, a wooden boat and a gull, close-up"
    text = "a lighthouse, a boat and a gull"
    assert _errors(idea, text) == []
    assert _nuances(idea, text) == ["watercolour", "old lighthouse", "wooden boat", "close up"]


@pytest.mark.parametrize(
    ("field", "kept", "lost"),
    [
        ("hushed", "a silent pier in fog", "a brass band on a noisy pier"),
        ("icy cold", "frost on the railing", "a summer pier"),
        ("tense", "a taut rope, breath held", "a rope on a pier"),
        ("like the last day of summer", "late summer light", "a pier in fog"),
        ("photo", "35mm, film grain", "an ink drawing of a pier"),
        ("oil", "thick impasto brushwork", "a photograph of a pier"),
        ("ink on wet paper", "inked lines and pale washes", "a glossy photograph"),
        ("risograph print", "a silkscreen in two colours", "a photograph of a pier"),
    ],
)
def test_what_a_field_says_is_kept_by_any_of_its_words_or_a_synonym(
    field: str, kept: str, lost: str
) -> None:
    facts = Facts(draw_field_facts("mood", field))
    assert judge(facts, kept).lost == ()
    (found,) = judge(facts, lost).lost
    assert (found.message, found.certain) == (f"does not say mood: {field}", False)


@pytest.mark.parametrize("field", ["16:9", "xyzzy", "not too dark", "静かな", "no people", ""])
def test_a_field_that_cannot_be_judged_gives_no_fact(field: str) -> None:
    assert draw_field_facts("mood", field) == ()


def test_other_fields_make_no_prompt_usable_or_unusable() -> None:
    heron = "a quiet heron in fog"
    facts = Facts((*draw_facts(BUS).found, *draw_field_facts("mood", "quiet, tense")))
    assert judge(facts, heron).unusable
    two = Facts((*draw_facts("a door").found, *draw_field_facts("mood", "tense, cold")))
    assert not judge(two, heron).unusable


def test_lettering_must_be_readable_as_it_is_asked_for() -> None:
    idea = 'a shop window with a sign "OPEN TILL LATE"'
    assert _errors(idea, 'A shop window; the sign reads "Open till late".') == []
    assert _errors(idea, 'A shop window; the sign reads "Open late".') == ['"OPEN TILL LATE"']


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("a street at noon, deserted, long shadows", []),
        ("a street at noon, no people, no person in sight", []),
        ("a street at noon. Not a soul, as if the people had just left", []),
        ("a street at noon where a woman walks", ["no people"]),
    ],
)
def test_what_is_excluded_is_lost_when_it_is_affirmed(text: str, errors: list[str]) -> None:
    assert _errors("a street at noon, no people", text) == errors


@pytest.mark.parametrize(
    "idea", ["一只猫坐在窗边", "Ein Hund auf der Straße", "una mujer con un perro rojo", "кот"]
)
def test_an_idea_in_another_language_is_not_checked(idea: str) -> None:
    assert draw_facts(idea).reason == NOT_ENGLISH


def test_an_idea_without_a_known_word_is_not_checked() -> None:
    assert draw_facts("xyzzy").reason == NOTHING_FOUND


def test_a_foreign_name_leaves_an_idea_english() -> None:
    assert draw_facts("a cafe in Paris, Van Gogh style").reason is None


def test_a_workflow_adds_words_of_its_own() -> None:
    own = json.dumps({"kinds": {"vehicle": ["zorble/skimmer"]}, "colours": {"plum": ["damson"]}})
    assert _verdict("a plum zorble in a street", "a damson skimmer in a street", own).lost == ()
    assert _facts("a zorble in a street") == ["street"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{", "not JSON"),
        ("[]", "must be an object"),
        ('{"nouns": {}}', "unknown table `nouns`"),
        ('{"kinds": []}', "must be an object"),
        ('{"kinds": {"dog": "pup"}}', "must hold values such as"),
    ],
)
def test_a_vocabulary_of_another_form_is_refused(text: str, wrong: str) -> None:
    assert wrong in str(wrong_vocabulary(text))


def _terms() -> Iterator[str]:
    path = Path(sys.modules["callsheet.fidelity"].__path__[0]) / "english.json"
    for entries in json.loads(path.read_text("utf-8"))["kinds"].values():
        yield from (entry.split("/")[0] for entry in entries)


def test_every_thing_of_the_vocabulary_is_shown_by_its_own_name() -> None:
    words = vocabulary()
    for term in _terms():
        found = {match.term for match in words.matches(words.read(f"the {term} here"))}
        assert found & words.accepted(next(iter(sorted(found, key=len, reverse=True)))), term


def test_nothing_of_it_is_imported_where_no_idea_is_judged() -> None:
    code = (
        "import sys; from callsheet.authoring.lint import lint;"
        "lint('x', 'FLUX_2', 'studio');"
        "print([n for n in sys.modules if n.startswith(('callsheet.fidelity.', 'Stemmer'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_texts_that_were_judged_are_freed_without_a_search_for_cycles() -> None:
    facts = draw_facts(BUS)
    gc.collect()
    gc.disable()
    try:
        for number in range(1_100):
            judge(facts, f"bus number {number} beside a blue door")
        assert gc.collect() < 500, "a batch of thousands of rows would keep them all"
    finally:
        gc.enable()
