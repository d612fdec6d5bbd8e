"""Writes receipts: what a run's calls took, beside what all groups of the same steps would have.

Nothing here is stored: the difference is counted from the workflow's files as they were kept, and
the output of models that were not written is guessed from this person's own replies.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callsheet.app.building import INSTRUCTIONS, category_of, instructions_of, schema_for
from callsheet.app.productions import open_kept
from callsheet.app.telling import SELECTION
from callsheet.catalog.schemas import WRAPPER, models_in, schema_text
from callsheet.engine.view import View, fold
from callsheet.errors import CallsheetError, InputError
from callsheet.llm.lowering import lower
from callsheet.llm.replies import first_object
from callsheet.llm.specs import PROVIDERS, Spec, parse_spec
from callsheet.meter.history import History, Span
from callsheet.meter.prices import price
from callsheet.meter.receipt import Bill, Receipt, cached_share
from callsheet.meter.savings import Savings
from callsheet.meter.tokens import ELSEWHERE, count_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import JsonValue

    from callsheet.app.productions import Production
    from callsheet.engine.view import Bought
    from callsheet.store.port import Store

REMEMBERED = 100
"""How many of the latest runs are this person's history."""


@dataclass(frozen=True)
class Sent:
    """Of one call: the groups it asked for, and those of its whole category."""

    groups: tuple[str, ...] = ()
    every: tuple[str, ...] = ()


@dataclass(frozen=True)
class Told:
    """Of calls: their receipt, their instructions beside those of every group, and their groups."""

    receipt: Receipt = field(default_factory=Receipt)
    instructions: Savings = field(default_factory=Savings)
    groups: tuple[str, ...] = ()

    def __add__(self, other: Told) -> Told:
        return Told(
            self.receipt + other.receipt,
            self.instructions + other.instructions,
            tuple(dict.fromkeys(self.groups + other.groups)),
        )


@dataclass
class Receipts:
    """Writes receipts for runs of one store; what was counted once is not counted again."""

    store: Store
    history: History
    _sides: dict[tuple[str, ...], Sent] = field(default_factory=dict)
    _productions: dict[str, Production | None] = field(default_factory=dict)
    _counts: dict[tuple[str, str, tuple[str, ...]], tuple[int, int]] = field(default_factory=dict)
    _further: dict[tuple[str, str, str, tuple[str, ...]], tuple[int, Span]] = field(
        default_factory=dict
    )
    _schemas: dict[tuple[str, tuple[str, ...]], dict[str, JsonValue]] = field(default_factory=dict)

    async def write(self, bought: Sequence[Bought]) -> Told:
        """What these calls took in all; calls of which the provider told nothing stand for nothing."""
        return sum([await self._of(each) for each in bought], start=Told())

    async def _of(self, each: Bought) -> Told:
        call, sent = each.call, await self._sent(each)
        paid = Bill(call.input_tokens, call.cached_input_tokens, call.output_tokens, call.cost_usd)
        if call.repair:
            return Told(Receipt(paid, paid, paid) if paid.tokens else Receipt())
        sides = (sent.groups, sent.every)
        counted = Savings(*(self._count(each, names)[0] for names in sides if names))
        if not paid.tokens:
            return Told(Receipt(), counted, sent.groups)
        if sent.groups == sent.every:
            return Told(Receipt(paid, every=paid), counted, sent.groups)
        return Told(self._compared(each, paid, sent), counted, sent.groups)

    def _compared(self, each: Bought, paid: Bill, sent: Sent) -> Receipt:
        """The receipt of a first call: what it took, and what the groups left out would have added."""
        key = (each.manifest, each.call.step, each.llm, sent.groups)
        if key not in self._further:
            self._further[key] = self._left_out(each, sent)
        further, output = self._further[key]
        cached, cost = cached_share(paid, further), None
        if paid.cost_usd is not None:
            named = _spec(each.llm)
            cost = price(named.provider, named.name, further, output.usual, cached_tokens=cached)
        more = Bill(further, cached, output.usual, cost)
        return Receipt(paid, Bill(), paid + more, output.basis)

    def _left_out(self, each: Bought, sent: Sent) -> tuple[int, Span]:
        """What the groups left out would have added to the input, and their models to the output."""
        factor = 1.0 if _spec(each.llm).provider == "openai" else ELSEWHERE
        written, every = (sum(self._count(each, names)) for names in (sent.groups, sent.every))
        ours = self._models(each, sent.groups)
        schemas = self._models(each, sent.every).items()
        others = {name: schema for name, schema in schemas if name not in ours}
        return round((every - written) * factor), self.history.expect(each.llm, others)

    async def _sent(self, each: Bought) -> Sent:
        """Which groups a call asked for; none where its workflow builds nothing from groups."""
        key = (each.manifest, each.call.step, *_chosen(each))
        if each.call.attempt > 1 or key not in self._sides:
            self._sides[key] = await self._find(each)
        return self._sides[key]

    async def _find(self, each: Bought) -> Sent:
        production = await self._production(each.manifest)
        if production is None:
            return Sent()
        step = next(
            (s for s in production.document.workflow.steps if s.step_id == each.call.step), None
        )
        if step is None or all(use.module_id != INSTRUCTIONS for use in step.modules):
            return Sent()
        chosen, catalog = _chosen(each), production.materials.catalog
        every = catalog.siblings([], category_of(production, each.call.step))
        asked = [name for name in every if name in chosen]
        if each.call.attempt > 1:
            # Prompts that were kept are not written again; what was written stands in the reply.
            prompts = prompts_in(each.call.text)
            groups = {g.name for g in catalog.groups() if set(g.models) & set(prompts)}
            asked = [name for name in asked if name in groups] or asked
        return Sent(tuple(asked or every), tuple(every))

    async def _production(self, manifest: str) -> Production | None:
        if manifest not in self._productions:
            try:
                self._productions[manifest] = await open_kept(self.store, manifest)
            except CallsheetError:
                # A run whose files are damaged is shown without a comparison; `show` says why.
                self._productions[manifest] = None
        return self._productions[manifest]

    def _count(self, each: Bought, groups: tuple[str, ...]) -> tuple[int, int]:
        """Tokens (o200k) of the instructions and of the schema for these groups."""
        key = (each.manifest, f"{each.call.step} {_spec(each.llm).provider}", groups)
        if key not in self._counts:
            production = self._productions[each.manifest]
            assert production is not None  # noqa: S101  # whoever counts has found the groups there
            step = production.document.workflow.step(each.call.step)
            use = next(u for u in step.modules if u.module_id == INSTRUCTIONS)
            known = PROVIDERS.get(_spec(each.llm).provider)
            schema = lower(self._schema(each, groups), known.dialect if known else "openai")
            self._counts[key] = (
                count_tokens(instructions_of(production, use, groups)),
                count_tokens(schema_text(schema)),
            )
        return self._counts[key]

    def _schema(self, each: Bought, groups: tuple[str, ...]) -> dict[str, JsonValue]:
        key = (each.manifest, groups)
        if key not in self._schemas:
            production = self._productions[each.manifest]
            assert production is not None  # noqa: S101  # as above
            try:
                self._schemas[key] = schema_for(production, groups)
            except InputError:
                # A workflow may bring its schema in another way; then only instructions differ.
                self._schemas[key] = {}
        return self._schemas[key]

    def _models(self, each: Bought, groups: tuple[str, ...]) -> dict[str, JsonValue]:
        return models_in(self._schema(each, groups))


async def receipt_of(store: Store, view: View) -> Receipt | None:
    """A run's receipt; None where no provider told what its calls took, as offline and pasted."""
    if not any(each.call.input_tokens + each.call.output_tokens for each in view.bought):
        return None
    told = await (await open_receipts(store)).write(view.bought)
    return told.receipt


async def open_receipts(store: Store) -> Receipts:
    """Receipts with this person's history: the replies of the latest runs."""
    facts = await store.spending(REMEMBERED)
    return Receipts(store, history_of([fold(run, kept) for run, kept in facts.items()]))


def history_of(views: Sequence[View]) -> History:
    """What each model's prompts took in these runs, newest first."""
    history = History()
    for view in views:
        for each in reversed(view.bought):
            if not each.call.repair and each.call.finish == "stop":
                history.add(each.llm, each.call.output_tokens, prompts_in(each.call.text))
    return history


def prompts_in(text: str) -> dict[str, JsonValue]:
    """The prompts of a reply by their models; none where it is no reply of our form."""
    found = (first_object(text) or {}).get(WRAPPER)
    return found if isinstance(found, dict) else {}


def _chosen(each: Bought) -> list[str]:
    """Every group that was chosen when the call was made, of whichever category."""
    return [
        str(name)
        for key, said in each.answers.items()
        if key.startswith(SELECTION) and isinstance(said, list)
        for name in said
    ]


def _spec(llm: str) -> Spec:
    """How the LLM was named; a program's own LLM has a name of its own form."""
    try:
        return parse_spec(llm)
    except InputError:
        return Spec(llm)
