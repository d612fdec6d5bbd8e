"""The verbs for programs that write prompts for many ideas."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callsheet.api import open_service, spec_of
from callsheet.batches.outcomes import RowResult, row_result
from callsheet.call_options import checked_options
from callsheet.fidelity import checked_mode
from callsheet.loader.bundle import DEFAULT_WORKFLOW

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from callsheet.batches.input_source import Ideas
    from callsheet.batches.request import BatchRequest
    from callsheet.call_options import Effort, Tier
    from callsheet.fidelity import IdeaCheckMode
    from callsheet.llm.port import LLM
    from callsheet.runs.job_records import RepairBy
    from callsheet.runs.service import RunService


def batch(ideas: Ideas, groups: Sequence[str] = (), **options: Any) -> list[RowResult]:
    """Writes the prompts of these groups for each idea; takes the options of `batch_async`.

    The results stand in the order of the ideas; `batch_async` tells each result and forgets it.
    """

    async def gather() -> list[RowResult]:
        return [result async for result in batch_async(ideas, groups, **options)]

    return asyncio.run(gather())


async def batch_async(  # noqa: PLR0913  # each is a word of the command line's
    ideas: Ideas,
    groups: Sequence[str] = (),
    *,
    llm: str | LLM | None = None,
    base_url: str | None = None,
    brief: Mapping[str, str] | None = None,
    workflow: str = DEFAULT_WORKFLOW,
    home: str | Path | None = None,
    output: str | Path | None = None,
    name: str = "",
    concurrency: int | None = None,
    max_cost: float | None = None,
    retry_failed: bool = False,
    strict: bool = False,
    overwrite: bool = False,
    limit: int | None = None,
    sample: int | None = None,
    jobs: bool = False,
    wait: bool = True,
    repair: RepairBy = "live",
    cancel: bool = False,
    resend: str = "",
    idea_check: IdeaCheckMode | None = None,
    tier: Tier | None = None,
    effort: Effort | None = None,
    temperature: float | None = None,
) -> AsyncGenerator[RowResult, None]:
    """Writes the prompts of these groups for each idea, and tells each result in their order.

    `ideas` are texts, dicts with the columns of a sheet, or the path of a sheet; the options are those of
    the command line. Without `wait`, rows that wait for provider jobs are `left`; with `cancel`, the jobs
    are ended and what is done is kept. Raises InputError and OutputInUseError before anything is paid,
    and what every row would meet after the last result.
    """
    from callsheet.batches.input_source import open_input
    from callsheet.batches.request import BatchRequest
    from callsheet.batches.row_parser import RowDefaults

    with open_service(home, llm) as service, open_input(ideas) as path:
        defaults, spec = RowDefaults(tuple(groups), dict(brief or {})), spec_of(llm)
        order = BatchRequest(path, name, workflow, defaults, spec, base_url, max_cost, concurrency)
        order = replace(order, retry_failed=retry_failed, strict=strict, overwrite=overwrite)
        order = replace(order, limit=limit, sample=sample, jobs=jobs, wait=jobs and wait)
        order = replace(order, repair=repair, cancel=cancel, resend=resend)
        asked = checked_options(tier, effort, temperature)
        order = replace(order, call_options=asked, idea_check=checked_mode(idea_check))
        async with aclosing(_results(service, order, output)) as results:
            async for result in results:
                yield result


async def _results(
    service: RunService, order: BatchRequest, output: str | Path | None
) -> AsyncGenerator[RowResult, None]:
    from callsheet.batches.batch import Batch
    from callsheet.batches.output_file import execute_into, open_output_file

    judged = Batch(service, order)
    file = open_output_file(Path(output), judged) if output else None
    async with aclosing(execute_into(judged, file)) as ends:
        async for end in ends:
            yield row_result(end)
