"""Anthropic's Message Batches: the requests are the body of the call that creates a job.

A job has no name there, so that only the custom ids of its rows show whose it is, and those only after
it has ended.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from anthropic import APIStatusError
from anthropic.types.messages import MessageBatch
from pydantic_ai.models.batch import BatchResult

from callsheet.llm.job_client import CLOCK_SKEW, JobClient, scratch_file
from callsheet.llm.job_types import Found, JobStatus, MaybeOurs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from typing import IO

    from anthropic import AsyncAnthropic

    from callsheet.llm.job_types import JobResult, JobState

_OPENING, _ENDING = b'{"requests":[', b"]}"
_STATES: Mapping[str, JobState] = {
    "in_progress": "running",
    "canceling": "ending",
    "ended": "ended",
}


class AnthropicJobClient(JobClient):
    """Jobs that are found again by how many rows they have, and proved by their custom ids."""

    @property
    def _anthropic(self) -> AsyncAnthropic:
        client: AsyncAnthropic = self._model.client
        return client

    def _line(self, custom_id: str, body: str) -> str:
        return f'{{"custom_id":{custom_id},"params":{body}}}'

    async def _create(self, job: str, file: IO[bytes], count: int) -> str:
        del job, count
        # The library would take the requests as objects, all of them in memory.
        size = sum(map(len, _body(file)))
        created = await self._anthropic.with_options(max_retries=0).post(
            "/v1/messages/batches",
            cast_to=MessageBatch,
            content=_sent(file),
            options={"headers": {"content-length": str(size)}},
        )
        return created.id

    async def find(self, job: str, since: float, count: int) -> Found | MaybeOurs | None:
        possible = []
        with self._errors():
            async for batch in self._anthropic.messages.batches.list(limit=100):
                if batch.created_at.timestamp() < since - CLOCK_SKEW:
                    break
                if sum(batch.request_counts.model_dump().values()) != count:
                    continue
                if batch.processing_status != "ended" or batch.results_url is None:
                    possible.append(batch.id)
                elif await self._is_ours(batch.id, job):
                    return Found(batch.id)
        return MaybeOurs(tuple(possible)) if possible else None

    async def _is_ours(self, provider_id: str, job: str) -> bool:
        rows = await self._anthropic.messages.batches.results(provider_id)
        try:
            async for row in rows:
                return row.custom_id.startswith(f"{job}-")
        finally:
            await rows.close()
        return False

    async def status(self, provider_id: str) -> JobStatus:
        with self._errors(provider_id):
            batch = await self._anthropic.messages.batches.retrieve(provider_id)
        counts = batch.request_counts
        return JobStatus(
            state=_STATES.get(batch.processing_status, "running"),
            total=sum(counts.model_dump().values()),
            succeeded=counts.succeeded,
            failed=counts.errored + counts.expired + counts.canceled,
            ends_by=batch.expires_at.timestamp(),
        )

    async def _results(self, provider_id: str) -> AsyncIterator[BatchResult | JobResult]:
        with scratch_file() as file:
            async for row in await self._anthropic.messages.batches.results(provider_id):
                file.write(row.model_dump_json().encode() + b"\n")
            file.seek(0)
            for line in file:
                yield _result(json.loads(line))

    async def cancel(self, provider_id: str) -> None:
        with self._errors(provider_id):
            batch = await self._anthropic.messages.batches.retrieve(provider_id)
            if batch.processing_status == "in_progress":
                await self._anthropic.messages.batches.cancel(provider_id)

    async def forget(self, provider_id: str) -> None:
        with self._errors(provider_id), suppress(APIStatusError):
            await self._anthropic.messages.batches.delete(provider_id)


def _result(row: dict[str, Any]) -> BatchResult:
    result = row["result"]
    body = json.dumps(result) if result["type"] in ("succeeded", "errored") else None
    return BatchResult(custom_id=row["custom_id"], status=result["type"], body=body)


def _body(file: IO[bytes]) -> Iterator[bytes]:
    """The body of the call, a line of the file after the other."""
    separator = _OPENING
    file.seek(0)
    for line in file:
        if row := line.strip():
            yield separator + row
            separator = b","
    yield _ENDING


async def _sent(file: IO[bytes]) -> AsyncIterator[bytes]:
    for piece in _body(file):
        yield piece
