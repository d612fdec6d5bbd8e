"""The verbs for programs: typed, synchronous where that is simplest, and quiet."""

from __future__ import annotations

import asyncio
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.activity import Retrying as Retrying  # noqa: PLC0414  # part of the public API
from callsheet.activity import Writing as Writing  # noqa: PLC0414
from callsheet.call_options import checked_options
from callsheet.errors import StorageError, error_of
from callsheet.fidelity import checked_mode
from callsheet.images import FOR_LLMS, open_image, read_image
from callsheet.loader.bundle import DEFAULT_WORKFLOW, load_workflow
from callsheet.loader.rendering import render_instructions, render_schema
from callsheet.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from callsheet.activity import Activity
    from callsheet.call_options import Effort, Tier
    from callsheet.catalog.groups import Group
    from callsheet.documents import RunDocument
    from callsheet.fidelity import IdeaCheckMode
    from callsheet.images import Image, ImageLimits
    from callsheet.llm.port import LLM
    from callsheet.questions import Question
    from callsheet.runs.service import RunService
    from callsheet.runs.session import RunSession
    from callsheet.settings import Settings


@dataclass(frozen=True)
class Result:
    """What a run brought.

    `prompts` holds each model's prompt (a text, or an object of texts) in the order of the config;
    `document` is the run as `--json` prints it. `question` is what a waiting run asks. `problems` are
    the rules that prompts still break, `warnings` what else to know of them: each with its `model`,
    `rule`, `kind` and `message`. `coverage` is how much of the idea each model's prompt keeps.
    """

    run: str
    status: str
    prompts: Mapping[str, JsonValue]
    problems: Sequence[Mapping[str, str]]
    question: Mapping[str, JsonValue] | None
    document: RunDocument
    warnings: Sequence[Mapping[str, str]] = ()
    coverage: Mapping[str, Mapping[str, JsonValue]] = field(default_factory=dict)


@dataclass(frozen=True)
class Estimate:
    """Tokens sent for a selection and for all groups, and what they cost in US dollars.

    `exact` says whether the LLM's own tokenizer was used; an unknown cost is None. `output_tokens` is the
    least and the most by `output_from`: own `history`, or `schema`. `cost_usd` is at the usual length.
    """

    input_tokens: int
    input_tokens_all: int
    saved_percent: float
    cost_usd: float | None
    cost_usd_all: float | None
    output_tokens: tuple[int, int]
    output_tokens_all: tuple[int, int]
    output_from: str
    exact: bool
    details: Mapping[str, Any]


def load_groups(workflow: str = DEFAULT_WORKFLOW) -> Mapping[str, Mapping[str, Group]]:
    """The model groups that can be chosen: by category, then by name, in the config's order.

    Raises InputError where the workflow cannot be read.
    """
    return load_workflow(workflow).resources.catalog.categories


def build_instructions(groups: Sequence[str], *, workflow: str = DEFAULT_WORKFLOW) -> str:
    """The system message for these groups of one category: shared instructions, then each group's.

    `GROUP/MODEL` is one model of a group: the parts of its other models are left out. Raises
    UnknownNameError for a group or model that does not exist.
    """
    return render_instructions(load_workflow(workflow), groups)


def build_schema(
    groups: Sequence[str], *, workflow: str = DEFAULT_WORKFLOW
) -> dict[str, JsonValue]:
    """The strict JSON schema of a reply with exactly these groups' models; `GROUP/MODEL` is one.

    Raises UnknownNameError for a group or model that does not exist.
    """
    return render_schema(load_workflow(workflow), groups)


def estimate(  # noqa: PLR0913  # each is a word of the command line's
    groups: Sequence[str],
    *,
    llm: str | None = None,
    idea: str | None = None,
    image: str | Path | bytes | None = None,
    workflow: str = DEFAULT_WORKFLOW,
    tier: Tier | None = None,
) -> Estimate:
    """Tokens and cost of these groups beside all of their categories; no key, no network."""
    from callsheet.runs.estimate import estimate_selection

    measuring = estimate_selection(
        groups,
        read_settings(),
        workflow=workflow,
        llm=llm,
        idea=idea,
        image=person_image(image),
        tier=checked_options(tier).tier,
    )
    report = asyncio.run(measuring)
    return Estimate(
        input_tokens=report["selection"]["input_tokens"],
        input_tokens_all=report["all"]["input_tokens"],
        saved_percent=report["saved_percent"],
        cost_usd=report["selection"]["cost_usd"],
        cost_usd_all=report["all"]["cost_usd"],
        output_tokens=_range(report["selection"]),
        output_tokens_all=_range(report["all"]),
        output_from=report["selection"]["output_from"],
        exact=report["exact"],
        details=report,
    )


def _range(side: Mapping[str, int]) -> tuple[int, int]:
    return side["output_tokens_low"], side["output_tokens_high"]


def run(idea: str, groups: Sequence[str], **options: Any) -> Result:
    """Writes the prompts of these groups for an idea; takes the options of `run_async`."""
    return asyncio.run(run_async(idea, groups, **options))


async def run_async(  # noqa: PLR0913  # each is a word of the command line's
    idea: str,
    groups: Sequence[str],
    *,
    llm: str | LLM | None = None,
    base_url: str | None = None,
    brief: Mapping[str, str] | None = None,
    workflow: str = DEFAULT_WORKFLOW,
    home: str | Path | None = None,
    image: str | Path | bytes | None = None,
    still: str | None = None,
    idea_check: IdeaCheckMode | None = None,
    tier: Tier | None = None,
    effort: Effort | None = None,
    temperature: float | None = None,
    answer: Callable[[Question], str | None] | None = None,
    on_activity: Callable[[Activity], None] | None = None,
) -> Result:
    """Writes the prompts of these groups for an idea, and keeps the run.

    `llm` is a spec such as `openai:NAME`, or an object with the port's `compose`; `brief` sets
    further fields; `home` is where runs are kept; `image` is the rendered still that motion prompts
    are written for, as a path or as its bytes; `still` names the image model whose still they are
    for, else the first; `idea_check` is `strict`, `warn` or `off`; `tier`, `effort` and
    `temperature` are the command line's. A question that nothing answers is put to `answer`; without
    one, or with None as its word, the result is of status `waiting`. `on_activity` is called with a
    `Writing` while the LLM writes, and with a `Retrying` before a failed call is made again.

    Raises InputError for words that do not fit, ProviderError, ReplyError and StorageError as the
    run meets them. A run that has begun is kept in any case, and the error's `document` shows it: the
    finished prompts, the texts that were rejected, and what was received and could not be stored.
    """
    from callsheet.runs.options import RunOptions

    options = RunOptions(
        llm=spec_of(llm),
        base_url=base_url,
        brief={**(brief or {}), "idea": idea},
        groups=tuple(groups),
        image=person_image(image),
        still=still,
        idea_check=checked_mode(idea_check),
        call_options=checked_options(tier, effort, temperature),
    )
    with open_service(home, llm) as service:
        session = await service.start(options, workflow)
        session.on_activity = on_activity
        return await _carry_out(session, answer)


def answer(run: str, words: str, **options: Any) -> Result:
    """Answers the question of a waiting run, and carries it on; takes the options of `answer_async`."""
    return asyncio.run(answer_async(run, words, **options))


async def answer_async(
    run: str,
    words: str,
    *,
    home: str | Path | None = None,
    answer: Callable[[Question], str | None] | None = None,
    on_activity: Callable[[Activity], None] | None = None,
) -> Result:
    """Answers the question of a waiting run (a pasted reply, say), and carries it on as `run_async` does.

    Raises AnswerError for words that do not fit, and AlreadyAnsweredError where nothing is asked.
    """
    with open_service(home) as service:
        session = await service.open(run)
        session.on_activity = on_activity
        await session.answer(words)
        return await _carry_out(session, answer)


def resume(run: str, **options: Any) -> Result:
    """Resumes a failed, parked or interrupted run; takes the options of `resume_async`."""
    return asyncio.run(resume_async(run, **options))


async def resume_async(  # noqa: PLR0913  # each is a word of the command line's
    run: str,
    *,
    llm: str | LLM | None = None,
    base_url: str | None = None,
    home: str | Path | None = None,
    answer: Callable[[Question], str | None] | None = None,
    on_activity: Callable[[Activity], None] | None = None,
) -> Result:
    """Resumes a run where it stopped, with another `llm` if one is given; nothing is paid twice."""
    from callsheet.runs.options import RunOptions

    with open_service(home, llm) as service:
        session = await service.resume(run, RunOptions(llm=spec_of(llm), base_url=base_url))
        session.on_activity = on_activity
        return await _carry_out(session, answer)


def retry(run: str, **options: Any) -> Result:
    """Writes prompts of a kept run again; takes the options of `retry_async`."""
    return asyncio.run(retry_async(run, **options))


async def retry_async(  # noqa: PLR0913  # each is a word of the command line's
    run: str,
    *,
    rewrite: Sequence[str] = (),
    wish: str = "",
    groups: Sequence[str] | None = None,
    llm: str | LLM | None = None,
    home: str | Path | None = None,
) -> Result:
    """Writes the prompts of the models `rewrite` again, changed as `wish` says, or other `groups`."""
    from callsheet.runs.options import RunOptions

    options = RunOptions(llm=spec_of(llm), groups=groups, rewrite=tuple(rewrite), wish=wish)
    with open_service(home, llm) as service:
        return await _carry_out(await service.retry(run, options), None)


async def _carry_out(
    session: RunSession, answer: Callable[[Question], str | None] | None
) -> Result:
    """Carries a run on to its end, or to a question that nobody answers."""
    try:
        await session.advance()
        while session.view.question is not None and session.view.status == "waiting":
            words = answer(session.view.question) if answer else None
            if words is None:
                break
            await session.answer(words)
            await session.advance()
        await session.write_receipt()
    except StorageError as failure:
        if session.unsaved is not None:
            failure.document = session.document()
        raise
    await session.close()
    if (error := session.view.error) is not None:
        raised = error_of(error.code, error.located, error.hint)
        raised.document = session.document()
        raise raised
    return to_result(session.document())


def person_image(image: str | Path | bytes | None, limits: ImageLimits = FOR_LLMS) -> Image | None:
    """The image at a path, or in bytes; raises AnswerError."""
    if image is None:
        return None
    if isinstance(image, bytes):
        return read_image(image, limits)
    return open_image(Path(image), limits)


def spec_of(llm: str | LLM | None) -> str | None:
    """The spec that was given as an LLM, if it is one."""
    return llm if isinstance(llm, str) else None


@contextmanager
def open_service(home: str | Path | None, llm: str | LLM | None = None) -> Iterator[RunService]:
    """The runs of a home; an LLM that is no spec carries them out. The store is closed afterwards."""
    from callsheet.runs.service import RunService

    service = RunService(_settings(home), llm=None if isinstance(llm, str) else llm)
    with closing(service.store):
        yield service


def _settings(home: str | Path | None) -> Settings:
    return read_settings() if home is None else replace(read_settings(), home=Path(home))


def to_result(document: RunDocument) -> Result:
    """What a run brought, from its document."""
    return Result(
        run=document.run,
        status=document.status,
        prompts={name: p for each in document.prompts.values() for name, p in each.items()},
        problems=document["problems"],
        question=document.get("question"),
        document=document,
        warnings=document["warnings"],
        coverage=document["coverage"],
    )
