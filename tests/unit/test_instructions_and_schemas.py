"""Instructions are joined, and the schemas of the chosen groups become the one that is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import JsonValue

from callsheet.catalog.instructions import (
    find_wrong_marks,
    instructions_for_models,
    instructions_path,
    join_instructions,
)
from callsheet.catalog.rules import find_errors, leaves
from callsheet.catalog.schemas import (
    clashes,
    invalid,
    merge_schemas,
    models_in,
    read_schema,
    schema_path,
    schema_text,
    unlike,
    wrong_shape,
)
from callsheet.errors import WorkflowError
from tests.support.reply_schemas import schema_of

TEXT: dict[str, JsonValue] = {"type": "string"}


def refusal(**files: Any) -> list[str]:
    with pytest.raises(WorkflowError) as caught:
        merge_schemas({f"{name}.json": schema for name, schema in files.items()})
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("shared", "groups", "joined"),
    [
        ("shared", ["one", "two"], "shared\n\none\n\ntwo"),
        ("\n shared \n\n", ["one\n", "\n\ntwo\n"], "shared\n\none\n\ntwo"),
        ("", ["one", "", " \n"], "one"),
        ("shared", [], "shared"),
        ("a\n\n\nb", ["c"], "a\n\n\nb\n\nc"),
    ],
)
def test_instructions_are_joined_with_one_blank_line(
    shared: str, groups: list[str], joined: str
) -> None:
    assert join_instructions(shared, groups) == joined


@pytest.mark.parametrize(
    ("shared", "path"),
    [
        ("prompts/stills/_shared.txt", "prompts/stills/ink_instructions.txt"),
        ("_shared.txt", "ink_instructions.txt"),
    ],
)
def test_a_groups_instructions_stand_beside_the_shared_ones(shared: str, path: str) -> None:
    assert instructions_path(shared, "ink") == path


def test_the_schema_of_a_group_is_in_the_folder_of_its_category() -> None:
    assert schema_path("stills", "ink") == "schemas/stills/ink_schema.json"


def test_schemas_are_merged_in_the_order_of_their_files() -> None:
    long = {"type": "string", "maxLength": 5}

    merged = merge_schemas({"b.json": schema_of(B2=TEXT, B1=long), "a.json": schema_of(A=TEXT)})

    assert json.dumps(merged) == json.dumps(schema_of(B2=TEXT, B1=long, A=TEXT))


HERON = "a heron stands in the reeds"


def test_without_schemas_the_merged_schema_is_empty() -> None:
    assert merge_schemas({}) == schema_of()
    assert leaves(merge_schemas({})) == []


def test_nested_objects_and_definitions_survive() -> None:
    shot = {"type": "object", "properties": {"x": {"$ref": "#/$defs/Line"}}, "required": ["x"]}
    definitions = {"Line": {"type": "string", "maxLength": 3}}

    merged = merge_schemas({"a.json": schema_of(definitions, A=shot), "b.json": schema_of(B=TEXT)})

    assert models_in(merged) == {"A": shot, "B": TEXT}
    assert merged["$defs"] == definitions
    assert [f.rule for f in find_errors({"prompts": {"A": {"x": "long"}, "B": HERON}}, merged)] == [
        "maxLength"
    ]


def test_the_same_definition_in_two_files_is_kept_once() -> None:
    one = schema_of({"T": TEXT}, A={"$ref": "#/$defs/T"})
    two = schema_of({"T": TEXT}, B={"$ref": "#/$defs/T"})

    assert merge_schemas({"one.json": one, "two.json": two})["$defs"] == {"T": TEXT}


def test_a_definition_with_a_conflicting_name_is_renamed_with_its_references() -> None:
    short = {"type": "string", "maxLength": 20}
    one = schema_of({"T": TEXT}, A={"$ref": "#/$defs/T"})
    two = schema_of(
        {"T": short, "U": {"properties": {"x": {"$ref": "#/$defs/T"}}}},
        B={"$ref": "#/$defs/T"},
        C={"anyOf": [{"$ref": "#/$defs/U/properties/x"}]},
        D={"$ref": "#/$defs/U"},
    )

    merged = merge_schemas({"x/one.json": one, "y/two.json": two})
    reply = {"A": HERON, "B": HERON, "C": HERON, "D": {"x": HERON}}

    assert merged["$defs"]["T"] == TEXT  # type: ignore[index,call-overload]
    assert {".".join(f.path) for f in find_errors({"prompts": reply}, merged)} == {
        "prompts.B",
        "prompts.C",
        "prompts.D.x",
    }


def test_a_definition_that_looks_the_same_but_refers_to_another_is_not_shared() -> None:
    def file(limit: int, model: str) -> dict[str, JsonValue]:
        definitions = {
            "Outer": {"$ref": "#/$defs/Inner"},
            "Inner": {"type": "string", "maxLength": limit},
        }
        return schema_of(definitions, **{model: {"$ref": "#/$defs/Outer"}})

    merged = merge_schemas({"a.json": file(2, "A"), "b.json": file(9, "B")})

    found = find_errors({"prompts": {"A": "four", "B": "four"}}, merged)
    assert [finding.path for finding in found] == [("prompts", "A")]


def test_definitions_of_files_of_one_name_stay_apart() -> None:
    files = {
        f"{folder}/s.json": schema_of(
            {"T": {"type": "string", "maxLength": limit}}, **{folder: {"$ref": "#/$defs/T"}}
        )
        for folder, limit in (("one", 1), ("two", 2), ("three", 3))
    }

    merged = merge_schemas(files)

    found = find_errors({"prompts": {"one": "xx", "two": "xx", "three": "xx"}}, merged)
    assert [finding.path[1] for finding in found] == ["one"]


def test_one_and_true_are_two_definitions() -> None:
    one = schema_of({"T": {"const": 1}}, A={"$ref": "#/$defs/T"})
    two = schema_of({"T": {"const": True}}, B={"$ref": "#/$defs/T"})

    merged = merge_schemas({"one.json": one, "two.json": two})

    assert find_errors({"prompts": {"A": 1, "B": True}}, merged) == []
    assert len(find_errors({"prompts": {"A": True, "B": 1}}, merged)) == 2


def test_a_model_in_two_groups_is_rejected_with_both_files() -> None:
    (result,) = refusal(one=schema_of(A=TEXT, B=TEXT), two=schema_of(B=TEXT, C=TEXT))

    assert result == (
        "two.json at $.properties.prompts.properties.B: the model `B` is defined in one.json too"
        " (a model has exactly one group)"
    )


def test_conflicts_are_reported_without_merging() -> None:
    files = {"one.json": schema_of(A=TEXT), "two.json": schema_of(A=TEXT)}

    assert [problem.file for problem in clashes(files)] == ["two.json"]
    assert clashes({"one.json": schema_of(A=TEXT)}) == []


@pytest.mark.parametrize(
    ("schema", "result"),
    [
        ([], "$.properties: must be the object `prompts` alone"),
        ({}, "$.properties: must be the object `prompts` alone"),
        ({"properties": []}, "$.properties: must be the object `prompts` alone"),
        ({"properties": {"images": {}}}, "$.properties: must be the object `prompts` alone"),
        (
            {"properties": {"prompts": {}, "notes": {}}},
            "$.properties: must be the object `prompts` alone",
        ),
        ({"properties": {"prompts": {}}}, "$.properties.prompts: holds no models"),
        ({"properties": {"prompts": []}}, "$.properties.prompts: holds no models"),
        ({"properties": {"prompts": {"properties": {}}}}, "$.properties.prompts: holds no models"),
        ({"properties": {"prompts": {"properties": {"A": 1}}}}, "prompts: holds no models"),
        (
            {"properties": {"prompts": {"properties": {"A": {}}}}},
            "$.properties.prompts.required: must list exactly the models",
        ),
        (
            {"properties": {"prompts": {"properties": {"A": {}}, "required": ["A", "B"]}}},
            "$.properties.prompts.required: must list exactly the models",
        ),
        (schema_of(A={"type": "strin"}), "$.properties.prompts.properties.A.type: not a valid JSON"),
        (schema_of(A={"pattern": "("}), "$.properties.prompts.properties.A.pattern: not a valid"),
        (schema_of(A={"maxLength": "5"}), "A.maxLength: not a valid JSON Schema"),
        (schema_of(A={"$ref": "#/$defs/T"}), "`$ref` to '#/$defs/T' leads nowhere"),
        (schema_of({"T": {}}, A={"$ref": "#/$defs/T/x"}), "leads nowhere"),
        (schema_of(A={"anyOf": [{"$ref": "http://127.0.0.1/x"}]}), "leads nowhere"),
        (schema_of(A={"$ref": "file:///etc/hostname"}), "leads nowhere"),
        (schema_of(A={"$dynamicRef": "other.json#x"}), "leads nowhere"),
        (schema_of(A={"$ref": "#/properties/prompts"}), "leads nowhere"),
        (schema_of({"a": {"$ref": "#/$defs/a"}}, A={"$ref": "#/$defs/a"}), "leads back to itself"),
        (
            schema_of(
                {"a": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/b"}]}, "b": {"$ref": "#/$defs/a"}},
                A={"$ref": "#/$defs/a"},
            ),
            "leads back to itself",
        ),
        (
            schema_of(A={"patternProperties": {"a": {}}, "unevaluatedProperties": False}),
            "not supported beside `patternProperties`",
        ),
    ],
    ids=lambda value: json.dumps(value)[:60],
)  # fmt: skip
def test_a_file_of_another_structure_is_rejected_with_its_name_and_location(
    schema: Any, result: str
) -> None:
    (report,) = refusal(fine=schema_of(F=TEXT), wrong=schema)

    assert report.startswith("wrong.json")
    assert result in report
    assert wrong_shape(schema, "wrong.json") is not None


def test_every_invalid_file_is_reported_at_once() -> None:
    assert len(refusal(one={}, two=schema_of(A=TEXT), four=5)) == 2
    assert len(refusal(one=schema_of(A=TEXT, B=TEXT), two=schema_of(B=TEXT, A=TEXT))) == 2


def test_a_schema_may_refer_to_itself_where_it_is_not_merged() -> None:
    own: dict[str, JsonValue] = {"properties": {"a": TEXT, "b": {"$ref": "#/properties/a"}}}

    assert invalid(own, "own.json") is None
    assert invalid(own | {"$ref": "#/gone"}, "own.json") is not None


def test_a_schema_file_that_is_not_json_is_reported_by_name() -> None:
    assert read_schema('{"a": 1} // a comment', "a.json") == {"a": 1}
    with pytest.raises(WorkflowError, match=r"a\.json: line 1, column 2: not JSON"):
        read_schema("{", "a.json")


def test_config_and_schema_must_name_the_same_models() -> None:
    schema = schema_of(A=TEXT, B=TEXT)

    assert unlike(["B", "A"], schema, "a.json", "ink") is None
    problem = unlike(["A", "C"], schema, "a.json", "ink")
    assert problem is not None
    assert problem.message == "has the models A, B; the config's group `ink` has A, C"


def test_a_schema_is_sent_as_compact_json_with_its_letters() -> None:
    assert schema_text({"a": ["é", 1]}) == '{"a":["é",1]}'


MARKED = """# Ink

For all.

## INK_A
Part of A.

## Colour
Belongs to A.

## INK_B, INK_C
Part of B and C.
## INK_B
More of B.
"""


@pytest.mark.parametrize(
    ("only", "text"),
    [
        (["INK_A"], "# Ink\n\nFor all.\n\n## INK_A\nPart of A.\n\n## Colour\nBelongs to A."),
        (
            ["INK_B"],
            "# Ink\n\nFor all.\n\n## INK_B, INK_C\nPart of B and C.\n\n## INK_B\nMore of B.",
        ),
        (["INK_C"], "# Ink\n\nFor all.\n\n## INK_B, INK_C\nPart of B and C."),
        (["INK_A", "INK_B", "INK_C"], MARKED),
    ],
)
def test_a_marked_part_goes_with_its_models_alone(only: list[str], text: str) -> None:
    assert instructions_for_models(MARKED, ["INK_A", "INK_B", "INK_C"], only) == text


def test_instructions_without_marks_go_whole() -> None:
    text = "# Ink\n## Form\nOne line.\n### INK_A\n##INK_B\n"
    assert instructions_for_models(text, ["INK_A", "INK_B"], ["INK_A"]) == text


def test_a_misspelt_mark_is_found_only_where_marks_are_used() -> None:
    models = ["INK_A", "INK_B"]
    assert [*find_wrong_marks("## INK_A\n\n## INK_BB\n## Form", models)] == [
        (3, "marks a part for `INK_BB`; is `INK_B` meant?")
    ]
    assert [*find_wrong_marks("## INK_BB", models)] == []
