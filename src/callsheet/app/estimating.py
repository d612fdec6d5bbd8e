"""Tells tokens and cost before paying: the workflow itself is run, with an LLM that only measures.

What would be sent is what is counted, so the estimate cannot drift from the run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from callsheet.app.doors import kept_store
from callsheet.app.productions import DEFAULT, open_production
from callsheet.app.receipts import open_receipts
from callsheet.app.runs import Office, Wish
from callsheet.app.telling import tell_groups
from callsheet.catalog.schemas import models_in, schema_text
from callsheet.engine.view import View, fold
from callsheet.errors import InputError, StorageError, error_of
from callsheet.llm.lowering import lower
from callsheet.llm.offline import Offline
from callsheet.llm.port import Reply, Request, Usage
from callsheet.llm.specs import PROVIDERS, parse_spec
from callsheet.meter.history import History, Span, by_schema
from callsheet.meter.pictures import shown_tokens
from callsheet.meter.prices import price
from callsheet.meter.tokens import ELSEWHERE, count_tokens
from callsheet.store.memory import MemoryStore
from callsheet.store.port import Lease

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import JsonValue

    from callsheet.llm.port import Heard
    from callsheet.pictures import Picture
    from callsheet.settings import Settings
    from callsheet.store.port import Store

SAMPLE = "a woman reads by a rain-streaked window at dusk"
"""Stands for the idea where none is told; a sentence of common length."""


@dataclass(frozen=True)
class Tokens:
    """What one run would send and get back; `drafts` is what the workflow's drafts would take.

    `picture` is None where nobody says what the LLM takes for one; it is then not in the sum.
    """

    calls: int = 0
    instructions: int = 0
    schema: int = 0
    message: int = 0
    picture: int | None = 0
    drafts: int = 0
    reply: Span = field(default_factory=Span)

    @property
    def input(self) -> int:
        """All that is sent."""
        return self.instructions + self.schema + self.message + (self.picture or 0)

    @property
    def output(self) -> int:
        """The usual reply: by this person's own history, else by the drafts within the bounds."""
        if self.reply.basis == "history":
            return self.reply.usual
        return min(max(self.drafts, self.reply.low), self.reply.high)

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            self.calls + other.calls,
            self.instructions + other.instructions,
            self.schema + other.schema,
            self.message + other.message,
            _sum(self.picture, other.picture),
            self.drafts + other.drafts,
            self.reply + other.reply,
        )

    def times(self, number: int) -> Tokens:
        """The same for so many runs."""
        return Tokens(
            self.calls * number,
            self.instructions * number,
            self.schema * number,
            self.message * number,
            None if self.picture is None else self.picture * number,
            self.drafts * number,
            self.reply.times(number),
        )

    def scaled(self, factor: float) -> Tokens:
        """The same for a tokenizer that makes so many more tokens; the reply's range is as it was."""
        return Tokens(
            self.calls,
            round(self.instructions * factor),
            round(self.schema * factor),
            round(self.message * factor),
            self.picture,
            round(self.drafts * factor),
            self.reply,
        )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


class Measure:
    """An LLM that writes drafts and counts what it was sent."""

    def __init__(self, spec: str, history: History | None = None) -> None:
        self.spec = spec
        self._history = history or History()
        self.tokens = Tokens()
        self.models: list[str] = []
        provider = PROVIDERS.get(parse_spec(spec).provider)
        self._dialect = provider.dialect if provider else "openai"

    async def compose(self, request: Request, heard: Heard | None = None) -> Reply:
        del heard
        try:
            text = (await Offline().compose(request)).text
        except InputError:
            text = json.dumps(_filler(request.schema))
        models = models_in(dict(request.schema))
        self.models += [*models]
        named = parse_spec(self.spec)
        self.tokens += Tokens(
            1,
            count_tokens(request.system),
            count_tokens(schema_text(lower(request.schema, self._dialect))),
            count_tokens(request.user),
            shown_tokens(named.provider, named.name, request.picture),
            count_tokens(text),
            self._history.expect(self.spec, models) if models else by_schema(request.schema),
        )
        return Reply(text, "stop", Usage(), "measure")


async def estimate(  # noqa: PLR0913  # each is a word of the command line's
    groups: Sequence[str],
    settings: Settings,
    *,
    workflow: str = DEFAULT,
    llm: str | None = None,
    idea: str | None = None,
    picture: Picture | None = None,
) -> dict[str, Any]:
    """Tokens and cost of a selection, beside those of all groups of the categories it touches."""
    spec = llm or settings.llm or "offline"
    production = open_production(workflow)
    chosen = tell_groups(production, groups)
    every = [
        option.name
        for category, groups_of in production.materials.catalog.categories.items()
        for option in groups_of.values()
        if chosen.get(f"groups.{category}")
    ]
    brief = {"idea": idea or SAMPLE}
    history = await _history(settings)
    both = [
        await measured(spec, wish, workflow, settings, history)
        for names in ([*groups], every)
        for wish in [Wish(brief=brief, groups=names, picture=picture)]
    ]
    priced = _priced(spec, settings)
    selected, against = (_told(tokens, priced) for tokens in both)
    return {
        "workflow": production.name,
        "llm": spec,
        "exact": is_exact(spec),
        "groups": [name for names in chosen.values() if isinstance(names, list) for name in names],
        "selection": selected,
        "all": against,
        "saved_percent": _percent(selected["input_tokens"], against["input_tokens"]),
        "saved": _saved(selected, against),
    }


async def preview(
    name: str, wish: Wish, settings: Settings, *, store: Store, step: str | None = None
) -> dict[str, Any]:
    """What a retry would write, keep and cost; nothing is recorded and nobody is called."""
    facts = await store.events(name)
    copy = MemoryStore()
    view = fold(name, facts)
    # An attempt that was broken off is read by the files that it was begun with.
    kept = _shown(view) | ({view.manifest} if view.values else set())
    files = {key: await store.file(key) for key in kept}
    await copy.create(Lease(name, "", 1), "", [fact.event for fact in facts], files)
    spec = wish.llm or view.llm
    measure = Measure(spec, (await open_receipts(store)).history)
    session = await Office(settings, store=copy, llm=measure).retry(name, wish, step)
    await session.go_on()
    error = session.view.error
    if error is not None:
        raise error_of(error.code, error.message, error.hint)
    tokens = measure.tokens if is_exact(spec) else measure.tokens.scaled(ELSEWHERE)
    prompts = [model for each in session.document()["prompts"].values() for model in each]
    return {
        "write": measure.models,
        "keep": [model for model in prompts if model not in measure.models],
        "llm": spec,
        "exact": is_exact(spec),
        "cost": _told(tokens, _priced(spec, settings)),
    }


def _shown(view: View) -> set[str]:
    """The hashes of the pictures that were answered with in a run."""
    said = (value for each in (view.told, *view.said.values()) for value in each.values())
    return {str(value["hash"]) for value in said if isinstance(value, dict) and "hash" in value}


def _saved(selected: dict[str, Any], against: dict[str, Any]) -> dict[str, Any]:
    """The difference at the usual length of a reply."""
    known = selected["cost_usd"] is not None and against["cost_usd"] is not None
    taken, whole = (each["input_tokens"] + each["output_tokens"] for each in (selected, against))
    return {
        "tokens": whole - taken,
        "percent": _percent(taken, whole),
        "cost_usd": against["cost_usd"] - selected["cost_usd"] if known else None,
    }


def _percent(part: int, whole: int) -> float:
    return round(100 * (1 - part / whole), 1) if whole else 0.0


async def _history(settings: Settings) -> History:
    """What this person's own replies took; looking makes no place for runs where there is none."""
    try:
        store = kept_store(settings)
        return History() if store is None else (await open_receipts(store)).history
    except StorageError:
        # An estimate needs no store; whoever needs one is told what is wrong with it.
        return History()


def is_exact(spec: str) -> bool:
    """Whether o200k is the LLM's own vocabulary; without an LLM it is what there is."""
    return parse_spec(spec).provider in ("openai", "offline", "paste")


async def measured(
    spec: str, wish: Wish, workflow: str, settings: Settings, history: History | None = None
) -> Tokens:
    """What one run of this wish would take, counted in the LLM's own tokens or close to them."""
    measure = Measure(spec, history)
    office = Office(settings, store=MemoryStore(), llm=measure)
    session = await office.start(wish, workflow)
    await session.go_on()
    if session.view.error is not None:
        raise InputError(session.view.error.message, hint=session.view.error.hint)
    return measure.tokens if is_exact(spec) else measure.tokens.scaled(ELSEWHERE)


def _priced(spec: str, settings: Settings) -> Callable[[int, int], float | None]:
    """What tokens of this LLM cost; a server of one's own has no published price."""
    named = parse_spec(spec)
    if named.provider == "openai" and settings.base_url:
        return lambda _sent, _written: None
    return lambda sent, written: price(named.provider, named.name, sent, written)


def _told(tokens: Tokens, priced: Callable[[int, int], float | None]) -> dict[str, Any]:
    if tokens.picture is None:
        # A price without the picture would be too low.
        return _told(replace(tokens, picture=0), lambda _sent, _written: None) | {
            "picture_tokens": None
        }
    return {
        "calls": tokens.calls,
        "instruction_tokens": tokens.instructions,
        "schema_tokens": tokens.schema,
        "message_tokens": tokens.message,
        "picture_tokens": tokens.picture,
        "input_tokens": tokens.input,
        "output_tokens": tokens.output,
        "output_tokens_low": tokens.reply.low,
        "output_tokens_high": tokens.reply.high,
        "output_from": tokens.reply.basis,
        "cost_usd": priced(tokens.input, tokens.output),
        "cost_usd_low": priced(tokens.input, tokens.reply.low),
        "cost_usd_high": priced(tokens.input, tokens.reply.high),
    }


def _filler(schema: object) -> JsonValue:
    """A reply of the right form where a workflow brings no drafts."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    if isinstance(properties, dict):
        return {name: _filler(node) for name, node in properties.items()}
    return "one prompt of ordinary length, " * 12
