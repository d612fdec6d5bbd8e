"""`run`, `resume` and `retry`: carry a run on, put its questions, and tell what came of it."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from callsheet.cli.asking import as_answer, ask
from callsheet.cli.failing import InterruptedBySignal, tell_error
from callsheet.cli.options import (
    brief_of,
    image_option,
    llm_options,
    manner_options,
    result_options,
    split_names,
    wish_of,
)
from callsheet.cli.printing import (
    as_json,
    note,
    show_document,
    show_finished,
    show_problems,
    show_prompts,
    summary,
)
from callsheet.cli.reading import Lines
from callsheet.errors import AnswerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from callsheet.app.runs import Office
    from callsheet.app.session import Session
    from callsheet.engine.view import View
    from callsheet.events import Recorded

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
def run(workflow: str, idea: str | None, fields: tuple[str, ...], **options: Any) -> int:
    """Write prompts for an idea with WORKFLOW: a name, a folder or a file (default: oms)."""
    wish = wish_of(options, brief=brief_of(idea, fields))
    telling = _telling(options, hint_llm=options["llm"] is None)
    return _carry_out(telling, lambda office: office.start(wish, workflow))


@click.command()
@click.argument("name", metavar="RUN")
@llm_options
@manner_options
@result_options
def resume(name: str, **options: Any) -> int:
    """Go on with RUN: a run's name, its beginning, or `last`; where workers have it, follow it."""
    wish = wish_of(options)

    async def begin(office: Office) -> Session:
        from callsheet.app.following import follow
        from callsheet.app.runs import Wish

        # What is wished otherwise cannot be told to those who carry the run on already.
        followed = await follow(office, name) if wish == Wish() else None
        return followed or await office.resume(name, wish)

    return _carry_out(_telling(options), begin)


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
def retry(name: str, step: str | None, **options: Any) -> int:
    """Do a step of RUN again, and every later one, as a new attempt."""
    telling = _telling(options)
    return _carry_out(telling, lambda office: office.retry(name, wish_of(options), step))


@dataclass
class Telling:
    """What is told on the way, and how; `shown` remembers the prompts a review has shown."""

    json: bool
    output: Path | None
    strict: bool = False
    hint_llm: bool = False
    shown: dict[str, Any] = field(default_factory=dict)
    lines: Lines = field(default_factory=Lines)

    def hear(self, recorded: Recorded, view: View) -> None:
        """Tells of a fact what a person should know."""
        event = recorded.event
        match event.kind:
            case "run_started" if self.hint_llm and event.llm == "offline":
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


def _telling(options: Mapping[str, Any], *, hint_llm: bool = False) -> Telling:
    return Telling(options["json"], options["output"], options["strict"], hint_llm)


def _carry_out(telling: Telling, begin: Callable[[Office], Awaitable[Session]]) -> int:
    from callsheet.app.runs import Office
    from callsheet.settings import read_settings

    if telling.output is not None:
        from callsheet.cli.files import make_folder

        make_folder(telling.output)
    office = Office(read_settings(), listen=telling.hear)
    held: list[Session] = []
    try:
        return asyncio.run(_session(office, begin, telling, held))
    except InterruptedBySignal:
        for session in held:
            _leave(session)
            asyncio.run(session.close())
        raise


def _leave(session: Session) -> None:
    """Tells how the run goes on after a signal: in others' hands, or by whoever resumes it."""
    again = f"callsheet resume {session.view.run}"
    if session.view.status == "running" and not session.held:
        note(f"the run goes on without you; this follows it: {again}")
    else:
        note(f"kept: {again}")


async def _session(
    office: Office,
    begin: Callable[[Office], Awaitable[Session]],
    telling: Telling,
    held: list[Session],
) -> int:
    session = await begin(office)
    held.append(session)
    try:
        if session.carried_by:
            note(f"{session.carried_by} carries it on; Ctrl-C leaves it running")
            await session.watch()
            await session.follow()
        else:
            await session.go_on()
        while session.view.question is not None and session.view.status == "waiting":
            if not await _put(session, telling):
                break
        await session.write_receipt()
        if telling.output is not None:
            from callsheet.cli.files import write_results

            write_results(telling.output, session.document(), session.sheet())
        return _tell(session.document(), session.view, telling)
    finally:
        await session.close()


async def _put(session: Session, telling: Telling) -> bool:
    """Puts the open question until somebody has answered, and goes on; False at the end of input."""
    from callsheet.app.session import AnsweredError

    question = session.view.question
    assert question is not None  # noqa: S101  # the caller saw to it
    again = False
    while True:
        try:
            words = await ask(question, telling.lines, session.check_open, again=again)
            if words is None:
                return False
            await session.answer(as_answer(question, words))
        except AnsweredError as error:
            click.echo(err=True)
            note(error.message)
            await session.follow()
            return True
        except AnswerError as error:
            tell_error(error.message, error.hint)
            again = True
            continue
        if isinstance(question.show, dict):
            telling.shown |= question.show
        await session.go_on()
        return True


def _tell(document: dict[str, Any], view: View, telling: Telling) -> int:
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
        tell_error(view.error.located, view.error.hint)
        note(f"the run is kept: callsheet resume {view.run}")
        return view.error.exit_code
    note(f"kept as {view.run}: callsheet show {view.run}")
    return _judge(document, view, telling)


def _judge(document: Mapping[str, Any], view: View, telling: Telling) -> int:
    """The exit status of a run that ended well, by the rules that its prompts still break."""
    broken = list(dict.fromkeys(problem["model"].split(".")[0] for problem in document["problems"]))
    if not broken or view.status != "succeeded":
        return 0
    verb = "prompt still breaks a rule" if len(broken) == 1 else "prompts still break a rule"
    what = f"{len(broken)} {verb}: {', '.join(broken)}"
    anew = f"callsheet retry {view.run} --rewrite {','.join(broken)}"
    if telling.strict:
        tell_error(what, f"delivered all the same; write anew with `{anew}`")
        return BROKEN
    note(f"{what}; delivered as it stands (--strict would exit {BROKEN}); anew: {anew}")
    return 0


def _show(document: Mapping[str, Any], telling: Telling) -> None:
    """The prompts on stdout, less those that a review has just put on the same screen."""
    same_screen = sys.stdout.isatty() and sys.stderr.isatty()
    if not same_screen or not telling.shown:
        show_document(document)
        return
    for prompts in document["prompts"].values():
        show_prompts({k: v for k, v in prompts.items() if telling.shown.get(k) != v})
    show_problems(document)
