"""Compare the price that is predicted for a batch in provider jobs with the bill.

Run it with `python -m benchmarks.job_forecasts`. Loopback servers of the three providers count the tokens
of the texts that arrive and that they write, with tokenizers that make other numbers of them than callsheet
assumes, and bill them at published rates. A sheet of ideas of many lengths is estimated before anything was
sent, and again after its first 20 rows. It exits with 1 where an estimate of the rest, at replies of even
length, is more than 1 % off.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from benchmarks.engine import machine
from benchmarks.pages import met, publish
from callsheet.batches import jobs as batch_jobs
from callsheet.batches.estimate import BatchEstimate, estimate_batch
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore
from tests.support.anthropic_jobs import AnthropicJobs
from tests.support.batches import SharedStore, write_sheet
from tests.support.google_jobs import GoogleJobs
from tests.support.job_server import call_server
from tests.support.openai_jobs import OpenAIJobs
from tests.support.schema_writer import fill

Server = OpenAIJobs | AnthropicJobs | GoogleJobs

SERVERS: dict[str, type[Server]] = {
    "openai": OpenAIJobs,
    "anthropic": AnthropicJobs,
    "google": GoogleJobs,
}
LLMS = (
    "openai:gpt-5.4-mini",
    "openai:gpt-5.6-sol",
    "anthropic:claude-sonnet-5-5",
    "google:gemini-3.8-flash",
)
FIRST = 20
PROMISED_OFF = 0.01

_IDEAS = (
    ("a heron", "two old friends", "an empty tram", "a glass of tea", "a child with a red kite"),
    (" by the river", "", " on the roof of a car park above the harbour", " in heavy snow"),
    ("", ", seen from above", ", the lamps just lit and their light long on the wet stone"),
    ("", ", at dawn", ", in late winter light that comes flat through bare trees"),
    ("", ", no people", ", painted in gouache with a limited palette of four colours", ", quiet"),
)
"""Parts of ideas; every combination is one."""

Written = Callable[[dict[str, Any], Any], str]


@dataclass(frozen=True)
class Forecast:
    """What was predicted for a batch, and billed."""

    llm: str
    replies: str
    first: BatchEstimate
    first_usd: float
    rest: BatchEstimate
    rest_usd: float

    @property
    def first_off(self) -> float:
        """How far the estimate before anything was sent is off."""
        return (self.first.cost_usd or 0.0) / self.first_usd - 1

    @property
    def rest_off(self) -> float:
        """How far the estimate after the first rows is off."""
        return (self.rest.cost_usd or 0.0) / self.rest_usd - 1

    @property
    def is_in_margin(self) -> bool:
        """Whether the bill of the rest lies in the margin that was told."""
        off = abs((self.rest.cost_usd or 0.0) - self.rest_usd)
        return off <= (self.rest.margin_usd or 0.0)


def varied_ideas(number: int) -> list[dict[str, str]]:
    """Return ideas of 2 to 40 words, in no order."""
    every = ["".join(parts) for parts in product(*_IDEAS)]
    mixed = random.Random(19)  # noqa: S311  # the same ideas each time
    return [{"idea": f"{mixed.choice(every)}, take {n}"} for n in range(1, number + 1)]


@contextmanager
def provider_server(name: str) -> Iterator[Server]:
    """Serve a provider's jobs on loopback, and let it be called there."""
    with SERVERS[name]() as server, pytest.MonkeyPatch.context() as patch:
        call_server(patch, name, server.url)
        patch.setattr(batch_jobs, "LIST_SECONDS", 0.0)
        yield server


def uneven(written: Written) -> Written:
    """Return a way to write whose replies have other lengths for each idea, and one in 16 a repair."""

    def write(body: dict[str, Any], schema: Any) -> str:
        text, sent = written(body, schema), str(body)
        mixed = random.Random(sent.rpartition("take ")[2][:8])  # noqa: S311  # the same each time
        if mixed.random() < 1 / 16 and "last reply" not in sent:
            return json.dumps(fill(schema, lambda *_: "too short"))
        more = ", and the light moves slowly over it" * mixed.randrange(6)
        return text[:-3] + more + text[-3:]

    return write


async def forecast(llm: str, rows: int, folder: Path, *, even: bool) -> Forecast:
    """Estimate a sheet, write its first rows, estimate the rest and write it."""
    with provider_server(llm.partition(":")[0]) as server:
        if not even:
            server.written = uneven(server.written)  # type: ignore[assignment, method-assign]
        sheet = write_sheet(folder / "ideas.csv", varied_ideas(rows))
        bench = SharedStore(SqlStore.in_memory(), settings=read_settings())
        asked = {"llm": llm, "jobs": True, "repair": "job"}
        first = await estimate_batch(bench.batch(sheet, **asked))
        await bench.execute(sheet, **asked, wait=True, limit=FIRST)
        before = server.billed_usd
        rest = await estimate_batch(bench.batch(sheet, **asked))
        batch, _ = await bench.execute(sheet, **asked, wait=True)
        if batch.progress.done != rows:
            raise SystemExit(f"{batch.progress.done} of {rows} rows were written with {llm}")
        bench.store.close()
        whole = server.billed_usd
    replies = "even" if even else "uneven"
    return Forecast(llm, replies, first, whole, rest, whole - before)


def report(rows: int, found: list[Forecast]) -> str:
    """The page of figures."""
    lines = [
        "# Provider jobs: predicted and billed price",
        "",
        f"Measured with `python -m benchmarks.job_forecasts` on {machine()}. The providers are loopback",
        "servers that count the tokens of the texts that arrive and that they write, and bill them at the batch rate.",
        f"A sheet of {rows:,} ideas of 2 to 40 words, for the group `leonardo`, is estimated (`batch --jobs --dry-run`)",
        f"before anything was sent, and again after `--limit {FIRST}`. Even replies differ in length as their ideas",
        "do. Uneven ones differ by half and more, and one in 16 is repaired in a job.",
        "",
        "| LLM | replies | first batch: predicted | billed | off | after 20 rows: predicted | told margin | billed | off |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for each in found:
        first, rest = each.first, each.rest
        cells = [
            each.llm,
            each.replies,
            f"${first.cost_usd:.4f}",
            f"${each.first_usd:.4f}",
            f"{each.first_off:+.1%}",
            f"${rest.cost_usd:.4f}",
            f"{(rest.margin_usd or 0.0) / (rest.cost_usd or 1.0):.1%}",
            f"${each.rest_usd:.4f}",
            f"{each.rest_off:+.2%}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    kept = all(abs(each.rest_off) <= PROMISED_OFF for each in found if each.replies == "even")
    inside = all(each.is_in_margin for each in found if each.replies == "uneven")
    lines += [
        "",
        f"* {met(kept)}: after {FIRST} rows with even replies, the price of the rest is predicted within 1 %",
        f"* {met(inside)}: with uneven replies, the bill lies within the told margin of the prediction",
        "* before anything was sent, the length of replies is a share of what the schema allows: an estimate",
    ]
    return "\n".join([*lines, ""])


async def _all(rows: int, folder: Path) -> list[Forecast]:
    return [await forecast(llm, rows, folder, even=even) for even in (True, False) for llm in LLMS]


def main() -> int:
    """Measure, print, and say by the exit status whether the promises are kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.job_forecasts", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000, help="rows of each sheet")
    parser.add_argument("--save", type=Path, help="file for the page of figures")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = asyncio.run(_all(given.rows, Path(name)))
    page = report(given.rows, found)
    return publish(page, given.save)


if __name__ == "__main__":
    sys.exit(main())
