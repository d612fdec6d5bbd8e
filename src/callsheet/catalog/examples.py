"""Runs a group's examples: prompts that its rules must accept, and prompts that they must reject."""

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


class PassingExample(BaseModel):
    """A prompt that breaks no rule of its model, warnings included.

    `compared_with` holds texts that rules compare the prompt with, such as `picture`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    prompt: JsonValue
    compared_with: dict[str, JsonValue] = Field(default_factory=dict)


class FailingExample(PassingExample):
    """A prompt that breaks a rule, and that rule."""

    rule: str


class GroupExamples(BaseModel):
    """A group's examples file."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    passing: tuple[PassingExample, ...] = Field(alias="pass")
    failing: tuple[FailingExample, ...] = Field(alias="fail")


def examples_path(category: str, group: str) -> str:
    """Where a group's examples are, if it has any."""
    return f"examples/{category}/{group}.json"


def run_examples(text: str, file: str, schema: Mapping[str, JsonValue]) -> Iterator[Problem]:
    """Each example with another outcome than the file says."""
    try:
        examples = GroupExamples.model_validate(parse(text, file))
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
    example: PassingExample, file: str, at: str, schema: Mapping[str, JsonValue]
) -> Iterator[Problem]:
    if problem := _unknown(example, file, at, schema):
        yield problem
        return
    for finding in findings_of(example, schema):
        place = ".".join((f"{at}.prompt", *finding.path[2:]))
        yield Problem(file, place, f"must pass, but {finding.message} ({finding.rule})")


def _fails(
    example: FailingExample, file: str, at: str, schema: Mapping[str, JsonValue]
) -> Iterator[Problem]:
    if problem := _unknown(example, file, at, schema):
        yield problem
        return
    caught = dict.fromkeys(finding.rule for finding in findings_of(example, schema))
    if example.rule not in caught:
        message = f"the rule `{example.rule}` does not catch it"
        yield Problem(file, f"{at}.rule", message, f"caught by: {', '.join(caught) or 'no rule'}")


def _unknown(
    example: PassingExample, file: str, at: str, schema: Mapping[str, JsonValue]
) -> Problem | None:
    models = models_in(dict(schema))
    if example.model in models:
        return None
    message = f"the group has no model `{example.model}`"
    return Problem(file, f"{at}.model", message, f"its models: {', '.join(models)}")


def findings_of(example: PassingExample, schema: Mapping[str, JsonValue]) -> list[Finding]:
    """All findings of the example's prompt, warnings included."""
    alone = narrow(schema, {(WRAPPER, example.model)})
    reply: JsonValue = {WRAPPER: {example.model: example.prompt}}
    others = example.compared_with
    return find_errors(reply, alone, others) + find_warnings(reply, alone, others)
