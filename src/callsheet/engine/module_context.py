"""Builds what a module runs with: its inputs, read from the state, and its context."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import ValidationError

from callsheet.errors import DeadlineError, InputError
from callsheet.events import CallReplied, CallSubmitted, Noted, ValueRejected, ValuesFinished
from callsheet.llm.port import Reply, ReplyLaterError, Request
from callsheet.modules.contract import ModuleContext
from callsheet.workflow.references import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from callsheet.catalog.rules import Finding
    from callsheet.engine.journal import Journal
    from callsheet.engine.run_view import RunView
    from callsheet.images import Image
    from callsheet.llm.port import LLM, TextListener
    from callsheet.modules.contract import Module, Resources, Values
    from callsheet.questions import Question
    from callsheet.workflow.definition import ModuleUse


def build_context(journal: Journal, resources: Resources, llm: LLM) -> ModuleContext:
    """The context of the module that runs next."""
    view, note = journal.view, _NoteRecorder(journal)
    return ModuleContext(
        resources=resources,
        step=view.step or "",
        answers=dict(view.answers),
        answered_by=dict(view.answered_by),
        call=_LLMCaller(journal, llm, note),
        note=note,
        save_values=_ValueRecorder(journal),
        values=dict(view.values),
        reject=_TextRejector(journal),
        llm=llm.spec,
        idea_check=view.idea_check,
        rewrite=view.rewrite,
        before=dict(view.before),
        wish=view.wish,
        preset_answers=dict(view.preset_answers),
    )


def read_inputs(use: ModuleUse, module: Module, view: RunView) -> Values:
    """A module's inputs with references resolved; raises InputError where a required one is missing."""
    values: dict[str, JsonValue] = {}
    for name, written in use.inputs.items():
        missing: list[str] = []
        values[name] = resolve(written, view.state, missing)
        known = module.inputs.model_fields.get(name) if missing else None
        if known is None:
            continue
        if known.is_required():
            raise InputError(
                f"the input `{name}` needs `{missing[0]}`, which does not exist yet",
                hint="an earlier module must write it with `outputs_to_state`",
            )
        if values[name] is None:
            del values[name]
    try:
        return module.inputs.model_validate(values)
    except ValidationError as error:
        detail = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in detail["loc"])
        raise InputError(f"the input `{place}`: {detail['msg']}") from error


class _LLMCaller:
    """Calls the LLM for one execution of a module; a recorded reply is used instead of a call.

    `note` is told what a reply has to say to the person.
    """

    def __init__(self, journal: Journal, llm: LLM, note: _NoteRecorder) -> None:
        self._journal = journal
        self._llm = llm
        self._note = note
        self._number = 0

    async def __call__(
        self,
        request: Request,
        repair: bool,  # noqa: FBT001
        on_text: TextListener,
    ) -> Reply | Question:
        reply = await self._reply(replace(request, repair=repair), on_text, repair=repair)
        for note in reply.notes if isinstance(reply, Reply) else ():
            self._note(note)
        return reply

    async def _reply(
        self, request: Request, on_text: TextListener, *, repair: bool
    ) -> Reply | Question:
        number, view = self._number, self._journal.view
        self._number += 1
        if number in view.replies:
            return _as_reply(view.replies[number])
        # Earlier paid work must be stored before the next call.
        await self._journal.append()
        key = f"reply.{number}"
        if isinstance(answer := view.answers.get(key), str):
            request = replace(request, answer=answer)
        if request.picture is not None:
            request = replace(request, picture=await self._with_content(request.picture))
        try:
            reply = await self._llm.compose(request, on_text)
        except DeadlineError as error:
            if isinstance(error.received, Reply):
                # The provider may charge for what it wrote; nobody knows how much.
                self._record(number, error.received, repair=repair)
            raise
        except ReplyLaterError as later:
            self._record_submitted(number, later.job, repair=repair)
            raise
        if not isinstance(reply, Reply):
            return replace(reply, key=key)
        self._record(number, reply, repair=repair)
        return reply

    def _record(self, number: int, reply: Reply, *, repair: bool) -> None:
        self._journal.defer(call_replied(self._journal.view, number, reply, repair=repair))

    def _record_submitted(self, number: int, job: str, *, repair: bool) -> None:
        view = self._journal.view
        self._journal.defer(
            CallSubmitted(
                step=view.step or "",
                attempt=view.attempt,
                module=view.module,
                number=number,
                repair=repair,
                job=job,
            )
        )

    async def _with_content(self, picture: Image) -> Image:
        """The image with its content, which is stored with the run."""
        return replace(picture, base64=await self._journal.file(picture.hash))


class _ValueRecorder:
    """Records values that a module has finished before it ends.

    Where they cannot be stored, they stay pending: the rest of the reply is still received.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def __call__(self, values: Mapping[str, JsonValue]) -> None:
        view = self._journal.view
        self._journal.defer(
            ValuesFinished(
                step=view.step or "",
                attempt=view.attempt,
                module=view.module,
                values=dict(values),
            )
        )
        await self._journal.try_append()


class _NoteRecorder:
    """Records notes, each once for a module that runs again; they are stored with what comes next."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __call__(self, text: str) -> None:
        view = self._journal.view
        if text not in view.noted:
            self._journal.defer(Noted(step=view.step or "", text=text))


class _TextRejector:
    """Records texts that are no prompts; they are stored with what comes next."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __call__(self, finding: Finding, text: JsonValue) -> None:
        view = self._journal.view
        self._journal.defer(
            ValueRejected(
                step=view.step or "",
                attempt=view.attempt,
                module=view.module,
                path=".".join(finding.path),
                rule=finding.rule,
                rule_kind=finding.kind,
                message=finding.message,
                value=text,
            )
        )


def call_replied(view: RunView, number: int, reply: Reply, *, repair: bool) -> CallReplied:
    """The reply to a call of the module that a run is at."""
    return CallReplied(
        step=view.step or "",
        attempt=view.attempt,
        module=view.module,
        number=number,
        repair=repair,
        text=reply.text,
        finish=reply.finish,
        llm=reply.llm,
        detail=reply.detail,
        input_tokens=reply.usage.input_tokens,
        cached_input_tokens=reply.usage.cached_input_tokens,
        output_tokens=reply.usage.output_tokens,
        cost_usd=reply.usage.cost_usd,
        cache_write_tokens=reply.usage.cache_write_tokens,
        cost_at_most=reply.usage.cost_at_most,
        tier=reply.tier,
    )


def _as_reply(call: CallReplied) -> Reply:
    return Reply(call.text, call.finish, call.usage, call.llm, call.detail)
