"""OpenAI's Batch API: a file of requests is uploaded, two files of results are downloaded."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Final

from openai import APIStatusError, NotFoundError
from pydantic_ai.models.batch import BatchResult
from pydantic_ai.models.openai import OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

from callsheet.errors import JobRefusedError
from callsheet.llm.job_client import CLOCK_SKEW, JobClient, scratch_file, surely_refused, unrun
from callsheet.llm.job_types import JOB_NAME, Found, JobResult, JobStatus
from callsheet.llm.provider_client import UNCHANGED
from callsheet.llm.provider_errors import failure_of
from callsheet.llm.provider_exceptions import job_failure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from typing import IO

    from openai import AsyncOpenAI
    from openai.types import Batch

    from callsheet.llm.job_types import JobRowError, JobRowErrorKind, JobState
    from callsheet.llm.provider_client import Build

_ENDPOINT: Final = "/v1/responses"
_MARK = "callsheet_job"
_NO_ROOM = "token_limit_exceeded"
_LATE = 600.0
"""Seconds for which an ended job may name its files too late."""

_STATES: Mapping[str, JobState] = {
    "validating": "waiting",
    "in_progress": "running",
    "finalizing": "ending",
    "cancelling": "ending",
    "completed": "ended",
    "failed": "ended",
    "expired": "ended",
    "cancelled": "ended",
}
_UNRUN: Mapping[str, JobRowErrorKind] = {"batch_expired": "expired", "batch_cancelled": "cancelled"}


def _responses(name: str, given: dict[str, Any]) -> OpenAIResponsesModel:
    return OpenAIResponsesModel(name, provider=OpenAIProvider(**given), profile=UNCHANGED)


class OpenAIJobClient(JobClient):
    """Jobs of the Responses API, the only one that the library encodes; the mark is in a job's metadata."""

    settings: ClassVar[Mapping[str, Any]] = {"openai_store": False}

    @staticmethod
    def builder() -> Build:
        return _responses

    @property
    def _openai(self) -> AsyncOpenAI:
        client: AsyncOpenAI = self._model.client
        return client

    def _line(self, custom_id: str, body: str) -> str:
        head = f'"custom_id":{custom_id},"method":"POST","url":"{_ENDPOINT}"'
        return f'{{{head},"body":{body}}}'

    async def _create(self, job: str, file: IO[bytes], count: int) -> str:
        once = self._openai.with_options(max_retries=0)
        name = f"{JOB_NAME}{job}.jsonl"
        try:
            uploaded = await once.files.create(file=(name, file), purpose="batch")
        except Exception as error:  # noqa: BLE001  # without its file, no job exists
            why = self._worded(job_failure(error))
            raise JobRefusedError(why.message, hint=why.hint) from why
        try:
            created = await once.batches.create(
                input_file_id=uploaded.id,
                endpoint=_ENDPOINT,
                completion_window="24h",
                metadata={_MARK: job, "callsheet_rows": str(count)},
            )
        except APIStatusError as error:
            if surely_refused(job_failure(error)):
                await self._delete(uploaded.id)
            raise
        return created.id

    async def find(self, job: str, since: float, count: int) -> Found | None:
        del count
        with self._errors():
            async for batch in self._openai.batches.list(limit=100):
                if (batch.metadata or {}).get(_MARK) == job:
                    return Found(batch.id)
                if batch.created_at < since - CLOCK_SKEW:
                    break
        return None

    async def status(self, provider_id: str) -> JobStatus:
        with self._errors(provider_id):
            batch = await self._openai.batches.retrieve(provider_id)
        counts, errors = batch.request_counts, (batch.errors and batch.errors.data) or []
        succeeded, failed = (counts.completed, counts.failed) if counts else (0, 0)
        is_late = (succeeded and not batch.output_file_id) or (failed and not batch.error_file_id)
        since = batch.completed_at or batch.expired_at or batch.cancelled_at or 0
        state = _STATES.get(batch.status, "running")
        if state == "ended" and is_late and time.time() < since + _LATE:
            state = "ending"
        return JobStatus(
            state=state,
            total=counts.total if counts else 0,
            succeeded=succeeded,
            failed=failed,
            ends_by=batch.expires_at,
            message=self._redacted("; ".join(each.message or "" for each in errors[:3])),
            no_room=any(each.code == _NO_ROOM for each in errors),
        )

    async def _results(self, provider_id: str) -> AsyncIterator[BatchResult | JobResult]:
        batch, seen = await self._openai.batches.retrieve(provider_id), set()
        for file_id in filter(None, (batch.output_file_id, batch.error_file_id)):
            async for line in self._lines(file_id):
                result = _result(line)
                seen.add(result.custom_id)
                yield result
        if batch.status == "completed":
            return
        # Neither file has the rows that were not run; without the input file they count as lost.
        with suppress(NotFoundError):
            number = 0
            async for line in self._lines(batch.input_file_id):
                number += 1
                if (custom_id := json.loads(line)["custom_id"]) not in seen:
                    yield JobResult(custom_id, self._unrun(batch, number))

    async def _lines(self, file_id: str) -> AsyncIterator[bytes]:
        with scratch_file() as file:
            streamed = self._openai.files.with_streaming_response
            async with streamed.content(file_id) as response:
                async for chunk in response.iter_bytes():
                    file.write(chunk)
            file.seek(0)
            for line in file:
                if line.strip():
                    yield line

    def _unrun(self, batch: Batch, number: int) -> JobRowError:
        """Why the job did not run the row on this line."""
        if batch.status != "failed":
            return unrun("expired" if batch.status == "expired" else "cancelled")
        errors = (batch.errors and batch.errors.data) or []
        own = [each for each in errors if each.line in (number, None)]
        first = next(iter(own or errors), None)
        said = self._redacted((first and first.message) or "no reason was given")
        if not own or any(each.code == _NO_ROOM for each in own):
            return unrun("unavailable", f"OpenAI refused the job: {said}")
        return self._row_error(failure_of(400, {"error": {"message": said}}, None))

    async def cancel(self, provider_id: str) -> None:
        with self._errors(provider_id):
            batch = await self._openai.batches.retrieve(provider_id)
            if _STATES.get(batch.status) not in ("ending", "ended"):
                await self._openai.batches.cancel(provider_id)

    async def forget(self, provider_id: str) -> None:
        with self._errors(provider_id):
            batch = await self._openai.batches.retrieve(provider_id)
            for file_id in (batch.input_file_id, batch.output_file_id, batch.error_file_id):
                if file_id:
                    await self._delete(file_id)

    async def _delete(self, file_id: str) -> None:
        with suppress(APIStatusError):
            await self._openai.files.delete(file_id)


def _result(line: bytes) -> BatchResult:
    """A line of the output or error file."""
    row = json.loads(line)
    custom_id, response, error = row["custom_id"], row.get("response"), row.get("error") or {}
    if kind := _UNRUN.get(error.get("code") or ""):
        return BatchResult(
            custom_id=custom_id, status="canceled" if kind == "cancelled" else "expired"
        )
    if response is None:
        response = {"status_code": 500, "body": {"error": error}}
    if response["status_code"] == HTTPStatus.OK:
        return BatchResult(
            custom_id=custom_id, status="succeeded", body=json.dumps(response["body"])
        )
    return BatchResult(custom_id=custom_id, status="errored", body=json.dumps(response))
