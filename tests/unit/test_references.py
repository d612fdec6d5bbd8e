"""`{"$ref": "path"}` puts a file in, `"$state.key"` reads the state, and all else is left alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from callsheet.errors import InputError, WorkflowError
from callsheet.jsonc import MAX_DEPTH
from callsheet.workflow.definition import read_definition
from callsheet.workflow.folder import WorkflowFolder, folder_in_memory
from callsheet.workflow.references import (
    MAX_NESTING,
    MAX_REFERENCES,
    Inlined,
    inline,
    reads_state,
    resolve,
    state_keys,
)


def folder(**files: Any) -> WorkflowFolder:
    """A folder with these files: `a` is `a.json`, `t_txt` is `t.txt`; values become JSON."""
    texts = {}
    for name, content in files.items():
        stem, _, ending = name.rpartition("_")
        path = f"{stem}.txt" if ending == "txt" else f"{name}.json"
        texts[path] = content if isinstance(content, str) else json.dumps(content)
    return folder_in_memory("test", texts)


def read(**files: Any) -> Inlined:
    return inline(folder(**files), "main.json")


def problems_of(inlined: Inlined) -> list[str]:
    return [str(problem) for problem in inlined.problems]


@pytest.mark.parametrize(
    ("main", "value"),
    [
        ({"$ref": "part.json"}, {"one": 1}),
        ({"a": {"$ref": "part.json"}}, {"a": {"one": 1}}),
        ([1, {"$ref": "part.json"}], [1, {"one": 1}]),
        ({"a": [{"b": {"$ref": "note.txt"}}]}, {"a": [{"b": "two\nlines"}]}),
        ({"a": {"$ref": "outer.json"}}, {"a": {"inner": {"one": 1}}}),
        ([{"$ref": "part.json"}, {"$ref": "part.json"}], [{"one": 1}, {"one": 1}]),
        ({"a": {"$ref": "#/$defs/x"}}, {"a": {"$ref": "#/$defs/x"}}),
        ({"a": {"$ref": "#/$defs/x", "title": "t"}}, {"a": {"$ref": "#/$defs/x", "title": "t"}}),
        ({"a": {"$ref": 5}}, {"a": {"$ref": 5}}),
        ({"a": "$ref"}, {"a": "$ref"}),
        ('"text"', "text"),
    ],
)
def test_a_reference_is_replaced_by_the_content_of_its_file(main: Any, value: Any) -> None:
    files = {
        "part": {"one": 1},
        "outer": {"inner": {"$ref": "part.json"}},
        "note_txt": "\ntwo\nlines\n\n",
    }

    inlined = read(main=main, **files)

    assert inlined.problems == []
    assert inlined.value == value


def test_a_text_file_is_put_in_as_text_even_if_it_looks_like_a_reference() -> None:
    assert read(main={"$ref": "t.txt"}, t_txt='{"$ref": "x.json"}').value == '{"$ref": "x.json"}'


@pytest.mark.parametrize(
    ("files", "result"),
    [
        (
            {"main": {"a": {"$ref": "gone.json"}}},
            "main.json at $.a: `$ref`: 'gone.json' is not a readable file",
        ),
        (
            {"main": {"a": {"$ref": "part.json", "b": 1}}, "part": {}},
            "main.json at $.a: an object with `$ref` holds nothing else",
        ),
        (
            {"main": {"a": {"$ref": "main.json"}}},
            "main.json at $.a: `$ref` goes in a circle: main.json -> main.json",
        ),
        (
            {"main": [{"$ref": "b.json"}], "b": {"c": {"$ref": "main.json"}}},
            "b.json at $.c: `$ref` goes in a circle: main.json -> b.json -> main.json",
        ),
        ({"main": {"a": {"$ref": "bad.json"}}, "bad": "{"}, "bad.json: line 1, column 2: not JSON"),
        ({"main": "nothing"}, "main.json: line 1, column 1: not JSON"),
    ],
)
def test_a_reference_that_cannot_be_resolved_is_reported_with_its_location(
    files: dict[str, Any], result: str
) -> None:
    (problem,) = problems_of(read(**files))

    assert problem.startswith(result)


def test_every_invalid_reference_is_reported_and_the_rest_is_read() -> None:
    inlined = read(main=[{"$ref": "x.json"}, {"$ref": "ok.json"}, {"$ref": "y.json"}], ok={"a": 1})

    assert [problem.path for problem in inlined.problems] == ["$[0]", "$[2]"]
    assert inlined.value == [None, {"a": 1}, None]


def test_a_workflow_that_is_not_there_is_an_error() -> None:
    with pytest.raises(InputError, match=r"'main\.json' is not a readable file"):
        inline(folder(), "main.json")


def chain(length: int) -> Mapping[str, Any]:
    files: dict[str, Any] = {f"f{n}": {"$ref": f"f{n + 1}.json"} for n in range(length)}
    return {"main": {"$ref": "f0.json"}, f"f{length}": "[]", **files}


def test_references_nest_only_so_far() -> None:
    assert read(**chain(MAX_NESTING - 2)).problems == []

    (problem,) = problems_of(read(**chain(MAX_NESTING - 1)))
    assert f"more than {MAX_NESTING} nested" in problem


def test_there_are_only_so_many_references() -> None:
    problems = problems_of(read(main=[{"$ref": "a.json"}] * (MAX_REFERENCES + 1), a=1))

    assert len(problems) == 2
    assert f"{MAX_REFERENCES} references in all" in problems[0]


def test_deep_files_put_into_each_other_are_bounded_as_one() -> None:
    half = MAX_DEPTH // 2 + 1
    deep = '{"a":' * half + '{"$ref": "part.json"}' + "}" * half

    (problem,) = problems_of(read(main=deep, part="[" * half + "]" * half))

    assert problem.startswith("part.json: with what refers to it nested deeper than 64 levels")


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("$", ("main.json", "$")),
        ("$.name", ("main.json", "$.name")),
        ("$.steps[0]", ("step.json", "$")),
        ("$.steps[0].modules[1].x", ("step.json", "$.modules[1].x")),
        ("$.steps[0].modules[0]", ("module.json", "$")),
        ("$.steps[0].modules[0].inputs", ("module.json", "$.inputs")),
        ("$.steps[0].modules[01]", ("step.json", "$.modules[01]")),
        ("$.steps[1]", ("main.json", "$.steps[1]")),
        ("$.steps[10]", ("main.json", "$.steps[10]")),
    ],
)
def test_a_path_in_the_workflow_is_reported_as_a_file_and_a_path_in_it(
    path: str, place: tuple[str, str]
) -> None:
    inlined = read(
        main={"steps": [{"$ref": "step.json"}, {}]},
        step={"modules": [{"$ref": "module.json"}, {}]},
        module={"inputs": 1},
    )

    assert inlined.place(path) == place


def test_the_problems_of_a_workflow_are_reported_in_their_files() -> None:
    files = folder(
        main={
            "workflow_id": "mine",
            "name": "Mine",
            "steps": [{"$ref": "one.json"}, {"$ref": "two.json"}],
        },
        one={"step_id": "a", "modules": [{"module_id": 5}], "colour": "red"},
        two={"step_id": "b", "modules": []},
    )

    with pytest.raises(WorkflowError) as caught:
        read_definition(files, "main.json")

    places = [(problem.file, problem.path) for problem in caught.value.problems]
    assert places == [
        ("one.json", "$.modules[0].module_id"),
        ("one.json", "$.colour"),
        ("two.json", "$.modules"),
    ]


def test_a_duplicate_step_name_is_rejected_at_the_second_step() -> None:
    step = {"step_id": "a", "modules": [{"module_id": "x.y"}]}
    main = {"workflow_id": "m", "name": "M", "steps": [step, {"$ref": "again.json"}]}

    with pytest.raises(WorkflowError, match=r"again\.json at \$\.step_id: a second step"):
        read_definition(folder(main=main, again=step), "main.json")


def test_a_definition_reports_the_location_of_a_problem_and_finds_its_steps() -> None:
    step = {"step_id": "a", "modules": [{"module_id": "x.y"}]}
    main = {"workflow_id": "m", "name": "M", "steps": [{"$ref": "one.json"}]}

    document = read_definition(folder(main=main, one=step), "main.json")

    assert str(document.problem("$.steps[0].name", "no", "yes")) == "one.json at $.name: no (yes)"
    assert document.workflow.step("a").modules[0].module_id == "x.y"
    with pytest.raises(KeyError):
        document.workflow.position("b")


def test_an_invalid_reference_is_reported_before_the_structure_without_it() -> None:
    main = {"workflow_id": "m", "name": "M", "steps": [{"$ref": "gone.json"}]}

    with pytest.raises(WorkflowError, match=r"main\.json at \$\.steps\[0\]: `\$ref`"):
        read_definition(folder(main=main), "main.json")
    with pytest.raises(WorkflowError, match=r"\$\.results\.brief: `\$ref`"):
        read_definition(
            folder(
                main={
                    "workflow_id": "m",
                    "name": "M",
                    "steps": [{"step_id": "a", "modules": [{"module_id": "x.y"}]}],
                    "results": {"brief": {"$ref": "gone.json"}},
                }
            ),
            "main.json",
        )


STATE: dict[str, JsonValue] = {
    "idea": "a heron",
    "brief": {"mood": "calm", "deep": {"er": [10, {"x": "y"}]}, "0": "zero"},
    "list": ["first", "second"],
    "nothing": None,
    "a-b_1": 5,
}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("$state.idea", "a heron"),
        ("$state.brief", STATE["brief"]),
        ("$state.brief.mood", "calm"),
        ("$state.brief.deep.er.0", 10),
        ("$state.brief.deep.er.1.x", "y"),
        ("$state.brief.0", "zero"),
        ("$state.list.1", "second"),
        ("$state.nothing", None),
        ("$state.a-b_1", 5),
        (["$state.idea", "and", "$state.list.0"], ["a heron", "and", "first"]),
        ({"a": {"b": ["$state.brief.mood"]}}, {"a": {"b": ["calm"]}}),
        ({"$state.idea": "a key is no reference"}, {"$state.idea": "a key is no reference"}),
        (5, 5),
        (None, None),
        (True, True),
    ],
    ids=str,
)
def test_a_state_reference_is_resolved_at_any_depth(written: JsonValue, value: JsonValue) -> None:
    missing: list[str] = []

    assert resolve(written, STATE, missing) == value
    assert missing == []


@pytest.mark.parametrize(
    "path",
    ["gone", "idea.x", "idea.0", "brief.gone", "list.2", "list.-1", "list.x", "nothing.x", "list.01x",
     "list." + "9" * 5_000, "brief.deep.er.1.x.y"],
    ids=lambda path: path[:20],
)  # fmt: skip
def test_what_does_not_exist_is_null_and_listed(path: str) -> None:
    missing: list[str] = []

    assert resolve({"a": [f"$state.{path}", 1]}, STATE, missing) == {"a": [None, 1]}
    assert missing == [f"$state.{path}"]


@pytest.mark.parametrize(
    "literal",
    ["$state", "$state.", "$state..idea", "$state.idea.", "$state.idea and more", " $state.idea",
     "$state.idea\n", "$State.idea", "$$state.idea", "{{ $state.idea }}", "state.idea", "$state.é",
     "$state.idea ", "$state[idea]", "$ref"],
)  # fmt: skip
def test_a_text_that_only_looks_like_a_reference_stays_as_it_is(literal: str) -> None:
    missing: list[str] = []

    assert resolve([literal], STATE, missing) == [literal]
    assert missing == []
    assert not reads_state(literal)


def test_the_references_of_a_value_are_listed_without_resolving_them() -> None:
    value: JsonValue = {
        "a": ["$state.one.x", "$state.two"],
        "b": "$state.one",
        "c": "three",
        "d": 4,
    }

    assert list(state_keys(value)) == ["one", "two", "one"]
    assert reads_state(value)
    assert not reads_state({"c": "three"})


plain = st.text(max_size=8).filter(lambda text: not text.startswith("$state."))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(plain, inner, max_size=4),
    max_leaves=12,
)


@given(value=json_values)
def test_a_value_without_references_is_unchanged(value: JsonValue) -> None:
    missing: list[str] = []

    assert resolve(value, {"a": 1}, missing) == value
    assert missing == []
    assert not reads_state(value)


@given(value=json_values, state=st.dictionaries(st.sampled_from("abc"), json_values))
def test_a_value_read_from_the_state_is_never_read_again(
    value: JsonValue, state: dict[str, JsonValue]
) -> None:
    state["b"] = "$state.a"

    assert resolve(["$state.b", value], state, []) == ["$state.a", value]


names = st.from_regex(r"[A-Za-z0-9_-]{1,4}", fullmatch=True)


@given(
    state=st.dictionaries(
        names, st.dictionaries(names, json_values, max_size=2), min_size=1, max_size=2
    ),
    data=st.data(),
)
def test_every_value_of_the_state_is_found_under_its_path(
    state: dict[str, dict[str, JsonValue]], data: st.DataObject
) -> None:
    key = data.draw(st.sampled_from(sorted(state)))
    for name, value in state[key].items():
        missing: list[str] = []
        assert resolve(f"$state.{key}.{name}", dict(state), missing) == value
        assert missing == []


documents = st.recursive(
    st.integers() | plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner),
    max_leaves=8,
)


@given(main=documents, part=documents)
def test_a_file_put_in_equals_the_same_text_written_out(main: JsonValue, part: JsonValue) -> None:
    whole = [main, {"x": part}, part]
    parted = [{"$ref": "m.json"}, {"x": {"$ref": "p.json"}}, {"$ref": "p.json"}]

    inlined = read(main=json.dumps(parted), m=json.dumps(main), p=json.dumps(part))

    assert inlined.value == whole
    assert inlined.problems == []
