"""Checks a workflow without running it: its files, groups, schemas, examples and how they fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callsheet.authoring.consistency import find_inconsistencies
from callsheet.authoring.todo_check import find_todos
from callsheet.catalog.examples import examples_path, run_examples
from callsheet.errors import InputError, Problem, WorkflowError
from callsheet.exports.syntax import FORMS
from callsheet.loader.bundle import CONFIG, DEFAULT_WORKFLOW, inspect_workflow
from callsheet.loader.rendering import render_schema
from callsheet.modules.support.slow_patterns import find_slow_patterns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.loader.bundle import WorkflowBundle


def check_workflow(workflow: str = DEFAULT_WORKFLOW) -> list[Problem]:
    """Everything wrong with a workflow, its groups, schemas and examples; nothing of it is run."""
    try:
        bundle, problems = inspect_workflow(workflow)
    except WorkflowError as error:
        return list(error.problems)
    problems += find_todos(bundle, CONFIG)
    problems += find_slow_patterns(bundle.resources)
    problems += _unknown_tools(bundle)
    inconsistencies = list(find_inconsistencies(bundle))
    # Examples are judged by schemas: with a broken one they would only repeat its problem.
    examples = [] if problems else list(_examples(bundle))
    return [*problems, *inconsistencies, *examples]


def _unknown_tools(bundle: WorkflowBundle) -> Iterator[Problem]:
    """Tools of a group that `lint` does not know."""
    for group in bundle.resources.catalog.groups():
        for tool in group.tools:
            if tool not in FORMS:
                path = f"$.model_groups.{group.category}.{group.name}.tools"
                message = f"the tool `{tool}` is not known"
                yield Problem(CONFIG, path, message, f"known: {', '.join(FORMS)}")


def _examples(bundle: WorkflowBundle) -> Iterator[Problem]:
    """The examples, where a group has some, that its rules do not judge as they say."""
    for group in bundle.resources.catalog.groups():
        file = examples_path(group.category, group.name)
        if not bundle.resources.files.has(file):
            continue
        try:
            schema = render_schema(bundle, [group.name])
        except InputError:
            # The workflow asks nothing of this group, so it has no rules here.
            continue
        yield from run_examples(bundle.resources.files.read(file), file, schema)
