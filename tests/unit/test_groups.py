"""The model groups of a config: the built-in ones, a workflow's own, or both."""

from __future__ import annotations

import json
from typing import Any

import pytest

from callsheet.catalog.groups import Catalog, read_catalog
from callsheet.errors import UnknownNameError, WorkflowError


def group(*models: str, **more: Any) -> dict[str, Any]:
    return {"models": list(models), "label": "A label", "description": "What it is good for"} | more


def config(*, extends: bool | None = None, **categories: Any) -> str:
    fields = {} if extends is None else {"extends": extends}
    return json.dumps(fields | {"model_groups": categories})


BUILT_IN = config(
    stills={"ink": group("INK_A", "INK_B"), "oil": group("OIL")}, motion={"slow": group("slow")}
)


def names(catalog: Catalog) -> dict[str, list[str]]:
    return {category: list(groups) for category, groups in catalog.categories.items()}


def refusal(own: str) -> list[str]:
    with pytest.raises(WorkflowError) as caught:
        read_catalog(BUILT_IN, own, file="mine.json")
    return [str(problem) for problem in caught.value.problems]


def test_without_a_config_of_its_own_a_workflow_has_the_built_in_groups() -> None:
    catalog = read_catalog(BUILT_IN)

    assert names(catalog) == {"stills": ["ink", "oil"], "motion": ["slow"]}
    assert catalog.group("ink").models == ("INK_A", "INK_B")
    assert catalog.group("ink").category == "stills"


@pytest.mark.parametrize("extends", [None, False])
def test_a_config_of_its_own_replaces_the_built_in_groups(*, extends: bool | None) -> None:
    catalog = read_catalog(BUILT_IN, config(extends=extends, stills={"wash": group("WASH")}))

    assert names(catalog) == {"stills": ["wash"]}


def test_a_config_that_extends_adds_groups_and_categories_behind_the_built_in_ones() -> None:
    own = config(extends=True, stills={"wash": group("WASH")}, sound={"hum": group("HUM")})

    catalog = read_catalog(BUILT_IN, own)

    assert names(catalog) == {
        "stills": ["ink", "oil", "wash"],
        "motion": ["slow"],
        "sound": ["hum"],
    }
    assert list(catalog.categories["stills"]) == ["ink", "oil", "wash"]


def test_a_group_of_the_same_name_is_overridden_at_its_position() -> None:
    own = config(extends=True, stills={"ink": group("INK_A", label="Mine")})

    catalog = read_catalog(BUILT_IN, own)

    assert list(catalog.categories["stills"]) == ["ink", "oil"]
    assert catalog.group("ink").models == ("INK_A",)
    assert catalog.group("ink").label == "Mine"


@pytest.mark.parametrize(
    ("own", "result"),
    [
        (
            config(stills={"a": group("X"), "b": group("X")}),
            "mine.json at $.model_groups.stills.b.models: the model `X` already belongs to `a`",
        ),
        (
            config(stills={"a": group("X", "X")}),
            "mine.json at $.model_groups.stills.a.models: the model `X` already belongs to `a`",
        ),
        (
            config(stills={"a": group("X")}, motion={"a": group("Y")}),
            "mine.json at $.model_groups.motion.a: a group `a` stands in `stills` too",
        ),
        (
            config(extends=True, motion={"wash": group("OIL")}),
            "$.model_groups.motion.wash.models: the model `OIL` already belongs to `oil`",
        ),
        (
            config(extends=True, motion={"ink": group("OTHER")}),
            "$.model_groups.motion.ink: a group `ink` stands in `stills` too",
        ),
        ("{", "mine.json: line 1, column 2: not JSON"),
        ("[]", "mine.json at $: input should be a valid dictionary"),
        ("{}", "mine.json at $.model_groups: field required"),
        (config(stills={"a": group()}), "$.model_groups.stills.a.models: tuple should have"),
        (config(stills={"a": {}}), "$.model_groups.stills.a.models: field required"),
        (config(stills={"a": group("X", colour="red")}), "stills.a.colour: extra inputs"),
        (config(stills={"a": group("X Y")}), "$.model_groups.stills.a.models[0]: string should"),
        (config(stills={"a b": group("X")}), "string should match pattern"),
        (
            config(stills={"a": group("X", closed={"date": "2026-01-31"})}),
            "stills.a.closed: it closes without a successor",
        ),
        (config(stills={"a": group("X", checked="soon")}), "stills.a.checked: input should be a"),
        (
            config(stills={"a": group("X", sources=[{"date": "2026-01-31", "grade": "A"}])}),
            "stills.a.sources[0]: value error, a source has a `url`, a `name`, or both",
        ),
        (
            config(stills={"a": group("X", settings={"Y": ["size 1x1"]})}),
            "$.model_groups.stills.a.settings: the group has no model `Y`",
        ),
        (
            config(stills={"a": group("X", settings={"X": ["off", "{{ ratio"]})}),
            "$.model_groups.stills.a.settings.X[1]: the line cannot be filled",
        ),
    ],
    ids=lambda value: value[-60:],
)
def test_a_problem_of_a_config_is_reported_with_its_location(own: str, result: str) -> None:
    assert result in refusal(own)[0]


def test_every_problem_of_a_config_is_reported_at_once() -> None:
    own = config(a={"g": group("X"), "h": group("X")}, b={"g": group("Y")})

    assert len(refusal(own)) == 2
    assert len(refusal(config(a={"g": {"models": ["X"]}}))) == 2


def test_a_config_may_hold_comments_and_closed_services() -> None:
    closed = {"date": "2026-01-31", "successor": "charcoal"}
    own = f"// ours\n{config(stills={'a': group('X', closed=closed, default='')})}"

    found = read_catalog(BUILT_IN, own).group("a").closed

    assert found is not None
    assert found.words("Ink", found.date) == "Ink closed on 2026-01-31; successor: charcoal"


def test_unknown_names_list_the_known_ones_nearest_first() -> None:
    catalog = read_catalog(BUILT_IN)

    for ask, hint in (
        (lambda: catalog.category("motoin"), "known: motion, stills"),
        (lambda: catalog.group("oli"), "known: oil, ink, slow"),
        (lambda: catalog.group_of("INK_C"), "known: INK_A"),
    ):
        with pytest.raises(UnknownNameError) as caught:
            ask()
        assert caught.value.hint.startswith(hint) or "INK" in caught.value.hint


def test_a_model_has_one_group() -> None:
    assert read_catalog(BUILT_IN).group_of("INK_B").name == "ink"


def test_names_are_put_in_the_configs_order_once_each_with_strangers_at_the_end() -> None:
    catalog = read_catalog(BUILT_IN)

    assert catalog.in_order(["slow", "x", "oil", "ink", "oil", "a"]) == [
        "ink",
        "oil",
        "slow",
        "x",
        "a",
    ]
    assert catalog.in_order([]) == []


@pytest.mark.parametrize(
    ("names", "groups", "models", "shortest"),
    [
        (["oil", "ink"], ["ink", "oil"], ["INK_A", "INK_B", "OIL"], ["ink", "oil"]),
        (["ink/INK_B"], ["ink"], ["INK_B"], ["ink/INK_B"]),
        (["ink/INK_B", "ink/INK_A"], ["ink"], ["INK_A", "INK_B"], ["ink"]),
        (["ink/INK_B", "ink"], ["ink"], ["INK_A", "INK_B"], ["ink"]),
        (["oil/OIL"], ["oil"], ["OIL"], ["oil"]),
        ([], [], [], []),
    ],
)
def test_names_choose_groups_or_single_models_in_the_configs_order(
    names: list[str], groups: list[str], models: list[str], shortest: list[str]
) -> None:
    catalog = read_catalog(BUILT_IN)

    selected = catalog.select(names)

    assert (selected.groups, selected.models) == (groups, models)
    assert catalog.names_of(selected.groups, selected.models) == shortest


def test_a_model_of_another_group_is_unknown_in_this_one_and_the_nearest_known_is_first() -> None:
    with pytest.raises(UnknownNameError) as caught:
        read_catalog(BUILT_IN).select(["ink/INK_BB"])

    assert caught.value.hint == "known: INK_B, INK_A"


@pytest.mark.parametrize(
    ("named", "category", "siblings"),
    [
        (["ink"], "", ["ink", "oil"]),
        (["slow", "ink"], "", ["ink", "oil", "slow"]),
        ([], "motion", ["slow"]),
        ([], "gone", []),
        (["gone"], "motion", ["slow"]),
    ],
)
def test_the_siblings_of_groups_are_all_of_their_categories(
    named: list[str], category: str, siblings: list[str]
) -> None:
    assert read_catalog(BUILT_IN).siblings(named, category) == siblings
