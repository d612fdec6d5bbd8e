"""`batch`: read a sheet of ideas and write a file of prompts."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from callsheet.cli.batch_reporter import BatchReporter, command_again, print_some
from callsheet.cli.exit import error_object, print_error
from callsheet.cli.options import (
    build_call_options,
    build_settings,
    debug_option,
    idea_check_option,
    json_option,
    llm_options,
    parse_brief,
    split_names,
    workflow_option,
)
from callsheet.cli.output import counted, note, print_json
from callsheet.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.batches.batch import Batch
    from callsheet.batches.estimate import BatchEstimate
    from callsheet.batches.request import BatchRequest


@click.command()
@click.argument("file", metavar="FILE|-")
@click.option(
    "--groups",
    callback=split_names,
    metavar="A,B",
    help="Model groups, or GROUP/MODEL, for rows without groups in a column `groups`.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="File to write the prompts to: .csv, .xlsx, .jsonl or .md.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1_000),
    metavar="N",
    help="Maximum number of concurrent calls; reduced while the provider limits the rate. Default: 10;"
    " at a server of your own 1, and up to 10 as long as more make it faster.",
)
@click.option(
    "--requests-per-minute",
    type=click.IntRange(1),
    metavar="N",
    help="Rate limit in calls, shared by all batches that use this key and this storage.",
)
@click.option(
    "--tokens-per-minute",
    type=click.IntRange(1),
    metavar="N",
    help="Rate limit in input and expected output tokens, shared in the same way.",
)
@click.option(
    "--dry-run", is_flag=True, help="Check every row and estimate the cost; make no LLM call."
)
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace a file of another batch; otherwise it is kept as NAME.1.csv (2, 3 …).",
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="N",
    help="Write only the first N rows; the same command without it continues with the rest.",
)
@click.option(
    "--sample",
    type=click.IntRange(1),
    metavar="N",
    help="Write only a random N rows, the same ones each time.",
)
@click.option(
    "--jobs",
    is_flag=True,
    help="Send the rows in batch jobs of the provider: about half the price, within a day.",
)
@click.option("--wait", is_flag=True, help="With --jobs, wait until all jobs have ended.")
@click.option(
    "--repair",
    type=click.Choice(["live", "job"]),
    default="live",
    show_default=True,
    help="With --jobs, correct prompts by ordinary calls, or in a further job.",
)
@click.option("--cancel", is_flag=True, help="With --jobs, cancel the jobs, and keep what is done.")
@click.option(
    "--resend",
    default="",
    metavar="JOB",
    help="With --jobs, send a job again of which nobody knows whether it was created.",
)
@click.option("--retry-failed", is_flag=True, help="Execute only the rows that failed before.")
@click.option(
    "--set", "fields", multiple=True, metavar="KEY=VALUE", help="A field of every row's brief."
)
@workflow_option
@click.option("--strict", is_flag=True, help="Treat a row as failed if a prompt breaks a rule.")
@idea_check_option
@llm_options
@json_option
@debug_option
def batch(file: str, **options: Any) -> int:
    """Write prompts for every row of a sheet: CSV, .xlsx or JSON with a column `idea`.

    To continue a batch that was stopped, repeat the command: finished rows are not paid for again.
    """
    from callsheet.batches.request import SheetError
    from callsheet.runs.run_pool import tune_interpreter

    with ExitStack() as stack:
        path = _save_stdin(stack) if file == "-" else Path(file)
        request = _build_request(path, options)
        try:
            tune_interpreter()
            return asyncio.run(_execute(request, options))
        except SheetError as error:
            if options["json"]:
                problems = [asdict(problem) for problem in error.problems]
                print_json({"error": error_object(error) | {"problems": problems}})
            print_some([str(problem) for problem in error.problems])
            count = counted(len(error.problems), "problem")
            print_error(f"{count} in the sheet; no row was started", error.hint)
            return error.exit_code


def _build_request(path: Path, options: dict[str, Any]) -> BatchRequest:
    from callsheet.batches.request import BatchRequest
    from callsheet.batches.row_parser import RowDefaults
    from callsheet.store.port import RateLimit

    alone = next((name for name in ("wait", "cancel", "resend") if options[name]), None)
    if alone and not options["jobs"]:
        raise InputError(f"--{alone} is an option of provider jobs", hint="add --jobs")
    limits = RateLimit(options["requests_per_minute"], options["tokens_per_minute"])
    defaults = RowDefaults(options["groups"] or (), parse_brief(None, options["fields"]))
    same = {name: options[name] for name in BatchRequest.__dataclass_fields__ if name in options}
    same |= {"call_options": build_call_options(options), "command": command_again()}
    return BatchRequest(path, defaults=defaults, rate_limit=limits, **same)


def _save_stdin(stack: ExitStack) -> Path:
    """Writes stdin to a temporary file, because a sheet is read twice."""
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    path = Path(folder) / "stdin"
    with path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return path


async def _execute(request: BatchRequest, options: dict[str, Any]) -> int:
    from callsheet.batches.batch import Batch
    from callsheet.llm.providers import DEFAULT_LLM
    from callsheet.runs.estimate import MeasuringLLM
    from callsheet.runs.service import RunService

    settings = build_settings(options)
    if options["dry_run"]:
        # An estimate makes no LLM call, so it needs no API key.
        service = RunService(settings, llm=MeasuringLLM(request.llm or settings.llm or DEFAULT_LLM))
    else:
        service = RunService(settings)
    try:
        batch = Batch(service, request)
        for notice in batch.notices:
            note(f"note: {notice}")
        if options["dry_run"]:
            return await _print_estimate(batch, json=options["json"])
        return await _write(batch, _require_output(options["output"]), json=options["json"])
    finally:
        service.store.close()


async def _print_estimate(batch: Batch, *, json: bool) -> int:
    from callsheet.batches.estimate import estimate_batch

    estimated = await estimate_batch(batch)
    if json:
        print_json({"batch": batch.name, **asdict(estimated)})
        return 0
    approximate = "" if estimated.exact else "~"
    click.echo(f"rows           {estimated.rows:,} ({estimated.finished:,} already written)")
    click.echo(f"calls          {estimated.calls:,}")
    click.echo(f"input tokens   {approximate}{estimated.input_tokens:,}")
    if estimated.cached_input_tokens:
        click.echo(f"  cached       up to ~{estimated.cached_input_tokens:,}")
    click.echo(f"output tokens  ~{estimated.output_tokens:,}")
    for line in _cost_lines(estimated):
        click.echo(line)
    if estimated.most_usd:
        note("the highest amount includes the maximum number of repairs for every row")
    if estimated.most_usd and estimated.output_from == "schema":
        note("how long replies are is a share of what the schemas allow; `--limit 20` measures it")
    note("no LLM call was made")
    return 0


def _cost_lines(estimated: BatchEstimate) -> Iterator[str]:
    """Yield what a batch will cost: measured on its finished rows, or a range."""
    least, cost, most = estimated.least_usd, estimated.cost_usd, estimated.most_usd
    if least is None or cost is None or most is None:
        yield "cost           unknown"
    elif not most:
        yield "cost           none"
    elif not estimated.measured_rows:
        yield f"cost           ${least:.2f} to ${most:.2f}"
    else:
        margin = "" if estimated.margin_usd is None else f" ± ${estimated.margin_usd:.2f}"
        yield f"cost           ${cost:.2f}{margin}, measured on {estimated.measured_rows:,} finished rows"
        yield f"  at most      ${most:.2f}"


def _require_output(path: Path | None) -> Path:
    if path is None:
        raise InputError(
            "--output is missing", hint="for example --output prompts.csv, .xlsx, .jsonl or .md"
        )
    return path


async def _write(batch: Batch, path: Path, *, json: bool) -> int:
    from callsheet.batches.output_file import open_output_file
    from callsheet.cli.progress import show_progress

    with open_output_file(path, batch) as output:
        note(_heading(batch))
        batch.notice = note
        reporter = BatchReporter(batch, output, json=json)
        reporter.install_signal_handlers()
        async with show_progress(batch.progress):
            async for outcome in batch.execute():
                output.add(outcome)
                reporter.add(outcome)
        return reporter.report()


def _heading(batch: Batch) -> str:
    from callsheet.llm.providers import writes_drafts

    copied = (
        f"; columns copied to the output: {', '.join(batch.passthrough_columns)}"
        if batch.passthrough_columns
        else ""
    )
    offline = "; offline drafts, no LLM" if writes_drafts(batch.setup.llm.spec) else ""
    return f"batch {batch.name}: {batch.progress.total:,} rows{copied}{offline}"
