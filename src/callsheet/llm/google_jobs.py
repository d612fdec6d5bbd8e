"""Gemini's batch mode: a file of requests is uploaded, one of results downloaded."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from google.genai.errors import APIError
from pydantic_ai.models.batch import BatchResult

from callsheet.errors import JobRefusedError
from callsheet.llm.job_client import JobClient, scratch_file, surely_refused, unrun
from callsheet.llm.job_types import (
    JOB_NAME,
    Found,
    JobStatus,
)
from callsheet.llm.provider_errors import failure_of
from callsheet.llm.provider_exceptions import job_failure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from io import IOBase
    from typing import IO

    from google.genai.client import AsyncClient

    from callsheet.llm.job_types import JobResult, JobRowError, JobState

_HOURS = 48
_STATES: Mapping[str, JobState] = {
    "PENDING": "waiting",
    "QUEUED": "waiting",
    "CANCELLING": "ending",
    "SUCCEEDED": "ended",
    "PARTIALLY_SUCCEEDED": "ended",
    "FAILED": "ended",
    "CANCELLED": "ended",
    "EXPIRED": "ended",
}
_NO_ROOM, _PASSING = 8, {4: 504, 10: 503, 13: 500, 14: 503}
"""Numbers of google.rpc.Code: RESOURCE_EXHAUSTED, and others that pass, as HTTP statuses."""


class GoogleJobClient(JobClient):
    """Jobs with our mark in their display name."""

    @property
    def _google(self) -> AsyncClient:
        client: AsyncClient = self._model.client.aio
        return client

    def _line(self, custom_id: str, body: str) -> str:
        return f'{{"key":{custom_id},"request":{body}}}'

    async def _create(self, job: str, file: IO[bytes], count: int) -> str:
        del count
        name = f"{JOB_NAME}{job}"
        try:
            uploaded = await self._google.files.upload(
                file=_unwrapped(file),
                config={"mime_type": "application/jsonl", "display_name": name},
            )
        except Exception as error:  # noqa: BLE001  # without its file, no job exists
            why = self._worded(job_failure(error))
            raise JobRefusedError(why.message, hint=why.hint) from why
        try:
            created = await self._google.batches.create(
                model=self._model.model_name,
                src=uploaded.name or "",
                # The service may have created a job that it did not answer: it is asked once.
                config={"display_name": name, "http_options": {"retry_options": {"attempts": 1}}},
            )
        except APIError as error:
            if surely_refused(job_failure(error)):
                await self._delete(uploaded.name)
            raise
        return created.name or ""

    async def find(self, job: str, since: float, count: int) -> Found | None:
        del since, count
        with self._errors():
            async for each in await self._google.batches.list(config={"page_size": 100}):
                if each.display_name == f"{JOB_NAME}{job}" and each.name:
                    return Found(each.name)
        return None

    async def status(self, provider_id: str) -> JobStatus:
        with self._errors(provider_id):
            job = await self._job(provider_id)
        about, error = job.get("metadata") or {}, job.get("error") or {}
        counts = about.get("batchStats") or {}
        succeeded = int(counts.get("successfulRequestCount") or 0)
        failed = int(counts.get("failedRequestCount") or 0)
        state = _state(about)
        created = datetime.fromisoformat(about["createTime"]) if "createTime" in about else None
        return JobStatus(
            state=_STATES.get(state, "running"),
            total=int(counts.get("requestCount") or 0),
            succeeded=succeeded,
            failed=failed,
            ends_by=created.timestamp() + 3_600 * _HOURS if created else None,
            message=self._redacted(str(error.get("message") or "")),
            no_room=error.get("code") == _NO_ROOM,
            unlisted=self._unlisted(state, error),
        )

    def _unlisted(self, state: str, error: dict[str, Any]) -> JobRowError | None:
        """What became of rows without a result: no file lists them."""
        match state:
            case "EXPIRED":
                return unrun("expired")
            case "CANCELLED":
                return unrun("cancelled")
            case "FAILED":
                said = self._redacted(str(error.get("message") or "no reason was given"))
                if error.get("code") == _NO_ROOM:
                    return unrun("unavailable", f"Google refused the job: {said}")
                status = _PASSING.get(error.get("code") or 0, HTTPStatus.BAD_REQUEST)
                return self._row_error(failure_of(status, {"error": {"message": said}}, None))
            case _:
                return None

    async def _results(self, provider_id: str) -> AsyncIterator[BatchResult | JobResult]:
        job = await self._job(provider_id)
        output = (job.get("metadata") or {}).get("output") or {}
        if not (name := output.get("responsesFile")):
            return
        with scratch_file() as file:
            await self._google.files.download(file=name, destination=_unwrapped(file))
            file.seek(0)
            for line in file:
                if line.strip():
                    yield _result(json.loads(line))

    async def cancel(self, provider_id: str) -> None:
        with self._errors(provider_id):
            state = _STATES.get(_state((await self._job(provider_id)).get("metadata") or {}))
            if state not in ("ending", "ended"):
                await self._google.batches.cancel(name=provider_id)

    async def forget(self, provider_id: str) -> None:
        with self._errors(provider_id):
            about = (await self._job(provider_id)).get("metadata") or {}
            # A job does not say which file it has read.
            async for file in await self._google.files.list(config={"page_size": 100}):
                if file.display_name == about.get("displayName"):
                    await self._delete(file.name)
            await self._delete((about.get("output") or {}).get("responsesFile"))
            with suppress(APIError):
                await self._google.batches.delete(name=provider_id)

    async def _delete(self, name: str | None) -> None:
        if name:
            with suppress(APIError):
                await self._google.files.delete(name=name)

    async def _job(self, provider_id: str) -> dict[str, Any]:
        """A job as Google tells it: the library leaves out counts and error."""
        api = self._model.client._api_client  # noqa: SLF001  # nothing public returns the whole answer
        answer = await api.async_request("get", provider_id, {}, None)
        job: dict[str, Any] = json.loads(answer.body)
        return job


def _unwrapped(file: IO[bytes]) -> IOBase:
    """The file object itself: Windows gives a temporary file another one around it, which the library refuses."""
    return cast("IOBase", getattr(file, "file", file))


def _state(about: dict[str, Any]) -> str:
    """The state of a job, which has one of two prefixes."""
    return str(about.get("state") or "").removeprefix("BATCH_STATE_").removeprefix("JOB_STATE_")


def _result(row: dict[str, Any]) -> BatchResult:
    if "response" in row:
        return BatchResult(
            custom_id=row["key"], status="succeeded", body=json.dumps(row["response"])
        )
    return BatchResult(
        custom_id=row["key"], status="errored", body=json.dumps(row.get("error") or {})
    )
