"""`batch`: a sheet of ideas in, a sheet of prompts out, and all that is told on the way."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import signal
import sys
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from callsheet.cli.exit import end_at_once, error_object, print_error
from callsheet.cli.options import brief_of, debug_option, json_option, llm_options, split_names
from callsheet.cli.output import as_json, note, plain
from callsheet.errors import InputError

if TYPE_CHECKING:
    from callsheet.batches.batch import Batch
    from callsheet.batches.outcomes import RowOutcome
    from callsheet.batches.output_file import OutputFile
    from callsheet.batches.request import BatchRequest

SOME_FAILED = 4

MOST_NAMED = 20
"""Failed rows, or problems, that are named one by one; the others are counted."""


@click.command()
@click.argument("file", metavar="FILE|-")
@click.option(
    "--groups",
    callback=split_names,
    metavar="A,B",
    help="Groups for every row that has none of its own in a column `groups`.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where the prompts go: .csv, .jsonl or .md.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1_000),
    default=10,
    metavar="N",
    help="Rows at once (default: 10); fewer while the provider says it is too much.",
)
@click.option(
    "--requests-per-minute",
    type=click.IntRange(1),
    metavar="N",
    help="Calls a minute, of all batches with this key on this store.",
)
@click.option(
    "--tokens-per-minute",
    type=click.IntRange(1),
    metavar="N",
    help="Tokens a minute, sent and expected back, likewise.",
)
@click.option("--dry-run", is_flag=True, help="Check every row and price the whole; send nothing.")
@click.option("--retry-failed", is_flag=True, help="Take only the rows that failed before.")
@click.option(
    "--set", "fields", multiple=True, metavar="KEY=VALUE", help="A field of every row's brief."
)
@click.option(
    "--workflow", default="oms", metavar="NAME", help="A name, a folder or a file (default: oms)."
)
@click.option("--strict", is_flag=True, help="A row with a prompt that breaks a rule has failed.")
@llm_options
@json_option
@debug_option
def batch(file: str, **options: Any) -> int:
    """Write prompts for every idea of FILE: CSV or JSON Lines with a column `idea`.

    Give the same command again to go on where it stopped: what is written is not bought again.
    """
    from callsheet.batches.request import SheetError
    from callsheet.runs.run_pool import tune_interpreter

    with ExitStack() as stack:
        path = _spooled(stack) if file == "-" else Path(file)
        order = _order(path, options)
        try:
            tune_interpreter()
            return asyncio.run(_carry_out(order, options))
        except SheetError as error:
            if options["json"]:
                problems = [asdict(problem) for problem in error.problems]
                as_json({"error": error_object(error) | {"problems": problems}})
            _name_some([str(problem) for problem in error.problems])
            print_error(error.message, error.hint)
            return error.exit_code


def _order(path: Path, options: dict[str, Any]) -> BatchRequest:
    from callsheet.batches.request import BatchRequest
    from callsheet.batches.row_parser import RowDefaults
    from callsheet.store.port import RateLimit

    allowed = RateLimit(options["requests_per_minute"], options["tokens_per_minute"])
    told = RowDefaults(options["groups"] or (), brief_of(None, options["fields"]))
    same = {name: options[name] for name in BatchRequest.__dataclass_fields__ if name in options}
    return BatchRequest(path, defaults=told, rate_limit=allowed, **same)


def _spooled(stack: ExitStack) -> Path:
    """What comes in on stdin, as a file: it is read twice."""
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    path = Path(folder) / "stdin"
    with path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return path


async def _carry_out(order: BatchRequest, options: dict[str, Any]) -> int:
    from callsheet.batches.batch import Batch
    from callsheet.llm.providers import DEFAULT_LLM
    from callsheet.runs.estimate import MeasuringLLM
    from callsheet.runs.service import RunService
    from callsheet.settings import read_settings

    settings = read_settings()
    if options["dry_run"]:
        # To price a batch nobody is called, so no key is needed.
        service = RunService(settings, llm=MeasuringLLM(order.llm or settings.llm or DEFAULT_LLM))
    else:
        service = RunService(settings)
    try:
        batch = Batch(service, order)
        if options["dry_run"]:
            return await _price(batch, json=options["json"])
        return await _write(batch, _place(options["output"]), json=options["json"])
    finally:
        service.store.close()


async def _price(batch: Batch, *, json: bool) -> int:
    from callsheet.batches.estimate import estimate_batch

    priced = await estimate_batch(batch)
    if json:
        as_json({"batch": batch.name, **asdict(priced)})
        return 0
    about = "" if priced.exact else "~"
    click.echo(f"rows         {priced.rows:,} ({priced.finished:,} of them written already)")
    click.echo(f"calls        {priced.calls:,}")
    click.echo(f"tokens sent  {about}{priced.input_tokens:,}")
    click.echo(f"tokens back  {about}{priced.output_tokens:,}, about")
    if priced.least_usd is None or priced.most_usd is None:
        click.echo("cost         unknown")
    else:
        click.echo(f"cost         ${priced.least_usd:.2f} to ${priced.most_usd:.2f}")
        note("the second is with every row repaired as often as it may be; nothing was sent")
    return 0


def _place(path: Path | None) -> Path:
    """Where the prompts go; raises InputError where that was not told."""
    if path is None:
        raise InputError("no --output is named", hint="as --output prompts.csv, .jsonl or .md")
    return path


async def _write(batch: Batch, path: Path, *, json: bool) -> int:
    from callsheet.batches.output_file import open_output_file
    from callsheet.cli.progress import shown

    output = open_output_file(path, batch)
    note(_heading(batch))
    end = _BatchReport(batch, output, json=json)
    end.heed_signals()
    async with shown(batch.progress):
        async for outcome in batch.execute():
            output.add(outcome)
            end.hear(outcome)
    return end.tell()


def _heading(batch: Batch) -> str:
    from callsheet.llm.providers import writes_drafts

    carried = (
        f"; carried through: {', '.join(batch.passthrough_columns)}"
        if batch.passthrough_columns
        else ""
    )
    offline = "; drafts without an LLM" if writes_drafts(batch.setup.llm.spec) else ""
    return f"batch {batch.name}: {batch.progress.total:,} rows{carried}{offline}"


@dataclass
class _BatchReport:
    """How a batch ends: by itself, by the provider, or by a signal; and what is told then."""

    batch: Batch
    output: OutputFile
    json: bool
    signals: list[int] = field(default_factory=list)
    failures: list[RowOutcome] = field(default_factory=list)

    def hear(self, outcome: RowOutcome) -> None:
        """Remembers the rows that failed."""
        if outcome.status == "failed":
            self.failures.append(outcome)

    def heed_signals(self) -> None:
        """The first Ctrl-C lets the calls under way end, the second ends everything."""
        # Where the platform has no such handlers, the command's own still end it.
        with suppress(NotImplementedError):
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, self._signalled, number)

    def _signalled(self, number: int) -> None:
        self.signals.append(number)
        if len(self.signals) > 1:
            end_at_once(number)
        note("stopping: calls under way have a few seconds to end (again ends it at once)")
        self.batch.stop()

    def tell(self) -> int:
        """Tells what came of it; answers with the exit status."""
        place = self.output.close(complete=not self.batch.progress.left)
        if self.json:
            as_json(self._document(place))
        tally = self.batch.progress
        from callsheet.cli.progress import told

        _name_some([_failure(outcome) for outcome in self.failures])
        left = f", {tally.left:,} left" if tally.left else ""
        note(f"{tally.done:,} of {tally.total:,} rows written{left}; {told(tally)}; {place}")
        return self._status()

    def _status(self) -> int:
        again = shlex.join(["callsheet", *sys.argv[1:]])
        paused = self.batch.paused_by
        if self.signals:
            note(f"kept; this goes on: {again}")
            return 128 + self.signals[0]
        if paused is not None:
            print_error(f"the batch is paused: {paused.message}", paused.hint)
            note(f"then this goes on, and buys nothing twice: {again}")
            return paused.exit_code
        if self.failures and not self.batch.request.retry_failed:
            note(f"this takes the failed rows once more: {again} --retry-failed")
        return SOME_FAILED if self.failures or self.batch.progress.left else 0

    def _document(self, place: Path) -> dict[str, Any]:
        tally, paused = self.batch.progress, self.batch.paused_by
        document = {
            "batch": self.batch.name,
            "output": str(place),
            "rows": tally.total,
            "written": tally.done,
            "failed": tally.failed,
            "left": tally.left,
            "repaired": tally.repaired,
            "usage": asdict(tally.usage),
            "failures": [
                {
                    "row": each.row.number,
                    "id": each.row.id,
                    "run": each.row.run,
                    "code": each.code,
                    "message": "; ".join(each.problems),
                }
                for each in self.failures
            ],
        }
        return document | ({"error": error_object(paused)} if paused else {})


def _failure(outcome: RowOutcome) -> str:
    return f"{outcome.row.label}: {outcome.code}: {'; '.join(outcome.problems)}"


def _name_some(lines: list[str]) -> None:
    for line in lines[:MOST_NAMED]:
        click.echo(plain(line), err=True)
    if len(lines) > MOST_NAMED:
        note(f"and {len(lines) - MOST_NAMED:,} more")
