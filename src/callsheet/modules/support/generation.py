"""The work of every `api.*` module: call the LLM, check the reply, and repair what breaks a rule.

Only what is wrong is asked for again, at most twice; what was right stays byte for byte the same.
A value is checked and kept as soon as it is written, whatever becomes of the reply.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import Field, JsonValue

from callsheet.catalog.autofix import autofix_all
from callsheet.catalog.idea import VOCABULARY
from callsheet.catalog.rules import (
    Finding,
    build_validator,
    in_order,
    joined,
    leaves,
    narrow,
    overlay,
    pick,
    without_extras,
)
from callsheet.catalog.schemas import invalid
from callsheet.errors import (
    EmptyReplyError,
    FilteredError,
    OutputInvalidError,
    Problem,
    RefusedError,
    ReplyError,
    TruncatedError,
    UnreachableError,
)
from callsheet.images import Image
from callsheet.llm.port import Reply, Request
from callsheet.llm.providers import sees
from callsheet.llm.reply_parser import finished_values, first_object
from callsheet.modules.contract import (
    Ask,
    Done,
    ModuleContext,
    Outcome,
    Resources,
    StaticInputs,
    Values,
)
from callsheet.modules.support.choices import decided_lines, with_decided, with_first_choices
from callsheet.modules.support.drafts import drafts_for, wrong_drafts
from callsheet.workflow.references import reads_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from callsheet.catalog.rules import Find, Path
    from callsheet.llm.port import TextListener

MAX_REPAIRS = 2

MAX_BREAKS = 1
"""How many replies may break off half way before the module gives up."""

REPAIR = (
    "You correct prompts that break a rule. Change only what the findings name, nothing else:"
    " keep subject, wording and order wherever they are not at fault. Reply with JSON only."
)


class Inputs(Values):
    """What is sent, and the schema that the reply must fit.

    `drafts` are replies with holes, and `variables` fills them: the `offline` LLM writes with them.
    Those of `drafts_of`, names of groups, stand in the files `drafts/<category>/<group>.json`.
    `picture` goes with the message to an LLM that can see. `compared_with` are texts that the
    schema's rules compare the reply with, by name.
    """

    system_message: str
    user_message: str
    output_schema: dict[str, JsonValue]
    drafts: tuple[JsonValue, ...] = ()
    drafts_of: list[str] | None = None
    variables: dict[str, JsonValue] = Field(default_factory=dict)
    compared_with: dict[str, JsonValue] = Field(default_factory=dict)
    picture: dict[str, JsonValue] | None = None


class Outputs(Values):
    """The reply as a JSON object that fits the schema, in the schema's order."""

    response: dict[str, JsonValue]


@dataclass(frozen=True)
class _Draft:
    """The current reply, its findings, and the function that finds them."""

    value: dict[str, JsonValue]
    findings: list[Finding]
    find: Find


@dataclass(frozen=True)
class _FinishedValues:
    """Records finished values once each, so that they are not paid for again."""

    context: ModuleContext
    kept: dict[str, JsonValue]

    async def keep(self, draft: _Draft, paths: Iterable[Path]) -> None:
        """Records the values at these paths that exist and break no rule."""
        wrong = {finding.path for finding in draft.findings}
        valid = {
            ".".join(path): value
            for path in paths
            if not any(path[: len(bad)] == bad for bad in wrong)
            and (value := pick(draft.value, path)) is not None
        }
        fresh = {name: v for name, v in valid.items() if self.kept.get(name) != v}
        if fresh:
            self.kept.update(fresh)
            await self.context.save_values(fresh)


async def generate(inputs: Inputs, context: ModuleContext) -> Outcome:
    """Asks for everything, then for repairs; raises ReplyError where no usable reply came."""
    schema = inputs.output_schema
    if leaves(schema) == []:
        return Done(Outputs(response={"prompts": {}}))
    request = Request(
        system=inputs.system_message,
        user=inputs.user_message,
        schema=schema,
        drafts=(*inputs.drafts, *drafts_for(inputs.drafts_of or (), context.resources)),
        variables=inputs.variables,
        picture=_image_to_send(inputs, context),
    )
    draft = _from_earlier(context, schema, build_validator(schema, inputs.compared_with))
    finished = _FinishedValues(context, dict(context.values))
    turn = breaks = 0
    while draft.findings and turn <= MAX_REPAIRS:
        known = with_decided(request, draft.value)
        asked = _repair(known, draft) if turn else _first(known, draft)
        reply = await context.call(asked, turn > 0, _stream_listener(draft, finished, schema))
        if not isinstance(reply, Reply):
            return Ask(reply)
        if turn and reply.finish != "stop" and not _missing_values(draft):
            # Every prompt is there; that its mending was refused is no reason to lose it.
            break
        better = _merged(reply, draft, schema)
        if reply.finish != "stop":
            await finished.keep(better, leaves(schema))
            breaks += 1
            if reply.finish != "broken" or breaks > MAX_BREAKS:
                raise _unfinished(reply)
        elif turn and better == draft and not _missing_values(draft):
            # The same again: asking a third time would bring nothing new.
            break
        else:
            turn += 1
        draft = better
    chosen = with_first_choices(schema, draft.value, context.note)
    draft = draft if chosen == draft.value else _judge(chosen, schema, draft.find)
    return Done(Outputs(response=await _complete_reply(draft, finished, schema)))


def _image_to_send(inputs: Inputs, context: ModuleContext) -> Image | None:
    """The image, if the LLM may accept images; otherwise a note says that it does not."""
    if inputs.picture is None:
        return None
    if not sees(context.llm):
        context.note(f"`{context.llm}` cannot see the picture; it goes by the words alone")
        return None
    return Image.from_json(inputs.picture)


def _from_earlier(context: ModuleContext, schema: dict[str, JsonValue], find: Find) -> _Draft:
    """What an earlier, failed execution of this attempt had finished, if anything."""
    if not context.values:
        return _Draft({}, [Finding((), "missing", "is missing")], find)
    kept = joined((tuple(path.split(".")), value) for path, value in context.values.items())
    return _judge(kept, schema, find)


def _open_schema(draft: _Draft, schema: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The schema of the values that still have findings."""
    return narrow(schema, {finding.path for finding in draft.findings})


def _stream_listener(
    draft: _Draft, finished: _FinishedValues, schema: dict[str, JsonValue]
) -> TextListener:
    """A listener for a streamed reply that records each finished value without findings."""
    pending = leaves(_open_schema(draft, schema))

    async def listen(text: str) -> None:
        written = {path: v for path, v in finished_values(text).items() if path in pending}
        if written:
            better = _judge(overlay(draft.value, joined(written.items())), schema, draft.find)
            await finished.keep(better, written)
            pending[:] = [path for path in pending if path not in written]

    return listen


def _first(request: Request, draft: _Draft) -> Request:
    """The request for everything, or for what an earlier execution did not finish."""
    if not draft.value:
        return request
    return replace(request, schema=narrow(request.schema, {f.path for f in draft.findings}))


def _merged(reply: Reply, draft: _Draft, schema: dict[str, JsonValue]) -> _Draft:
    """The draft with the values of a reply: all of them, or those finished when it ended."""
    asked = _open_schema(draft, schema)
    if reply.finish == "stop":
        found = first_object(reply.text) or {}
    else:
        finished = finished_values(reply.text)
        found = joined((path, finished[path]) for path in leaves(asked) if path in finished)
    return _judge(overlay(draft.value, without_extras(found, asked)), schema, draft.find)


def _unfinished(reply: Reply) -> ReplyError | UnreachableError:
    match reply.finish:
        case "broken":
            detail = f": {reply.detail}" if reply.detail else ""
            return UnreachableError(
                f"the reply broke off half way, {MAX_BREAKS + 1} times{detail}",
                hint="`callsheet resume` asks for what is missing, and for nothing else",
            )
        case "refusal":
            detail = reply.detail or reply.text or "no reason given"
            return RefusedError(
                f"the LLM declined to write: {detail:.300}",
                hint="change the idea, or choose another LLM with `--llm`",
            )
        case "filter":
            return FilteredError(
                "the provider's content filter stopped the reply",
                hint="change the idea, or choose another LLM with `--llm`",
            )
        case _:
            return TruncatedError(
                "the reply was cut off at the output limit",
                hint="resume asks for what is missing; fewer groups at once make shorter replies",
            )


def _judge(value: JsonValue, schema: dict[str, JsonValue], find: Find) -> _Draft:
    kept = in_order(autofix_all(without_extras(value, schema), schema), schema)
    assert isinstance(kept, dict)  # noqa: S101  # `value` is an object
    return _Draft(kept, find(kept), find)


def _repair(request: Request, draft: _Draft) -> Request:
    """The request for a repair: short where all prompts exist, complete where some are missing."""
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
        request,
        system=REPAIR,
        user=f"Prompts:\n{shown}\n\nFindings:\n{findings}"
        + decided_lines(request.schema, draft.value),
        schema=schema,
        picture=None,
    )


def _missing_values(draft: _Draft) -> list[Finding]:
    """The findings that mean that a prompt is missing."""
    return [finding for finding in draft.findings if finding.unusable]


async def _complete_reply(
    draft: _Draft, finished: _FinishedValues, schema: dict[str, JsonValue]
) -> dict[str, JsonValue]:
    """The reply if every value exists, even if some still break a rule."""
    lost = _missing_values(draft)
    if not lost:
        return draft.value
    await finished.keep(draft, leaves(schema))
    if not draft.value:
        raise EmptyReplyError(
            "the LLM's reply held none of the prompts that were asked for",
            hint="try again, or choose another LLM with `--llm`",
        )
    names = ", ".join(".".join(finding.path[1:] or finding.path) for finding in lost)
    raise OutputInvalidError(
        f"after {MAX_REPAIRS} repairs the reply still lacks {names}",
        hint="resume asks for those alone; or choose another LLM with `--llm`",
    )


def check(inputs: StaticInputs, resources: Resources) -> Iterator[Problem]:
    """A literal schema must be of type object; drafts and the vocabulary must be JSON."""
    if text := resources.files.read_if_there(VOCABULARY):
        from callsheet.fidelity.vocabulary import wrong_vocabulary

        if wrong := wrong_vocabulary(text):
            yield Problem(
                VOCABULARY, "$", wrong, "its form is that of callsheet's own english.json"
            )
    schema = inputs.get("output_schema")
    if isinstance(schema, dict) and schema.get("type") != "object":
        yield Problem("", ".output_schema", 'must have `"type": "object"`', "wrap it in an object")
    elif isinstance(schema, dict) and not reads_state(schema) and (found := invalid(schema, "")):
        yield Problem("", f".output_schema{found.path[1:]}", found.message, found.hint)
    if inputs.get("drafts_of") is not None:
        yield from wrong_drafts(resources)
