"""Runs a group's examples: prompts that its rules must let pass, and prompts that they must catch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from callsheet.catalog.rules import find_errors, find_warnings, narrow
from callsheet.catalog.schemas import WRAPPER, models_in
from callsheet.errors import Problem
from callsheet.jsonc import NotJsonError, parse, place_and_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from callsheet.catalog.rules import Finding


class Passing(BaseModel):
    """A prompt that keeps every rule of its model, warnings too.

    `compared_with` holds texts that its rules compare it with, as `picture`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    prompt: JsonValue
    compared_with: dict[str, JsonValue] = Field(default_factory=dict)


class Failing(Passing):
    """A prompt that breaks a rule, and the rule that must catch it."""

    rule: str


class Examples(BaseModel):
    """A group's examples file."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    passing: tuple[Passing, ...] = Field(alias="pass")
    failing: tuple[Failing, ...] = Field(alias="fail")


def examples_path(category: str, group: str) -> str:
    """Where a group's examples stand, if it has any."""
    return f"examples/{category}/{group}.json"


def run_examples(text: str, file: str, schema: Mapping[str, JsonValue]) -> Iterator[Problem]:
    """Each example that its model's rules do not judge as the file says."""
    try:
        examples = Examples.model_validate(parse(text, file))
    except NotJsonError as error:
        yield error.problem
        return
    except ValidationError as error:
        for detail in error.errors(include_input=False, include_url=False):
            path, words = place_and_words(detail)
            yield Problem(file, f"${path}", words)
        return
    for number, example in enumerate(examples.passing):
        yield from _passes(example, file, f"$.pass[{number}]", schema)
    for number, failing in enumerate(examples.failing):
        yield from _fails(failing, file, f"$.fail[{number}]", schema)


def _passes(
    example: Passing, file: str, at: str, schema: Mapping[str, JsonValue]
) -> Iterator[Problem]:
    if problem := _unknown(example, file, at, schema):
        yield problem
        return
    for finding in judged(example, schema):
        place = ".".join((f"{at}.prompt", *finding.path[2:]))
        yield Problem(file, place, f"must pass, but {finding.message} ({finding.rule})")


def _fails(
    example: Failing, file: str, at: str, schema: Mapping[str, JsonValue]
) -> Iterator[Problem]:
    if problem := _unknown(example, file, at, schema):
        yield problem
        return
    caught = dict.fromkeys(finding.rule for finding in judged(example, schema))
    if example.rule not in caught:
        message = f"the rule `{example.rule}` does not catch it"
        yield Problem(file, f"{at}.rule", message, f"caught by: {', '.join(caught) or 'no rule'}")


def _unknown(
    example: Passing, file: str, at: str, schema: Mapping[str, JsonValue]
) -> Problem | None:
    models = models_in(dict(schema))
    if example.model in models:
        return None
    message = f"the group has no model `{example.model}`"
    return Problem(file, f"{at}.model", message, f"its models: {', '.join(models)}")


def judged(example: Passing, schema: Mapping[str, JsonValue]) -> list[Finding]:
    """Everything that the example's prompt breaks, warnings too."""
    alone = narrow(schema, {(WRAPPER, example.model)})
    reply: JsonValue = {WRAPPER: {example.model: example.prompt}}
    others = example.compared_with
    return find_errors(reply, alone, others) + find_warnings(reply, alone, others)
