"""Compares callsheet's predicted and recorded costs with those of the model of billing.

Run it with `python -m benchmarks.costs`; it takes about five minutes and prints a table. For each LLM
and each selection of groups it makes a run alone, then a batch of two rows, whose second finds the
first one's instructions in the cache. What a call should cost is predicted with the tokens that
`callsheet estimate` counts, and the reply's length as it came: nobody can know that beforehand.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.costs.billing import LLMS, SERVERS
from benchmarks.tokens import IMAGE, VIDEO, table
from callsheet import batch_async, load_groups, run_async
from callsheet.costs.planned_prices import PlannedPrices
from callsheet.llm.providers import PROVIDERS
from callsheet.runs.estimate import estimate_selection
from callsheet.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from benchmarks.costs.billing import Ledger
    from callsheet.call_options import Tier

IDEAS = (
    "a woman reads by a rain-streaked window at dusk",
    "a heron stands in shallow water at dawn",
)
ALONE, FIRST, SECOND = CALLS = ("alone", "first of a batch", "second of a batch")
LIMIT = 1.0
"""How many percent a prediction may be off."""


@dataclass(frozen=True)
class Compared:
    """One call, in US dollars."""

    llm: str
    groups: tuple[str, ...]
    call: str
    predicted: float
    recorded: float
    billed: float

    @property
    def predicted_error(self) -> float:
        """How many percent the prediction is off the bill."""
        return 100 * abs(self.predicted / self.billed - 1)

    @property
    def recorded_error(self) -> float:
        """How many percent the recorded cost is off the bill."""
        return 100 * abs(self.recorded / self.billed - 1)

    @property
    def error(self) -> float:
        """The worse of both."""
        return max(self.predicted_error, self.recorded_error)


def selections() -> list[tuple[str, ...]]:
    """Return every selection of image groups, and every one of video groups."""
    return [
        some
        for category in (IMAGE, VIDEO)
        for size in range(1, len(load_groups()[category]) + 1)
        for some in combinations(load_groups()[category], size)
    ]


@contextmanager
def billing(spec: str) -> Iterator[Ledger]:
    """Put the provider of this LLM at the address of its model here."""
    name = spec.partition(":")[0]
    known: Any = PROVIDERS
    before = known[name]
    with SERVERS[name](LLMS[spec]) as server:
        known[name] = replace(before, url=server.url)
        try:
            yield server.ledger
        finally:
            known[name] = before


async def compare(
    spec: str, groups: tuple[str, ...], home: Path, tier: Tier | None = None
) -> list[Compared]:
    """Make the three calls of a selection with one LLM, and compare what each costs."""
    with billing(spec) as ledger:
        options: dict[str, Any] = {"llm": spec, "home": home, "idea_check": "off", "tier": tier}
        alone = await run_async(IDEAS[0], groups, **options)
        recorded = [alone.document.usage.cost_usd]
        charges = [ledger.charge_for(IDEAS[0])]
        ledger.forget()
        recorded += [row.cost_usd async for row in batch_async(IDEAS, groups, **options)]
        charges += [ledger.charge_for(idea) for idea in IDEAS]
    found = []
    for call, idea, cost, charge in zip(CALLS, (IDEAS[0], *IDEAS), recorded, charges, strict=True):
        report = await estimate_selection(groups, read_settings(), llm=spec, idea=idea, tier=tier)
        prices = PlannedPrices.of(spec, tier=tier or "")
        predicted = _predicted(prices, report["selection"], call, charge.output)
        found.append(Compared(spec, groups, call, predicted, cost or 0.0, charge.usd))
    return found


def _predicted(prices: PlannedPrices, expected: dict[str, Any], call: str, output: int) -> float:
    """Return what the call should cost, by the estimate's tokens and the reply's length."""
    held = expected["cached_input_tokens"]
    read = held if call == SECOND else 0
    kept = held if call == FIRST and prices.writes else 0
    return prices.price(expected["input_tokens"], output, read=read, kept=kept).usd or 0.0


async def compare_all(
    specs: Iterable[str], groups: Iterable[tuple[str, ...]], home: Path
) -> list[Compared]:
    """Compare every selection with every LLM."""
    found = []
    for spec in specs:
        for some in groups:
            found += await compare(spec, some, home)
    return found


def summary(found: list[Compared]) -> str:
    """Return a table of the LLMs: what a call costs, and how far the worst prediction is off."""
    lines = []
    for llm in dict.fromkeys(each.llm for each in found):
        for call in CALLS:
            own = [each for each in found if (each.llm, each.call) == (llm, call)]
            least, most = min(own, key=_billed), max(own, key=_billed)
            lines.append(
                [
                    llm,
                    call,
                    f"{len(own)}",
                    f"${least.billed:.6f} ({'+'.join(least.groups)})",
                    f"${most.billed:.6f} ({len(most.groups)} groups)",
                    f"{max(each.predicted_error for each in own):.2f} %",
                    f"{max(each.recorded_error for each in own):.2f} %",
                ]
            )
    headings = ["LLM", "call", "selections", "cheapest", "dearest"]
    return table([*headings, "predicted, at worst off", "recorded, at worst off"], lines, texts=2)


def _billed(each: Compared) -> float:
    return each.billed


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare costs with a model of billing.")
    parser.add_argument("--small", action="store_true", help="two selections with each LLM")
    small = parser.parse_args().small
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        os.environ[name] = "key-of-the-benchmark"
    every = selections()
    groups = [every[0], every[30]] if small else every
    with tempfile.TemporaryDirectory() as home:
        found = asyncio.run(compare_all(LLMS, groups, Path(home)))
    print(summary(found))
    wrong = [each for each in found if each.error > LIMIT]
    for each in wrong:
        print(f"off by {each.error:.2f} %: {each}")
    print(
        f"{'missed' if wrong else 'met'}: {len(found)} calls, each within {LIMIT:.0f} % of its bill"
    )
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
