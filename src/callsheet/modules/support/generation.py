"""The work of every `api.*` module: call the LLM, check the reply, and repair what breaks a rule.

Only what is wrong is asked for again, at most twice; what was right stays byte for byte the same,
and what is wrong stays where its repair is worse. A value is checked and kept as soon as it is
written, whatever becomes of the reply.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import Field, JsonValue

from callsheet.activity import Writing, is_heard, report
from callsheet.catalog.formats.format import shown
from callsheet.catalog.idea import VOCABULARY, vocabulary_problems
from callsheet.catalog.rules import (
    joined,
    leaves,
    missing,
    narrow,
    overlay,
    pick,
    without_extras,
)
from callsheet.catalog.schemas import invalid, models_in
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
from callsheet.llm.providers import sees, writes_drafts
from callsheet.llm.reply_reader import read_reply, text_being_written
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
from callsheet.modules.support.drafts import drafts_for, prepare, wrong_drafts
from callsheet.modules.support.reply_judge import Draft, ReplyJudge, judge_of
from callsheet.workflow.references import reads_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from callsheet.catalog.rules import Finding, Path
    from callsheet.llm.port import TextListener
    from callsheet.llm.reply_reader import ReadReply

MAX_REPAIRS = 2

MOST_MENDED = 5
"""How many corrections of a reply's form a note lists."""

MAX_BREAKS = 1
"""How many replies may break off half way before the module gives up."""

REPAIR = (
    "You correct prompts that break a rule. Change only what the findings name, nothing else:"
    " keep subject, wording and order wherever they are not at fault. Reply with JSON only."
)

FINDING_TITLES = UNUSABLE, FINDINGS = "Your last reply could not be used as it was:", "Findings:"
"""What stands above the findings that a repair is asked for."""


class Inputs(Values):
    """What is sent, and the schema that the reply must fit.

    `drafts` are replies with holes that `variables` fills, for the `offline` LLM; those of the groups
    `drafts_of` stand in `drafts/<category>/<group>.json`. `picture` goes to an LLM that can see.
    `compared_with` are texts, by name, that rules compare the reply with; prompts keep its `idea`, and
    what the fields of its `said` say.
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


CHANGE = (
    "Prompts exist already and are to be changed. Change what is asked for here, and keep the rest of"
    " each prompt as it is:\n{wish}\n\nThe prompts as they are:\n{before}\n\n"
)


@dataclass(frozen=True)
class _FinishedValues:
    """Records finished values once each, so that they are not paid for again."""

    context: ModuleContext
    kept: dict[str, JsonValue]

    async def keep(self, draft: Draft, paths: Iterable[Path], *, usable: bool = False) -> None:
        """Records the values at these paths that exist and break no rule, or are `usable`."""
        wrong = {each.path for each in (draft.unusable if usable else draft.findings)}
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
    request = _whole_request(inputs, context)
    judge = judge_of(inputs, context)
    draft = _from_earlier(context, judge)
    finished = _FinishedValues(context, dict(context.values))
    turn, breaks, held = 0, 0, ""
    while draft.findings and turn <= MAX_REPAIRS:
        known, quotes = with_decided(request, draft.value), judge.idea.enabled
        advice = judge.advice(draft) if turn == 1 else []
        asked = _repair(known, draft, advice, quotes_brief=quotes) if turn else _first(known, draft)
        reply = await context.call(asked, turn > 0, _stream_listener(asked, draft, finished, judge))
        if not isinstance(reply, Reply):
            return Ask(reply)
        read = read_reply(held := reply.text, asked.schema)
        whole = _is_whole(reply, read)
        if turn and not whole and not draft.unusable:
            # Every prompt is there; that its mending was refused is no reason to lose it.
            break
        better = _merged(read, asked, draft, judge)
        _record_findings(read, better, context)
        if not whole:
            await finished.keep(better, leaves(schema))
            breaks += 1
            if reply.finish != "broken" or breaks > MAX_BREAKS:
                raise _unfinished(reply)
        elif turn and better == draft and not draft.unusable:
            # The same again: asking a third time would bring nothing new.
            break
        else:
            turn += 1
        draft = better
    return Done(Outputs(response=await _complete_reply(draft, finished, judge, context, held)))


def _whole_request(inputs: Inputs, context: ModuleContext) -> Request:
    """The request for everything; where drafts are filled, notes say what they leave out."""
    drafts = (*inputs.drafts, *drafts_for(inputs.drafts_of or (), context.resources))
    variables, notes = inputs.variables, list[str]()
    if writes_drafts(context.llm):
        variables, notes = prepare(variables, drafts)
    for note in notes:
        context.note(note)
    return Request(
        system=inputs.system_message,
        user=_changes(inputs, context) + inputs.user_message,
        schema=inputs.output_schema,
        drafts=drafts,
        variables=variables,
        picture=_image_to_send(inputs, context),
    )


def _changes(inputs: Inputs, context: ModuleContext) -> str:
    """What the person wishes to change in prompts that are rewritten, with these as they stood."""
    asked = models_in(inputs.output_schema)
    before = {model: text for model, text in context.before.items() if model in asked}
    if not context.wish or not before:
        return ""
    if writes_drafts(context.llm):
        context.note("offline drafts cannot follow a wish; an LLM can")
        return ""
    return CHANGE.format(wish=context.wish, before=json.dumps(before, ensure_ascii=False, indent=1))


def _image_to_send(inputs: Inputs, context: ModuleContext) -> Image | None:
    """The image, if the LLM may accept images; otherwise a note says that it does not."""
    if inputs.picture is None:
        return None
    if not sees(context.llm):
        context.note(f"`{context.llm}` cannot see the picture; it goes by the words alone")
        return None
    return Image.from_json(inputs.picture)


def _from_earlier(context: ModuleContext, judge: ReplyJudge) -> Draft:
    """What an earlier, failed execution of this attempt had finished, if anything."""
    if not context.values:
        return Draft({}, [missing(())])
    kept = joined((tuple(path.split(".")), value) for path, value in context.values.items())
    return judge.judge(kept)


def _stream_listener(
    asked: Request, draft: Draft, finished: _FinishedValues, judge: ReplyJudge
) -> TextListener:
    """A listener for a streamed reply that records each finished value without findings.

    It reports the words that are written so far, too.
    """
    reported: dict[Path, JsonValue] = {}

    async def listen(text: str) -> None:
        written = read_reply(text, asked.schema, growing=True).values
        fresh = {path: v for path, v in written.items() if reported.get(path) != v}
        if fresh:
            reported.update(fresh)
            better = judge.judge(overlay(draft.value, joined(written.items())))
            await finished.keep(better, fresh)
        if is_heard():
            # A prompt that was accepted just now is told before the words of the next one.
            pending = {
                path: v for path, v in written.items() if ".".join(path) not in finished.kept
            }
            _report_words(pending, text_being_written(text, asked.schema))

    return listen


def _report_words(written: Mapping[Path, JsonValue], last: tuple[Path, str] | None) -> None:
    texts = dict(written) if last is None else {**written, last[0]: last[1]}
    named = {".".join(path[1:] or path): text for path, text in texts.items()}
    report(Writing({name: text for name, text in named.items() if isinstance(text, str)}))


def _first(request: Request, draft: Draft) -> Request:
    """The request for everything, or for what an earlier execution did not finish."""
    if not draft.value:
        return request
    missing_schema = narrow(request.schema, {f.path for f in draft.findings})
    return replace(request, schema=missing_schema, repeated=0)


def _is_whole(reply: Reply, read: ReadReply) -> bool:
    """Whether a reply is all that the LLM had to say: one may end exactly at the output limit."""
    return reply.finish == "stop" or (reply.finish == "length" and read.complete)


def _record_findings(read: ReadReply, draft: Draft, context: ModuleContext) -> None:
    """Notes what was put right in a reply's form, and records the texts that are no prompts."""
    if read.mended:
        listed = ", ".join(read.mended[:MOST_MENDED])
        more = ", …" if len(read.mended) > MOST_MENDED else ""
        context.note(f"the form of the LLM's reply was corrected: {listed}{more}")
    for finding in draft.unusable:
        if (text := pick(draft.value, finding.path)) is not None:
            context.reject(finding, text)


def _merged(read: ReadReply, asked: Request, draft: Draft, judge: ReplyJudge) -> Draft:
    """The draft with the values of a reply that it can use."""
    taken = without_extras(read.taken, dict(asked.schema))
    found = overlay(taken, joined(read.values.items()))
    return judge.better(draft, judge.judge(overlay(draft.value, found)))


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


def _repair(
    request: Request, draft: Draft, advice: list[Finding], *, quotes_brief: bool
) -> Request:
    """The request for a repair: short where all prompts exist, complete where some are missing.

    `advice` are findings that would not be worth a call of their own. It quotes the brief where prompts are judged by it: a correction must not lose what it asks for.
    """
    paths = {finding.path for finding in draft.findings}
    schema = narrow(request.schema, paths)
    findings = "\n".join(
        f"{number}. {'.'.join(finding.path) or 'the reply'}: {finding.message}"
        for number, finding in enumerate((*draft.findings, *advice), start=1)
    )
    if draft.unusable:
        note = f"{UNUSABLE}\n{findings}"
        return replace(request, schema=schema, user=f"{request.user}\n\n{note}", repeated=0)
    texts = {".".join(path): pick(draft.value, path) for path in sorted(paths)}
    shown = json.dumps(texts, ensure_ascii=False, indent=1)
    brief = f"They were written for this brief:\n{request.user}\n\n" if quotes_brief else ""
    return replace(
        request,
        system=REPAIR,
        user=f"{brief}Prompts:\n{shown}\n\n{FINDINGS}\n{findings}"
        + decided_lines(request.schema, draft.value),
        schema=schema,
        picture=None,
        repeated=0,
    )


async def _complete_reply(
    draft: Draft, finished: _FinishedValues, judge: ReplyJudge, context: ModuleContext, held: str
) -> dict[str, JsonValue]:
    """The reply if every value is usable, even if some still break a rule; `held` is its text."""
    chosen = with_first_choices(judge.schema, draft.value, context.note)
    draft = draft if chosen == draft.value else judge.judge(chosen)
    if not draft.unusable:
        return draft.value
    await finished.keep(draft, leaves(judge.schema), usable=True)
    if not draft.value:
        raise EmptyReplyError(
            f"the LLM's reply held none of the prompts that were asked for, but {shown(held, 80)}",
            hint="try again, or choose another LLM with `--llm`",
        )
    raise OutputInvalidError(
        f"after {MAX_REPAIRS} repairs the reply still lacks {', '.join(map(_lost, draft.unusable))}",
        hint="resume asks for those alone; or choose another LLM with `--llm`",
    )


def _lost(finding: Finding) -> str:
    """A missing prompt by name, with the reason where there is a text that is no prompt."""
    name = ".".join(finding.path[1:] or finding.path)
    return name if finding.rule == "missing" else f"{name} ({finding.message:.120})"


def check(inputs: StaticInputs, resources: Resources) -> Iterator[Problem]:
    """A literal schema must be of type object; drafts and the vocabulary must be JSON."""
    yield from vocabulary_problems(resources.files.read_if_there(VOCABULARY))
    schema = inputs.get("output_schema")
    if isinstance(schema, dict) and schema.get("type") != "object":
        yield Problem("", ".output_schema", 'must have `"type": "object"`', "wrap it in an object")
    elif isinstance(schema, dict) and not reads_state(schema) and (found := invalid(schema, "")):
        yield Problem("", f".output_schema{found.path[1:]}", found.message, found.hint)
    if inputs.get("drafts_of") is not None:
        yield from wrong_drafts(resources)
