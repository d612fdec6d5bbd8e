"""Writes receipts: what a run's calls took, beside what all groups of the same steps would have.

Receipts are not stored: the difference is counted from the stored workflow files, and the output of
models that were not written is estimated from this person's own replies.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from callsheet.catalog.schemas import WRAPPER, models_in, schema_text
from callsheet.costs.cached_input import (
    CallTimes,
    cache_terms,
    cached_of_all,
    written_tokens,
)
from callsheet.costs.prices import price, tier_price
from callsheet.costs.receipt import Receipt
from callsheet.costs.reply_history import ReplyHistory, TokenRange
from callsheet.costs.savings import InstructionSavings
from callsheet.engine.run_view import RunView, fold
from callsheet.errors import CallsheetError, InputError
from callsheet.llm.providers import LLMSpec, parse_spec, schema_dialect
from callsheet.llm.reply_reader import read_reply
from callsheet.llm.schema_adapter import adapt_schema
from callsheet.llm.tokens import count_tokens, tokenizer_factor
from callsheet.loader.bundle import load_stored
from callsheet.loader.rendering import (
    INSTRUCTIONS_MODULE,
    SELECTION_PREFIX,
    category_of,
    instructions_of_module,
    render_schema,
)
from callsheet.usage import NO_USAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import JsonValue

    from callsheet.engine.run_view import RecordedCall
    from callsheet.loader.bundle import WorkflowBundle
    from callsheet.store.port import Store
    from callsheet.usage import Usage

HISTORY_RUNS = 100
"""Latest runs that are this person's history."""


@dataclass(frozen=True)
class CalledGroups:
    """What a call asked for, as `--groups` names it, and all groups of its category."""

    groups: tuple[str, ...] = ()
    all_groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReceiptReport:
    """The receipt of calls, their instructions beside those of all groups, and their groups."""

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
    """Writes receipts for runs of one store; counts are cached."""

    store: Store
    history: ReplyHistory
    times: CallTimes = field(default_factory=CallTimes)
    _called: dict[tuple[str, ...], CalledGroups] = field(default_factory=dict)
    _bundles: dict[str, WorkflowBundle | None] = field(default_factory=dict)
    _counts: dict[tuple[str, str, tuple[str, ...]], tuple[int, int]] = field(default_factory=dict)
    _unsent: dict[tuple[str, str, str, tuple[str, ...]], tuple[int, int, TokenRange]] = field(
        default_factory=dict
    )
    _schemas: dict[tuple[str, tuple[str, ...]], dict[str, JsonValue]] = field(default_factory=dict)

    async def write(self, recorded_calls: Sequence[RecordedCall]) -> ReceiptReport:
        """Return what these calls took together; calls without reported usage count as nothing."""
        return sum([await self._report(each) for each in recorded_calls], start=ReceiptReport())

    async def _report(self, each: RecordedCall) -> ReceiptReport:
        call, called = each.call, await self._called_groups(each)
        paid = call.usage
        if call.repair:
            return ReceiptReport(Receipt(paid, paid, paid) if paid.tokens else Receipt())
        both = (called.groups, called.all_groups if self._wrote(each, called) else called.groups)
        counted = InstructionSavings(*(self._count(each, names)[0] for names in both if names))
        if not paid.tokens:
            return ReceiptReport(Receipt(), counted, called.groups)
        if both[0] == both[1]:
            return ReceiptReport(Receipt(paid, every=paid), counted, called.groups)
        return ReceiptReport(self._compare(each, paid, called), counted, called.groups)

    def _wrote(self, each: RecordedCall, called: CalledGroups) -> bool:
        """Whether a reply holds any prompt: without one there is nothing that was saved."""
        if each.call.finish == "stop" or not called.groups or not self._models(each, called.groups):
            return True
        return bool(prompts_in(each.call.text))

    def _compare(self, each: RecordedCall, paid: Usage, called: CalledGroups) -> Receipt:
        """Return a first call's receipt: what it took, and what the other groups would have added."""
        key = (each.manifest, each.call.step, each.llm, called.groups)
        if key not in self._unsent:
            self._unsent[key] = self._count_unsent(each, called)
        sent, more, output = self._unsent[key]
        terms = cache_terms(each.llm, each.call.tier)
        recent = self.times.recent(each, terms.seconds) if terms else 0
        cached = cached_of_all(paid, sent, more, terms, recent)
        every = replace(
            paid,
            input_tokens=paid.input_tokens + more,
            cached_input_tokens=cached.read,
            output_tokens=paid.output_tokens + output.usual,
            cache_write_tokens=cached.written,
            cost_usd=None,
        )
        before, after = (self._input_cost(each, usage) for usage in (paid, every))
        if paid.cost_usd is None or before is None or after is None:
            return Receipt(paid, NO_USAGE, every, output.basis, None)
        named = _llm_spec(each.llm)
        written = price(named.provider, named.name, 0, output.usual, tier=each.call.tier) or 0.0
        cost = paid.cost_usd + after - before + written
        return Receipt(paid, NO_USAGE, replace(every, cost_usd=cost), output.basis, after - before)

    def _input_cost(self, each: RecordedCall, usage: Usage) -> float | None:
        named, tier = _llm_spec(each.llm), each.call.tier
        tokens = {
            "input_tokens": usage.input_tokens,
            "cache_read_tokens": usage.cached_input_tokens,
            **written_tokens(cache_terms(each.llm, tier), usage.cache_write_tokens),
        }
        return tier_price(named.provider, named.name, tokens, tier).usd

    def _count_unsent(
        self, each: RecordedCall, called: CalledGroups
    ) -> tuple[int, int, TokenRange]:
        """Return what was sent before the message, and what the other groups would have added."""
        factor = tokenizer_factor(each.llm)
        sent, complete = (
            sum(self._count(each, names)) for names in (called.groups, called.all_groups)
        )
        own = self._models(each, called.groups)
        schemas = self._models(each, called.all_groups).items()
        others = {name: schema for name, schema in schemas if name not in own}
        output = self.history.expect(each.llm, others)
        return round(sent * factor), round((complete - sent) * factor), output

    async def _called_groups(self, each: RecordedCall) -> CalledGroups:
        """Return the groups a call asked for; none where its workflow does not build from groups."""
        key = (each.manifest, each.call.step, *_selected_groups(each))
        if each.call.attempt > 1 or key not in self._called:
            self._called[key] = await self._find_groups(each)
        return self._called[key]

    async def _find_groups(self, each: RecordedCall) -> CalledGroups:
        bundle = await self._bundle(each.manifest)
        if bundle is None:
            return CalledGroups()
        step = next(
            (s for s in bundle.definition.workflow.steps if s.step_id == each.call.step), None
        )
        if step is None or all(use.module_id != INSTRUCTIONS_MODULE for use in step.modules):
            return CalledGroups()
        selected, catalog = _selected_groups(each), bundle.resources.catalog
        siblings = catalog.usable(catalog.siblings([], category_of(bundle, each.call.step)))
        asked = catalog.select(name for name in selected if name.partition("/")[0] in siblings)
        all_groups = catalog.current(siblings, asked.groups)
        called = catalog.names_of(asked.groups, asked.models)
        if each.call.attempt > 1:
            # Existing prompts are not written again; the reply shows which were written.
            prompts = prompts_in(each.call.text)
            called = (
                catalog.names_of(asked.groups, [m for m in asked.models if m in prompts]) or called
            )
        return CalledGroups(tuple(called or all_groups), tuple(all_groups))

    async def _bundle(self, manifest: str) -> WorkflowBundle | None:
        if manifest not in self._bundles:
            try:
                self._bundles[manifest] = await load_stored(self.store, manifest)
            except CallsheetError:
                # A run with damaged files has no comparison; `show` reports what is damaged.
                self._bundles[manifest] = None
        return self._bundles[manifest]

    def _count(self, each: RecordedCall, groups: tuple[str, ...]) -> tuple[int, int]:
        """Count the o200k tokens of instructions and schema for these groups."""
        key = (each.manifest, f"{each.call.step} {_llm_spec(each.llm).provider}", groups)
        if key not in self._counts:
            bundle = self._bundles[each.manifest]
            assert bundle is not None  # noqa: S101  # its groups were found in it
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
            bundle = self._bundles[each.manifest]
            assert bundle is not None  # noqa: S101  # as above
            try:
                self._schemas[key] = render_schema(bundle, groups)
            except InputError:
                # A workflow may bring its schema in another way; then only the instructions differ.
                self._schemas[key] = {}
        return self._schemas[key]

    def _models(self, each: RecordedCall, groups: tuple[str, ...]) -> dict[str, JsonValue]:
        return models_in(self._schema(each, groups))


async def write_receipt(store: Store, view: RunView) -> Receipt:
    """Return the receipt of a run whose provider reported usage; offline and pasted runs have none."""
    report = await (await open_receipt_writer(store)).write(view.recorded_calls)
    return report.receipt


async def open_receipt_writer(store: Store) -> ReceiptWriter:
    """Open a receipt writer with this person's history: the replies of the latest runs."""
    events = await store.billing_events(HISTORY_RUNS)
    views = [fold(run, recorded) for run, recorded in events.items()]
    return ReceiptWriter(store, history_of(views), times_of(views))


def times_of(views: Sequence[RunView]) -> CallTimes:
    """Collect when the calls of these runs were made."""
    times = CallTimes()
    for view in views:
        times.add(view.recorded_calls)
    times.sort()
    return times


def history_of(views: Sequence[RunView]) -> ReplyHistory:
    """Collect what each model's prompts took in these runs, newest first."""
    history = ReplyHistory()
    for view in views:
        for each in reversed(view.recorded_calls):
            if not each.call.repair and each.call.finish == "stop":
                history.add(each.llm, each.call.output_tokens, prompts_in(each.call.text))
    return history


_ANY_PROMPTS: dict[str, JsonValue] = {"properties": {WRAPPER: {"type": "object"}}}


def prompts_in(text: str) -> dict[str, JsonValue]:
    """Return a reply's prompts by model; none where the reply does not have our form."""
    prompts = read_reply(text, _ANY_PROMPTS).values.get((WRAPPER,))
    return prompts if isinstance(prompts, dict) else {}


def _selected_groups(each: RecordedCall) -> list[str]:
    """Return the groups of every category that were selected when the call was made."""
    return [
        str(name)
        for key, value in each.answers.items()
        if key.startswith(SELECTION_PREFIX) and isinstance(value, list)
        for name in value
    ]


def _llm_spec(llm: str) -> LLMSpec:
    """Parse the LLM's name; an LLM object of a program may have a name of another form."""
    try:
        return parse_spec(llm)
    except InputError:
        return LLMSpec(llm)
