"""`run`, `resume` and `retry`: carry a run on, put its questions, and tell what came of it."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from callsheet.cli.exit import InterruptedBySignal, print_error
from callsheet.cli.line_reader import LineReader
from callsheet.cli.options import (
    brief_of,
    image_option,
    llm_options,
    manner_options,
    result_options,
    run_options,
    split_names,
)
from callsheet.cli.output import (
    as_json,
    note,
    show_document,
    show_finished,
    show_problems,
    show_prompts,
    summary,
)
from callsheet.cli.questions import as_answer, ask
from callsheet.errors import AnswerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from callsheet.engine.run_view import RunView
    from callsheet.events import RecordedEvent
    from callsheet.runs.service import RunService
    from callsheet.runs.session import RunSession

BROKEN = 1
WAITING = 3


@click.command()
@click.argument("workflow", default="oms")
@click.option("--idea", help="What should be shown; asked if not told.")
@click.option(
    "--set",
    "fields",
    multiple=True,
    metavar="KEY=VALUE",
    help="A field of the brief (oms: aesthetic, mood, aspect_ratio, picture).",
)
@click.option(
    "--groups",
    callback=split_names,
    metavar="A,B",
    help="Model groups by name (see `callsheet groups`), or all; categories with none are skipped.",
)
@image_option
@llm_options
@manner_options
@result_options
def run(workflow: str, idea: str | None, fields: tuple[str, ...], **given: Any) -> int:
    """Write prompts for an idea with WORKFLOW: a name, a folder or a file (default: oms)."""
    options = run_options(given, brief=brief_of(idea, fields))
    telling = _run_output(given, hint_llm=given["llm"] is None)
    return _carry_out(telling, lambda service: service.start(options, workflow))


@click.command()
@click.argument("name", metavar="RUN")
@llm_options
@manner_options
@result_options
def resume(name: str, **given: Any) -> int:
    """Go on with RUN: a run's name, its beginning, or `last`; where workers have it, follow it."""
    options = run_options(given)

    async def begin(service: RunService) -> RunSession:
        from callsheet.runs.follow import follow
        from callsheet.runs.options import RunOptions

        # What is wished otherwise cannot be told to those who carry the run on already.
        followed = await follow(service, name) if options == RunOptions() else None
        return followed or await service.resume(name, options)

    return _carry_out(_run_output(given), begin)


@click.command()
@click.argument("name", metavar="RUN")
@click.option("--step", help="Which step; by default the one that failed, else by the groups.")
@click.option("--groups", callback=split_names, metavar="A,B", help="Another choice of groups.")
@click.option(
    "--rewrite",
    callback=split_names,
    metavar="MODEL,…",
    help="Write these prompts anew, or all; others that still fit are kept.",
)
@image_option
@llm_options
@manner_options
@result_options
def retry(name: str, step: str | None, **given: Any) -> int:
    """Do a step of RUN again, and every later one, as a new attempt."""
    telling = _run_output(given)
    return _carry_out(telling, lambda service: service.retry(name, run_options(given), step))


@dataclass
class RunOutput:
    """What is told on the way, and how; `shown` remembers the prompts a review has shown."""

    json: bool
    output: Path | None
    strict: bool = False
    hint_llm: bool = False
    shown: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def lines(self) -> LineReader:
        """Reads answers from stdin; made with the first question."""
        return LineReader()

    def hear(self, recorded: RecordedEvent, view: RunView) -> None:
        """Tells of a fact what a person should know."""
        from callsheet.llm.providers import writes_drafts

        event = recorded.event
        match event.kind:
            case "run_started" if self.hint_llm and writes_drafts(event.llm):
                note(
                    "offline: drafts without an LLM; for a real one, --llm openai:NAME"
                    " (or anthropic:, google:, ollama:, paste)"
                )
            case "values_finished" if sys.stderr.isatty():
                show_finished(event.values)
            case "noted":
                note(f"note: {event.text}")
            case "step_finished" if event.result == "skipped":
                note(f"{event.reason}: that step is skipped")
            case _:
                pass


def _run_output(options: Mapping[str, Any], *, hint_llm: bool = False) -> RunOutput:
    return RunOutput(options["json"], options["output"], options["strict"], hint_llm)


def _carry_out(telling: RunOutput, begin: Callable[[RunService], Awaitable[RunSession]]) -> int:
    from callsheet.runs.service import RunService
    from callsheet.settings import read_settings

    if telling.output is not None:
        from callsheet.cli.output_files import make_folder

        make_folder(telling.output)
    service = RunService(read_settings(), listen=telling.hear)
    held: list[RunSession] = []
    try:
        return asyncio.run(_session(service, begin, telling, held))
    except InterruptedBySignal:
        for session in held:
            _leave(session)
            asyncio.run(session.close())
        raise


def _leave(session: RunSession) -> None:
    """Tells how the run goes on after a signal: in others' hands, or by whoever resumes it."""
    again = f"callsheet resume {session.view.run}"
    if session.view.status == "running" and not session.has_lease:
        note(f"the run goes on without you; this follows it: {again}")
    else:
        note(f"kept: {again}")


async def _session(
    service: RunService,
    begin: Callable[[RunService], Awaitable[RunSession]],
    telling: RunOutput,
    held: list[RunSession],
) -> int:
    session = await begin(service)
    held.append(session)
    try:
        if session.holder:
            note(f"{session.holder} carries it on; Ctrl-C leaves it running")
            await session.watch()
            await session.follow()
        else:
            await session.advance()
        while session.view.question is not None and session.view.status == "waiting":
            if not await _put(session, telling):
                break
        await session.write_receipt()
        if telling.output is not None:
            from callsheet.cli.output_files import write_results
            from callsheet.exports.prompt_set import prompt_set

            document = session.document()
            write_results(telling.output, document, prompt_set(document, session.bundle))
        return _tell(session.document(), session.view, telling)
    finally:
        await session.close()


async def _put(session: RunSession, telling: RunOutput) -> bool:
    """Puts the open question until somebody has answered, and goes on; False at the end of input."""
    from callsheet.runs.session import AlreadyAnsweredError

    question = session.view.question
    assert question is not None  # noqa: S101  # the caller saw to it
    again = False
    while True:
        try:
            words = await ask(question, telling.lines, session.check_question_open, again=again)
            if words is None:
                return False
            await session.answer(as_answer(question, words))
        except AlreadyAnsweredError as error:
            click.echo(err=True)
            note(error.message)
            await session.follow()
            return True
        except AnswerError as error:
            print_error(error.message, error.hint)
            again = True
            continue
        if isinstance(question.show, dict):
            telling.shown |= question.show
        await session.advance()
        return True


def _tell(document: dict[str, Any], view: RunView, telling: RunOutput) -> int:
    if telling.json:
        as_json(document)
    else:
        _show(document, telling)
    if line := summary(document):
        note(f"\n{line}")
    if view.status == "waiting":
        note(f"the run waits for an answer: callsheet resume {view.run}")
        return WAITING
    if view.error is not None:
        print_error(view.error.located, view.error.hint)
        note(f"the run is kept: callsheet resume {view.run}")
        return view.error.exit_code
    note(f"kept as {view.run}: callsheet show {view.run}")
    return _judge(document, view, telling)


def _judge(document: Mapping[str, Any], view: RunView, telling: RunOutput) -> int:
    """The exit status of a run that ended well, by the rules that its prompts still break."""
    broken = list(dict.fromkeys(problem["model"].split(".")[0] for problem in document["problems"]))
    if not broken or view.status != "succeeded":
        return 0
    verb = "prompt still breaks a rule" if len(broken) == 1 else "prompts still break a rule"
    what = f"{len(broken)} {verb}: {', '.join(broken)}"
    anew = f"callsheet retry {view.run} --rewrite {','.join(broken)}"
    if telling.strict:
        print_error(what, f"delivered all the same; write anew with `{anew}`")
        return BROKEN
    note(f"{what}; delivered as it stands (--strict would exit {BROKEN}); anew: {anew}")
    return 0


def _show(document: Mapping[str, Any], telling: RunOutput) -> None:
    """The prompts on stdout, less those that a review has just put on the same screen."""
    same_screen = sys.stdout.isatty() and sys.stderr.isatty()
    if not same_screen or not telling.shown:
        show_document(document)
        return
    for prompts in document["prompts"].values():
        show_prompts({k: v for k, v in prompts.items() if telling.shown.get(k) != v})
    show_problems(document)
