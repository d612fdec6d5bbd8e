"""`run`, `resume` and `retry`: execute a run and ask its questions in the terminal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from callsheet.cli.exit import InterruptedBySignal, print_error
from callsheet.cli.line_reader import is_terminal
from callsheet.cli.options import (
    RUN_HELP,
    build_run_options,
    build_settings,
    image_option,
    llm_options,
    parse_brief,
    question_options,
    result_options,
    split_names,
    still_option,
)
from callsheet.cli.output import note, note_command
from callsheet.cli.questions import ask, parse_input
from callsheet.cli.run_reporter import RunReporter
from callsheet.errors import AnswerError, StorageError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from callsheet.questions import Question
    from callsheet.runs.service import RunService
    from callsheet.runs.session import RunSession


@click.command()
@click.argument("workflow", required=False)
@click.option("--idea", help="The idea to write prompts for; asked for if omitted.")
@click.option(
    "--like",
    metavar="RUN",
    help="Begin with the workflow, brief, groups and image of an earlier run; other options go"
    " before them. The LLM is not taken over.",
)
@click.option(
    "--set",
    "fields",
    multiple=True,
    metavar="KEY=VALUE",
    help="Another field of the brief (oms: aesthetic, mood, aspect_ratio, picture). Without a value"
    " it is left open: the LLM chooses.",
)
@click.option(
    "--groups",
    callback=split_names,
    metavar="A,B",
    help="Model groups to write for (see `callsheet groups`), or all; GROUP/MODEL is one model of"
    " a group. A category without a selected group is skipped.",
)
@still_option
@image_option
@llm_options
@question_options
@result_options
def run(
    workflow: str | None, idea: str | None, fields: tuple[str, ...], like: str | None, **given: Any
) -> int:
    """Write prompts for an idea.

    WORKFLOW is a name, a folder or a file (default: oms).
    """
    options = build_run_options(given, brief=parse_brief(idea, fields))

    async def begin(service: RunService) -> RunSession:
        if like is None:
            return await service.start(options, workflow or "oms")
        from callsheet.runs.like import options_like

        return await service.start(*await options_like(service, like, options, workflow))

    return _execute(given, begin, hint_llm=given["llm"] is None)


@click.command(epilog=RUN_HELP)
@click.argument("name", metavar="RUN")
@llm_options
@question_options
@result_options
def resume(name: str, **given: Any) -> int:
    """Resume a waiting, failed or interrupted run.

    If a worker is executing the run, its progress is shown.
    """
    options = build_run_options(given)

    async def begin(service: RunService) -> RunSession:
        from callsheet.runs.follow import follow
        from callsheet.runs.options import RunOptions

        # Options cannot be passed to a worker that is already executing the run.
        followed = await follow(service, name) if options == RunOptions() else None
        return followed or await service.resume(name, options)

    return _execute(given, begin)


@click.command(epilog=RUN_HELP)
@click.argument("name", metavar="RUN")
@click.option(
    "--step",
    metavar="STEP",
    help="Step to repeat. Default: the step of a given field, else the failed step, else the first"
    " step of the given groups, else the last step that wrote prompts.",
)
@click.option(
    "--set",
    "fields",
    multiple=True,
    metavar="KEY=VALUE",
    help="Another value for a field of the brief; without a value the field is left open.",
)
@click.option(
    "--groups", callback=split_names, metavar="A,B", help="Select other groups or models."
)
@click.option(
    "--rewrite",
    callback=split_names,
    metavar="MODEL,…",
    help="Rewrite the prompts of these models, or `all`. Other prompts that still fit are kept.",
)
@click.option(
    "--wish",
    metavar="TEXT",
    help="What to change in the rewritten prompts, such as `less rain`; the rest of each is kept.",
)
@still_option
@image_option
@llm_options
@question_options
@result_options
def retry(name: str, step: str | None, fields: tuple[str, ...], **given: Any) -> int:
    """Repeat a step of a run and every later step as a new attempt."""
    options = build_run_options(given, brief=parse_brief(None, fields))
    return _execute(given, lambda service: service.retry(name, options, step))


def _execute(
    given: Mapping[str, Any],
    begin: Callable[[RunService], Awaitable[RunSession]],
    *,
    hint_llm: bool = False,
) -> int:
    from callsheet.runs.service import RunService

    reporter = RunReporter(given["json"], given["output"], given["strict"], hint_llm)
    if reporter.output is not None:
        from callsheet.cli.output_files import create_folder

        create_folder(reporter.output)
    service = RunService(build_settings(given), listen=reporter.on_event)
    sessions: list[RunSession] = []
    try:
        return asyncio.run(_drive(service, begin, reporter, sessions))
    except InterruptedBySignal:
        reporter.live.clear()
        for session in sessions:
            _note_interruption(session)
            asyncio.run(session.close())
        raise


def _note_interruption(session: RunSession) -> None:
    command = f"callsheet resume {session.view.run}"
    if session.view.status == "running" and not session.has_lease:
        note_command("the run continues on a worker; to follow it", command)
    else:
        note_command("to resume the run", command)


async def _drive(
    service: RunService,
    begin: Callable[[RunService], Awaitable[RunSession]],
    reporter: RunReporter,
    sessions: list[RunSession],
) -> int:
    """Advances the run and asks its questions until the run or the input ends."""
    session = await begin(service)
    session.on_activity = reporter.on_activity
    sessions.append(session)
    # Who pipes an answer has seen the question when the run began to wait.
    known = None if is_terminal() else session.view.question
    try:
        if session.holder:
            reporter.note_following(session.holder)
            await session.watch()
            await session.follow()
        else:
            await session.advance()
        while session.view.question is not None and session.view.status == "waiting":
            if not await _answer_question(session, reporter, known):
                break
        await session.write_receipt()
        if reporter.output is not None:
            from callsheet.cli.output_files import write_results
            from callsheet.exports.prompt_set import prompt_set

            document = session.document()
            write_results(reporter.output, document, prompt_set(document, session.bundle))
        return reporter.report(session.document(), session.view)
    except StorageError as error:
        if session.unsaved is None:
            raise
        return reporter.report_unsaved(session.document(), error)
    finally:
        await session.close()


async def _answer_question(
    session: RunSession, reporter: RunReporter, known: Question | None
) -> bool:
    """Asks the open question until it is answered, then advances; False at the end of input.

    Of a question that is `known` only the last line is printed.
    """
    from callsheet.runs.session import AlreadyAnsweredError

    question = session.view.question
    assert question is not None  # noqa: S101  # checked by the caller
    again = question == known
    while True:
        try:
            text = await ask(question, reporter.lines, session.check_question_open, again=again)
            if text is None and not question.optional:
                return False
            answer = question.default if text is None else parse_input(question, text)
            await session.answer(answer)
        except AlreadyAnsweredError as error:
            click.echo(err=True)
            note(error.message)
            await session.follow()
            return True
        except AnswerError as error:
            print_error(error.message, error.hint)
            again = True
            continue
        reporter.remember_reviewed(question)
        await session.advance()
        return True
