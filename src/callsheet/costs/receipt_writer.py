"""Writes receipts: what a run's calls took, beside what all groups of the same steps would have.

Nothing here is stored: the difference is counted from the workflow's files as they were kept, and
the output of models that were not written is guessed from this person's own replies.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from callsheet.catalog.schemas import WRAPPER, models_in, schema_text
from callsheet.costs.prices import price
from callsheet.costs.receipt import Receipt, cached_share
from callsheet.costs.reply_history import ReplyHistory, TokenRange
from callsheet.costs.savings import InstructionSavings
from callsheet.costs.tokens import count_tokens, tokenizer_factor
from callsheet.engine.run_view import RunView, fold
from callsheet.errors import CallsheetError, InputError
from callsheet.llm.providers import LLMSpec, parse_spec, schema_dialect
from callsheet.llm.reply_parser import first_object
from callsheet.llm.schema_adapter import adapt_schema
from callsheet.loader.bundle import load_stored
from callsheet.loader.rendering import (
    INSTRUCTIONS_MODULE,
    SELECTION_PREFIX,
    category_of,
    instructions_of_module,
    render_schema,
)
from callsheet.usage import NO_USAGE, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import JsonValue

    from callsheet.engine.run_view import RecordedCall
    from callsheet.loader.bundle import WorkflowBundle
    from callsheet.store.port import Store

REMEMBERED = 100
"""How many of the latest runs are this person's history."""


@dataclass(frozen=True)
class CalledGroups:
    """Of one call: the groups it asked for, and those of its whole category."""

    groups: tuple[str, ...] = ()
    every: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReceiptReport:
    """Of calls: their receipt, their instructions beside those of every group, and their groups."""

    receipt: Receipt = field(default_factory=Receipt)
    instructions: InstructionSavings = field(default_factory=InstructionSavings)
    groups: tuple[str, ...] = ()

    def __add__(self, other: ReceiptReport) -> ReceiptReport:
        return ReceiptReport(
            self.receipt + other.receipt,
            self.instructions + other.instructions,
            tuple(dict.fromkeys(self.groups + other.groups)),
        )


@dataclass
class ReceiptWriter:
    """Writes receipts for runs of one store; what was counted once is not counted again."""

    store: Store
    history: ReplyHistory
    _sides: dict[tuple[str, ...], CalledGroups] = field(default_factory=dict)
    _productions: dict[str, WorkflowBundle | None] = field(default_factory=dict)
    _counts: dict[tuple[str, str, tuple[str, ...]], tuple[int, int]] = field(default_factory=dict)
    _further: dict[tuple[str, str, str, tuple[str, ...]], tuple[int, TokenRange]] = field(
        default_factory=dict
    )
    _schemas: dict[tuple[str, tuple[str, ...]], dict[str, JsonValue]] = field(default_factory=dict)

    async def write(self, recorded_calls: Sequence[RecordedCall]) -> ReceiptReport:
        """What these calls took in all; calls of which the provider told nothing stand for nothing."""
        return sum([await self._of(each) for each in recorded_calls], start=ReceiptReport())

    async def _of(self, each: RecordedCall) -> ReceiptReport:
        call, sent = each.call, await self._sent(each)
        paid = call.usage
        if call.repair:
            return ReceiptReport(Receipt(paid, paid, paid) if paid.tokens else Receipt())
        sides = (sent.groups, sent.every)
        counted = InstructionSavings(*(self._count(each, names)[0] for names in sides if names))
        if not paid.tokens:
            return ReceiptReport(Receipt(), counted, sent.groups)
        if sent.groups == sent.every:
            return ReceiptReport(Receipt(paid, every=paid), counted, sent.groups)
        return ReceiptReport(self._compared(each, paid, sent), counted, sent.groups)

    def _compared(self, each: RecordedCall, paid: Usage, sent: CalledGroups) -> Receipt:
        """The receipt of a first call: what it took, and what the groups left out would have added."""
        key = (each.manifest, each.call.step, each.llm, sent.groups)
        if key not in self._further:
            self._further[key] = self._left_out(each, sent)
        further, output = self._further[key]
        cached, cost = cached_share(paid, further), None
        if paid.cost_usd is not None:
            named = _llm_spec(each.llm)
            cost = price(named.provider, named.name, further, output.usual, cached_tokens=cached)
        more = Usage(further, cached, output.usual, cost)
        return Receipt(paid, NO_USAGE, paid + more, output.basis)

    def _left_out(self, each: RecordedCall, sent: CalledGroups) -> tuple[int, TokenRange]:
        """What the groups left out would have added to the input, and their models to the output."""
        factor = tokenizer_factor(each.llm)
        written, every = (sum(self._count(each, names)) for names in (sent.groups, sent.every))
        ours = self._models(each, sent.groups)
        schemas = self._models(each, sent.every).items()
        others = {name: schema for name, schema in schemas if name not in ours}
        return round((every - written) * factor), self.history.expect(each.llm, others)

    async def _sent(self, each: RecordedCall) -> CalledGroups:
        """Which groups a call asked for; none where its workflow builds nothing from groups."""
        key = (each.manifest, each.call.step, *_chosen(each))
        if each.call.attempt > 1 or key not in self._sides:
            self._sides[key] = await self._find(each)
        return self._sides[key]

    async def _find(self, each: RecordedCall) -> CalledGroups:
        bundle = await self._bundle(each.manifest)
        if bundle is None:
            return CalledGroups()
        step = next(
            (s for s in bundle.definition.workflow.steps if s.step_id == each.call.step), None
        )
        if step is None or all(use.module_id != INSTRUCTIONS_MODULE for use in step.modules):
            return CalledGroups()
        chosen, catalog = _chosen(each), bundle.resources.catalog
        every = catalog.siblings([], category_of(bundle, each.call.step))
        asked = [name for name in every if name in chosen]
        if each.call.attempt > 1:
            # Prompts that were kept are not written again; what was written stands in the reply.
            prompts = prompts_in(each.call.text)
            groups = {g.name for g in catalog.groups() if set(g.models) & set(prompts)}
            asked = [name for name in asked if name in groups] or asked
        return CalledGroups(tuple(asked or every), tuple(every))

    async def _bundle(self, manifest: str) -> WorkflowBundle | None:
        if manifest not in self._productions:
            try:
                self._productions[manifest] = await load_stored(self.store, manifest)
            except CallsheetError:
                # A run whose files are damaged is shown without a comparison; `show` says why.
                self._productions[manifest] = None
        return self._productions[manifest]

    def _count(self, each: RecordedCall, groups: tuple[str, ...]) -> tuple[int, int]:
        """Tokens (o200k) of the instructions and of the schema for these groups."""
        key = (each.manifest, f"{each.call.step} {_llm_spec(each.llm).provider}", groups)
        if key not in self._counts:
            bundle = self._productions[each.manifest]
            assert bundle is not None  # noqa: S101  # whoever counts has found the groups there
            step = bundle.definition.workflow.step(each.call.step)
            use = next(u for u in step.modules if u.module_id == INSTRUCTIONS_MODULE)
            schema = adapt_schema(self._schema(each, groups), schema_dialect(each.llm))
            self._counts[key] = (
                count_tokens(instructions_of_module(bundle, use, groups)),
                count_tokens(schema_text(schema)),
            )
        return self._counts[key]

    def _schema(self, each: RecordedCall, groups: tuple[str, ...]) -> dict[str, JsonValue]:
        key = (each.manifest, groups)
        if key not in self._schemas:
            bundle = self._productions[each.manifest]
            assert bundle is not None  # noqa: S101  # as above
            try:
                self._schemas[key] = render_schema(bundle, groups)
            except InputError:
                # A workflow may bring its schema in another way; then only instructions differ.
                self._schemas[key] = {}
        return self._schemas[key]

    def _models(self, each: RecordedCall, groups: tuple[str, ...]) -> dict[str, JsonValue]:
        return models_in(self._schema(each, groups))


async def write_receipt(store: Store, view: RunView) -> Receipt | None:
    """A run's receipt; None where no provider told what its calls took, as offline and pasted."""
    if not any(each.call.input_tokens + each.call.output_tokens for each in view.recorded_calls):
        return None
    told = await (await open_receipt_writer(store)).write(view.recorded_calls)
    return told.receipt


async def open_receipt_writer(store: Store) -> ReceiptWriter:
    """Receipts with this person's history: the replies of the latest runs."""
    facts = await store.spending(REMEMBERED)
    return ReceiptWriter(store, history_of([fold(run, kept) for run, kept in facts.items()]))


def history_of(views: Sequence[RunView]) -> ReplyHistory:
    """What each model's prompts took in these runs, newest first."""
    history = ReplyHistory()
    for view in views:
        for each in reversed(view.recorded_calls):
            if not each.call.repair and each.call.finish == "stop":
                history.add(each.llm, each.call.output_tokens, prompts_in(each.call.text))
    return history


def prompts_in(text: str) -> dict[str, JsonValue]:
    """The prompts of a reply by their models; none where it is no reply of our form."""
    found = (first_object(text) or {}).get(WRAPPER)
    return found if isinstance(found, dict) else {}


def _chosen(each: RecordedCall) -> list[str]:
    """Every group that was chosen when the call was made, of whichever category."""
    return [
        str(name)
        for key, said in each.answers.items()
        if key.startswith(SELECTION_PREFIX) and isinstance(said, list)
        for name in said
    ]


def _llm_spec(llm: str) -> LLMSpec:
    """How the LLM was named; a program's own LLM has a name of its own form."""
    try:
        return parse_spec(llm)
    except InputError:
        return LLMSpec(llm)
