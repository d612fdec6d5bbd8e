"""Asks for the model groups of a category."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from callsheet.errors import Problem, UnknownNameError
from callsheet.modules.contract import (
    Ask,
    Done,
    Module,
    ModuleContext,
    Outcome,
    Resources,
    Skip,
    StaticInputs,
    Values,
)
from callsheet.questions import Option, Question

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.catalog.groups import Catalog, Group


class Inputs(Values):
    """The category whose groups are offered, and the selection of an earlier attempt.

    `previous_models` are that selection's models; without them it was of whole groups. With
    `may_skip`, the answer may be `none`, which skips the step.
    """

    group_category: str
    previous_selection: list[str] | None = None
    previous_models: list[str] | None = None
    may_skip: bool = False


class Outputs(Values):
    """The selection, in the order of the config."""

    selected_groups: list[str]
    selected_models: list[str]
    model_count: int


def key_of(category: str) -> str:
    """The key of the question for a category."""
    return f"groups.{category}"


def _question(catalog: Catalog, inputs: Inputs) -> Question:
    groups = catalog.category(inputs.group_category)
    previous = catalog.usable(name for name in inputs.previous_selection or () if name in groups)
    if inputs.previous_models is not None:
        previous = catalog.names_of(previous, inputs.previous_models)
    return Question(
        key=key_of(inputs.group_category),
        kind="choices",
        text=f"Select model groups for {inputs.group_category.replace('_', ' ')}",
        default=[*previous] or None,
        options=tuple(_option(group) for group in groups.values()),
        models={name: [*group.models] for name, group in groups.items()},
        may_skip=inputs.may_skip,
    )


def _option(group: Group) -> Option:
    older = group.successor or ""
    if not group.problems:
        return Option(group.name, group.label, group.description, successor=older)
    more = len(group.problems) - 1
    reason = f"it is not finished: {group.problems[0]}" + (f" (and {more} more)" if more else "")
    return Option(group.name, group.label, f"not finished: {group.description}", reason, older)


async def run(inputs: Inputs, context: ModuleContext) -> Outcome:
    """Asks once; adds a note for each selected group that is replaced or closes."""
    question = _question(context.resources.catalog, inputs)
    answer = context.answers.get(question.key)
    if answer is None:
        return Ask(question)
    catalog = context.resources.catalog
    selected = catalog.select(map(str, answer if isinstance(answer, list) else []))
    if not selected.groups:
        none = Outputs(selected_groups=[], selected_models=[], model_count=0)
        return Skip(f"no {inputs.group_category.replace('_', ' ')} group selected", none)
    today = dt.datetime.now(dt.UTC).date()
    for group in map(catalog.group, selected.groups):
        if notice := group.notice(today):
            context.note(notice)
    return Done(
        Outputs(
            selected_groups=selected.groups,
            selected_models=selected.models,
            model_count=len(selected.models),
        )
    )


def asks(inputs: StaticInputs, resources: Resources) -> Iterator[Question]:
    """The one question; when it is answered by option, no group is a valid answer."""
    category = str(inputs.get("group_category"))
    yield _question(resources.catalog, Inputs(group_category=category, may_skip=True))


def check(inputs: StaticInputs, resources: Resources) -> Iterator[Problem]:
    """Checks that the category exists."""
    category = inputs.get("group_category")
    try:
        resources.catalog.category(str(category))
    except UnknownNameError as error:
        yield Problem("", ".group_category", error.message, error.hint)


module = Module(Inputs, Outputs, run, asks=asks, check=check, repeatable=True)
