"""Estimates tokens and cost: the workflow itself is executed, with an LLM that only measures.

What would be sent is what is counted, so the estimate cannot differ from the run.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from callsheet.call_options import CallOptions
from callsheet.catalog.schemas import models_in, schema_text
from callsheet.costs.image_tokens import request_image_tokens
from callsheet.costs.planned_prices import EstimatedTokens, PlannedPrices
from callsheet.costs.receipt_writer import open_receipt_writer
from callsheet.costs.reply_history import ReplyHistory, by_schema
from callsheet.engine.run_view import RunView, fold
from callsheet.errors import InputError, StorageError, error_of
from callsheet.llm.factory import check_options
from callsheet.llm.jobs import check_jobs
from callsheet.llm.offline import OfflineLLM
from callsheet.llm.port import Reply, Request, Usage
from callsheet.llm.price_list import BATCH, FLEX
from callsheet.llm.providers import DEFAULT_LLM, parse_spec, provider_of, schema_dialect
from callsheet.llm.schema_adapter import adapt_schema
from callsheet.llm.tokens import count_tokens, is_exact, tokenizer_factor
from callsheet.loader.bundle import DEFAULT_WORKFLOW, load_workflow
from callsheet.runs.inputs import parse_selection
from callsheet.runs.options import RunOptions, call_options
from callsheet.runs.service import RunService
from callsheet.store.factory import open_existing_store
from callsheet.store.port import Lease
from callsheet.store.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import JsonValue

    from callsheet.call_options import Tier
    from callsheet.images import Image
    from callsheet.llm.port import TextListener
    from callsheet.settings import Settings
    from callsheet.store.port import Store

SAMPLE_IDEA = "a woman reads by a rain-streaked window at dusk"
"""Stands for the idea where none is given; a sentence of common length."""


class MeasuringLLM:
    """An LLM that returns drafts, so that a run goes on, and counts what it was sent."""

    def __init__(
        self, spec: str, history: ReplyHistory | None = None, most_tokens: int | None = None
    ) -> None:
        self.spec = spec
        self._history = history or ReplyHistory()
        self._most_tokens = most_tokens
        self.tokens = EstimatedTokens()
        self.models: list[str] = []
        self._dialect = schema_dialect(spec)

    async def compose(self, request: Request, on_text: TextListener | None = None) -> Reply:
        del on_text
        try:
            text = (await OfflineLLM().compose(request)).text
        except InputError:
            text = json.dumps(_filler(request.schema))
        models = models_in(dict(request.schema))
        self.models += [*models]
        named = parse_spec(self.spec)
        reply = self._history.expect(self.spec, models) if models else by_schema(request.schema)
        self.tokens += EstimatedTokens(
            1,
            count_tokens(request.system),
            count_tokens(schema_text(adapt_schema(request.schema, self._dialect))),
            count_tokens(request.user),
            request_image_tokens(named.provider, named.name, request.picture),
            reply.within(self._most_tokens),
        )
        return Reply(text, "stop", Usage(), "measure")


async def estimate_selection(  # noqa: PLR0913  # each is a word of the command line's
    groups: Sequence[str],
    settings: Settings,
    *,
    workflow: str = DEFAULT_WORKFLOW,
    llm: str | None = None,
    idea: str | None = None,
    image: Image | None = None,
    tier: Tier | None = None,
    jobs: bool = False,
) -> dict[str, Any]:
    """Estimate a selection, beside all groups of its categories; with `jobs`, a run in a batch job."""
    spec = llm or settings.llm or DEFAULT_LLM
    prices = planned_prices(spec, settings, RunOptions(call_options=CallOptions(tier)), jobs=jobs)
    bundle = load_workflow(workflow)
    chosen = parse_selection(bundle, groups)
    catalog = bundle.resources.catalog
    names = [name for each in chosen.values() if isinstance(each, list) for name in each]
    selection = catalog.select(map(str, names)).groups
    all_groups = catalog.current(catalog.siblings(selection, ""), selection)
    brief = {"idea": idea or SAMPLE_IDEA}
    history = await _history(settings)
    both = [
        await measure_run(spec, options, workflow, settings, history)
        for asked in ([*groups], all_groups)
        for options in [RunOptions(brief=brief, groups=asked, image=image)]
    ]
    selected, complete = (prices.document(tokens) for tokens in both)
    return {
        "workflow": bundle.name,
        "llm": spec,
        "exact": is_exact(spec),
        "groups": names,
        "selection": selected,
        "all": complete,
        "saved_percent": _percent(selected["input_tokens"], complete["input_tokens"]),
        "saved": _saved(selected, complete),
    }


async def estimate_retry(
    name: str, options: RunOptions, settings: Settings, *, store: Store, step: str | None = None
) -> dict[str, Any]:
    """Estimate what a retry would write, keep and cost; nothing is recorded, no LLM is called."""
    events = await store.events(name)
    copy = SqlStore.in_memory()
    view = fold(name, events)
    # An interrupted attempt is read with the workflow files that it started with.
    hashes = _image_hashes(view) | ({view.manifest} if view.values else set())
    files = {key: await store.file(key) for key in hashes}
    await copy.create(Lease(name, "", 1), "", [recorded.event for recorded in events], files)
    spec = options.llm or view.llm
    history = (await open_receipt_writer(store)).history
    measure = MeasuringLLM(spec, history, settings.max_output_tokens)
    session = await RunService(settings, store=copy, llm=measure).retry(name, options, step)
    await session.advance()
    error = session.view.error
    if error is not None:
        raise error_of(error.code, error.message, error.hint)
    tokens = measure.tokens.scaled(tokenizer_factor(spec))
    prompts = [model for each in session.document().prompts.values() for model in each]
    return {
        "write": measure.models,
        "keep": [model for model in prompts if model not in measure.models],
        "llm": spec,
        "exact": is_exact(spec),
        "cost": planned_prices(spec, settings, options).document(tokens),
    }


def _image_hashes(view: RunView) -> set[str]:
    """Return the hashes of the images in a run's answers."""
    answers = (
        value
        for each in (view.preset_answers, *view.answers_by_step.values())
        for value in each.values()
    )
    return {str(value["hash"]) for value in answers if isinstance(value, dict) and "hash" in value}


def _saved(selected: dict[str, Any], complete: dict[str, Any]) -> dict[str, Any]:
    """Return the difference at the usual length of a reply."""
    known = selected["cost_usd"] is not None and complete["cost_usd"] is not None
    part, whole = (each["input_tokens"] + each["output_tokens"] for each in (selected, complete))
    return {
        "tokens": whole - part,
        "percent": _percent(part, whole),
        "cost_usd": complete["cost_usd"] - selected["cost_usd"] if known else None,
        "input_cost_usd": complete["input_cost_usd"] - selected["input_cost_usd"]
        if known
        else None,
    }


def _percent(part: int, whole: int) -> float:
    return round(100 * (1 - part / whole), 1) if whole else 0.0


async def _history(settings: Settings) -> ReplyHistory:
    """Read this person's reply history; creates no store where there is none."""
    try:
        store = open_existing_store(settings)
        return ReplyHistory() if store is None else (await open_receipt_writer(store)).history
    except StorageError:
        # An estimate needs no store; commands that need one report what is wrong with it.
        return ReplyHistory()


async def measure_run(
    spec: str,
    options: RunOptions,
    workflow: str,
    settings: Settings,
    history: ReplyHistory | None = None,
) -> EstimatedTokens:
    """Estimate one run with these options, in the LLM's own tokens or close to them."""
    measure = MeasuringLLM(spec, history, settings.max_output_tokens)
    service = RunService(settings, store=SqlStore.in_memory(), llm=measure)
    # The drafts that stand for replies need not keep the idea.
    session = await service.start(replace(options, idea_check="off"), workflow)
    await session.advance()
    if session.view.error is not None:
        raise InputError(session.view.error.message, hint=session.view.error.hint)
    return measure.tokens.scaled(tokenizer_factor(spec))


def planned_prices(
    spec: str,
    settings: Settings,
    options: RunOptions,
    base_url: str | None = None,
    *,
    jobs: bool = False,
) -> PlannedPrices:
    """Return the prices of calls with these options, or in batch `jobs`.

    Raises InputError where the options do not fit.
    """
    provider = provider_of(spec)
    if provider is not None and provider.reads_base_url_setting:
        base_url = base_url or settings.base_url
    asked = call_options(options, spec, settings)
    check_options(spec, base_url, asked)
    if jobs:
        check_jobs(spec, base_url, asked)
    tier = BATCH if jobs else FLEX if asked.is_flex else ""
    return PlannedPrices.of(spec, tier=tier, own_server=base_url is not None)


def _filler(schema: object) -> JsonValue:
    """Return a reply of the right form where a workflow brings no drafts."""
    node = schema if isinstance(schema, dict) else {}
    if isinstance(properties := node.get("properties"), dict):
        return {name: _filler(child) for name, child in properties.items()}
    if values := node.get("enum"):
        return str(values[0])
    return "one prompt of ordinary length, " * 12
