"""Resolves the two kinds of reference: `{"$ref": "path"}` to a file, `"$state.key"` to the state."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callsheet.errors import InputError, Problem
from callsheet.jsonc import MAX_DEPTH, NotJsonError, depth, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import JsonValue

    from callsheet.workflow.folder import WorkflowFolder

MAX_REFERENCES = 1_000
MAX_NESTING = 16

_LEVEL = re.compile(r"[.\[]")
_STATE = re.compile(r"\$state\.([A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)")
_INDEX = re.compile(r"\d{1,9}", re.ASCII)


@dataclass
class Inlined:
    """A file with its `$ref`s replaced, the problems found, and the file of each part."""

    value: JsonValue = None
    problems: list[Problem] = field(default_factory=list)
    origins: dict[str, str] = field(default_factory=dict)

    def place(self, path: str) -> tuple[str, str]:
        """File and JSON path inside it for a path of the whole."""
        best = max((o for o in self.origins if _inside(path, o)), key=len)
        return self.origins[best], "$" + path[len(best) :]


def inline(folder: WorkflowFolder, file: str) -> Inlined:
    """The JSON file with every `$ref` replaced by the file that it names, as far as possible."""
    result = Inlined(origins={"$": file})
    result.value = _load(folder, file, result, ("$", (file,)))
    return result


def _load(
    folder: WorkflowFolder, file: str, result: Inlined, place: tuple[str, tuple[str, ...]]
) -> JsonValue:
    text = folder.read(file)
    if not file.endswith((".json", ".jsonc")):
        return text.strip("\n")
    try:
        value = parse(text, file)
    except NotJsonError as error:
        result.problems.append(error.problem)
        return None
    # The limit of depth holds for all nested files together.
    if depth(value) + len(_LEVEL.findall(place[0])) > MAX_DEPTH:
        result.problems.append(
            Problem(file, "", f"with what refers to it nested deeper than {MAX_DEPTH} levels")
        )
        return None
    return _inline(value, folder, result, place)


def _inline(
    value: JsonValue, folder: WorkflowFolder, result: Inlined, place: tuple[str, tuple[str, ...]]
) -> JsonValue:
    path, trail = place
    if isinstance(value, list):
        return [
            _inline(item, folder, result, (f"{path}[{index}]", trail))
            for index, item in enumerate(value)
        ]
    if not isinstance(value, dict):
        return value
    reference = value.get("$ref")
    # `#/$defs/…` is a reference of JSON Schema.
    if isinstance(reference, str) and not reference.startswith("#"):
        return _follow(value, folder, result, place)
    return {
        key: _inline(item, folder, result, (f"{path}.{key}", trail)) for key, item in value.items()
    }


def _follow(
    value: dict[str, JsonValue],
    folder: WorkflowFolder,
    result: Inlined,
    place: tuple[str, tuple[str, ...]],
) -> JsonValue:
    (path, trail), target = place, str(value["$ref"])
    file, inner = result.place(path)
    wrong = ""
    if len(value) > 1:
        wrong = "an object with `$ref` holds nothing else"
    elif target in trail:
        wrong = f"`$ref` goes in a circle: {' -> '.join((*trail, target))}"
    elif len(trail) >= MAX_NESTING or len(result.origins) >= MAX_REFERENCES:
        wrong = f"more than {MAX_NESTING} nested or {MAX_REFERENCES} references in all"
    if wrong:
        result.problems.append(Problem(file, inner, wrong))
        return None
    try:
        folder.read(target)
    except InputError as error:
        result.problems.append(Problem(file, inner, f"`$ref`: {error.message}", error.hint))
        return None
    result.origins[path] = target
    return _load(folder, target, result, (path, (*trail, target)))


def state_keys(value: JsonValue) -> Iterator[str]:
    """The first name of every `$state` reference inside a value."""
    if isinstance(value, str):
        if found := _STATE.fullmatch(value):
            yield found[1].split(".")[0]
    elif isinstance(value, list):
        for item in value:
            yield from state_keys(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from state_keys(item)


def reads_state(value: JsonValue) -> bool:
    """Whether a value holds a `$state` reference."""
    return any(True for _ in state_keys(value))


def resolve(value: JsonValue, state: Mapping[str, JsonValue], missing: list[str]) -> JsonValue:
    """The value with its `$state` references read; one that does not exist is null, and listed."""
    if isinstance(value, str):
        found = _STATE.fullmatch(value) if value.startswith("$") else None
        return _look_up(found[1], state, missing) if found else value
    if isinstance(value, list):
        return [resolve(item, state, missing) for item in value]
    if isinstance(value, dict):
        return {key: resolve(item, state, missing) for key, item in value.items()}
    return value


def _look_up(path: str, state: Mapping[str, JsonValue], missing: list[str]) -> JsonValue:
    node: JsonValue = dict(state)
    for name in path.split("."):
        if isinstance(node, dict) and name in node:
            node = node[name]
        elif isinstance(node, list) and _INDEX.fullmatch(name) and int(name) < len(node):
            node = node[int(name)]
        else:
            missing.append(f"$state.{path}")
            return None
    return node


def _inside(path: str, prefix: str) -> bool:
    return path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("", ".", "[")
