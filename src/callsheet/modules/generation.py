"""What every `api.*` module does: ask the LLM once, check the reply, ask again for what is wrong.

Only what is wrong is asked for again, at most twice; what was right stays byte for byte the same.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import Field, JsonValue

from callsheet.catalog.rules import (
    Finding,
    find,
    in_order,
    leaves,
    narrow,
    overlay,
    pick,
    without_extras,
)
from callsheet.errors import (
    EmptyReplyError,
    FilteredError,
    OutputInvalidError,
    Problem,
    RefusedError,
    TruncatedError,
)
from callsheet.llm.port import Reply, Request
from callsheet.llm.replies import first_object
from callsheet.modules.contract import Ask, Done, Materials, Outcome, Stage, StaticInputs, Values

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_REPAIRS = 2

REPAIR = (
    "You correct prompts that break a rule. Change only what the findings name, nothing else:"
    " keep subject, wording and order wherever they are not at fault. Reply with JSON only."
)


class Inputs(Values):
    """What is sent, and the schema that the reply must fit.

    `drafts` are replies with holes, and `variables` fills them: the `offline` LLM writes with them.
    """

    system_message: str
    user_message: str
    output_schema: dict[str, JsonValue]
    drafts: tuple[JsonValue, ...] = ()
    variables: dict[str, JsonValue] = Field(default_factory=dict)


class Outputs(Values):
    """The reply as a JSON object that fits the schema, in the schema's order."""

    response: dict[str, JsonValue]


@dataclass(frozen=True)
class _Draft:
    """The reply as it stands, and what its schema still finds wrong with it."""

    value: dict[str, JsonValue]
    findings: list[Finding]


async def generate(inputs: Inputs, stage: Stage) -> Outcome:
    """Asks for everything, then for what is wrong; raises ReplyError where nothing usable came."""
    schema = inputs.output_schema
    if leaves(schema) == []:
        return Done(Outputs(response={"prompts": {}}))
    request = Request(
        system=inputs.system_message,
        user=inputs.user_message,
        schema=schema,
        drafts=inputs.drafts,
        variables=inputs.variables,
    )
    reply = await stage.call(request, False)  # noqa: FBT003  # a Callable's arguments have no names
    if not isinstance(reply, Reply):
        return Ask(reply)
    draft = _judge(_read(reply), schema)
    for _ in range(MAX_REPAIRS):
        if not draft.findings:
            break
        again = await stage.call(_repair(request, draft), True)  # noqa: FBT003
        if not isinstance(again, Reply):
            return Ask(again)
        patch = without_extras(_read(again), narrow(schema, {f.path for f in draft.findings}))
        better = _judge(overlay(draft.value, patch), schema)
        if better.value == draft.value and not any(f.unusable for f in better.findings):
            break
        draft = better
    return Done(Outputs(response=_usable(draft, schema)))


def _read(reply: Reply) -> dict[str, JsonValue]:
    """The object in a complete reply, empty where there is none; raises ReplyError otherwise."""
    match reply.finish:
        case "refusal":
            raise RefusedError(
                f"the LLM declined to write: {reply.detail or reply.text or 'no reason given'!s:.300}",
                hint="change the idea, or choose another LLM with `--llm`",
            )
        case "filter":
            raise FilteredError(
                "the provider's content filter stopped the reply",
                hint="change the idea, or choose another LLM with `--llm`",
            )
        case "length":
            raise TruncatedError(
                "the reply was cut off at the output limit",
                hint="choose fewer groups at once, or an LLM that writes longer replies",
            )
        case _:
            return first_object(reply.text) or {}


def _judge(value: JsonValue, schema: dict[str, JsonValue]) -> _Draft:
    kept = in_order(without_extras(value, schema), schema)
    assert isinstance(kept, dict)  # noqa: S101  # `value` is an object
    return _Draft(kept, find(kept, schema))


def _repair(request: Request, draft: _Draft) -> Request:
    """The request for what is wrong: short where prompts are there, whole where they are not."""
    paths = {finding.path for finding in draft.findings}
    schema = narrow(request.schema, paths)
    findings = "\n".join(
        f"{number}. {'.'.join(finding.path) or 'the reply'}: {finding.message}"
        for number, finding in enumerate(draft.findings, start=1)
    )
    if any(finding.unusable for finding in draft.findings):
        note = f"Your last reply could not be used as it was:\n{findings}"
        return replace(request, schema=schema, user=f"{request.user}\n\n{note}")
    texts = {".".join(path): pick(draft.value, path) for path in sorted(paths)}
    shown = json.dumps(texts, ensure_ascii=False, indent=1)
    return replace(
        request, system=REPAIR, user=f"Prompts:\n{shown}\n\nFindings:\n{findings}", schema=schema
    )


def _usable(draft: _Draft, schema: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The reply where every value is there, even if some still break a rule."""
    lost = [finding for finding in draft.findings if finding.unusable]
    if not lost:
        return draft.value
    if not draft.value:
        raise EmptyReplyError(
            "the LLM's reply held none of the prompts that were asked for",
            hint="try again, or choose another LLM with `--llm`",
        )
    names = ", ".join(".".join(finding.path[1:] or finding.path) for finding in lost)
    raise OutputInvalidError(
        f"after {MAX_REPAIRS} repairs the reply still lacks {names}",
        hint=f"try again, or choose another LLM; {len(leaves(schema))} values were asked for",
    )


def check(inputs: StaticInputs, materials: Materials) -> Iterator[Problem]:
    """A schema that is written out must ask for an object."""
    del materials
    schema = inputs.get("output_schema")
    if isinstance(schema, dict) and schema.get("type") != "object":
        yield Problem("", ".output_schema", 'must have `"type": "object"`', "wrap it in an object")
    elif isinstance(schema, dict) and not reads_state(schema) and (found := invalid(schema, "")):
        yield Problem("", f".output_schema{found.path[1:]}", found.message, found.hint)
