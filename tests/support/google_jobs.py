"""Gemini's files and batch mode as documented, on 127.0.0.1, beside generateContent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tests.support.google_server import READ, GoogleServer
from tests.support.job_server import (
    RATES,
    Exchange,
    JobEnd,
    JobServer,
    Row,
    RowEnd,
    ServedJob,
    schema_sent,
)
from tests.support.loopback import Answer, Drop
from tests.support.strict_schema import keywords

_STATES: Mapping[JobEnd | None, str] = {
    None: "BATCH_STATE_RUNNING",
    "completed": "BATCH_STATE_SUCCEEDED",
    "failed": "BATCH_STATE_FAILED",
    "cancelled": "BATCH_STATE_CANCELLED",
    "expired": "BATCH_STATE_EXPIRED",
}


class GoogleJobs(JobServer, GoogleServer):
    """The server; uploads come in pieces, and a job that expires has no results at all."""

    def job_route(
        self, method: str, path: str, query: dict[str, str], raw: bytes
    ) -> Answer | Drop | None:
        answer: Answer | Drop | None = None
        match method, path.strip("/").split("/"):
            case "POST", ["upload", "v1beta", "files"]:
                answer = self._upload(query, raw)
            case "GET", ["v1beta", "files"]:
                answer = Answer(200, {"files": [self._file(each) for each in self.uploads]})
            case "GET", ["v1beta", "files", name] if name.endswith(":download"):
                answer = self._results(name.removesuffix(":download"))
            case "DELETE", ["v1beta", "files", name]:
                answer = self._delete(name)
            case "POST", ["v1beta", "models", model] if model.endswith(":batchGenerateContent"):
                answer = self._create(json.loads(raw)["batch"])
            case "GET", ["v1beta", "batches"]:
                answer = self._list(query)
            case _, ["v1beta", "batches", name]:
                answer = self._job(method, name)
        return answer

    def _missing(self) -> Answer:
        return Answer(404, self.error(404, "Requested entity was not found."))

    def _upload(self, query: dict[str, str], raw: bytes) -> Answer:
        if "upload_id" not in query:
            name = f"in{len(self.names) + 1:04}"
            about = json.loads(raw)["file"]
            # As everywhere in its JSON, both spellings of a name are taken.
            self.names[name] = about.get("displayName") or about["display_name"]
            self.uploads[name] = b""
            url = f"{self.url}/upload/v1beta/files?upload_id={name}"
            return Answer(200, {}, {"x-goog-upload-url": url, "x-goog-upload-status": "active"})
        name = query["upload_id"]
        self.uploads[name] += raw
        final = "finalize" in self.sent_headers.get("x-goog-upload-command", "")
        status = {"x-goog-upload-status": "final" if final else "active"}
        return Answer(200, {"file": self._file(name)}, status)

    def _file(self, name: str) -> dict[str, Any]:
        size = str(len(self.uploads[name]))
        about = {"displayName": self.names[name], "mimeType": "application/jsonl"}
        return {"name": f"files/{name}", "sizeBytes": size, "state": "ACTIVE", **about}

    def _results(self, name: str) -> Answer:
        job = next((each for each in self.jobs.values() if each.files.get("output") == name), None)
        return self.download(job.results) if job else self._missing()

    def _delete(self, name: str) -> Answer:
        if name in self.deleted:
            return self._missing()
        self.uploads.pop(name, None)
        self.deleted.append(name)
        return Answer(200, {})

    def _create(self, batch: dict[str, Any]) -> Answer | Drop:
        name = batch["inputConfig"]["fileName"].removeprefix("files/")
        if name not in self.uploads:
            return self._missing()
        lines = [json.loads(line) for line in self.uploads[name].splitlines()]
        rows = [Row(line["key"], line["request"]) for line in lines]
        job = self.add_job(batch["displayName"].removeprefix("callsheet-"), rows, name)
        return self.created(Answer(200, self._operation(job)))

    def _list(self, query: dict[str, str]) -> Answer:
        every = list(self.jobs.values())
        start, size = int(query.get("pageToken", 0)), int(query.get("pageSize", 50))
        page = every[start : start + size]
        more = {"nextPageToken": str(start + size)} if start + size < len(every) else {}
        return Answer(200, {"operations": [self._operation(each) for each in page], **more})

    def _job(self, method: str, name: str) -> Answer:
        name, _, verb = name.partition(":")
        job = self.jobs.get(name)
        if job is None:
            return self._missing()
        if verb == "cancel":
            job.cancelled = True
            return Answer(200, {})
        if method == "DELETE":
            del self.jobs[name]
            return Answer(200, {})
        return Answer(200, self._operation(self.look(job)))

    def _operation(self, job: ServedJob) -> dict[str, Any]:
        good = job.counts.get("ok", 0)
        bad = job.counts.get("rejected", 0) + job.counts.get("overloaded", 0)
        stats = {"requestCount": len(job.rows), "successfulRequestCount": good}
        stats |= {"failedRequestCount": bad, "pendingRequestCount": len(job.rows) - good - bad}
        output = {}
        if job.end in ("completed", "cancelled"):
            job.files["output"] = f"batch-{job.id}"
            output = {"output": {"responsesFile": f"files/batch-{job.id}"}}
        state = "BATCH_STATE_CANCELLING" if job.cancelled and not job.end else _STATES[job.end]
        told = {"error": job.errors[0]} if job.errors else {}
        return {
            "name": f"batches/{job.id}",
            "done": job.end is not None,
            **told,
            "metadata": {
                "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
                "name": f"batches/{job.id}",
                "displayName": f"callsheet-{job.mark}",
                "state": state,
                "createTime": datetime.fromtimestamp(job.created, UTC).isoformat(),
                "batchStats": {name: str(number) for name, number in stats.items()},
                **output,
            },
        }

    def result_line(self, row: Row, end: RowEnd) -> dict[str, Any] | None:
        match end:
            case "ok":
                return {"key": row.custom_id, "response": self.run_row(row)}
            case "rejected":
                message = "Your input was rejected by the safety system."
                return {"key": row.custom_id, "error": {"code": 3, "message": message}}
            case "overloaded":
                error = {"code": 14, "message": "The model is overloaded."}
                return {"key": row.custom_id, "error": error}
            case _:
                return None

    def run_row(self, row: Row) -> dict[str, Any]:
        body = row.body
        assert "serviceTier" not in body
        schema = body["generationConfig"]["responseJsonSchema"]
        assert not keywords(schema) - READ
        text = self.written(body, schema)
        prefix = _text(body["systemInstruction"]) + schema_sent(schema)
        said = "".join(_text(each) for each in body["contents"])
        billed = self.bill(Exchange(prefix, said, text, mark=True), RATES["gemini-3.8-flash"])
        content = {"role": "model", "parts": [{"text": text}]}
        return {
            "candidates": [{"index": 0, "content": content, "finishReason": "STOP"}],
            "usageMetadata": {
                "promptTokenCount": billed.sent,
                "cachedContentTokenCount": billed.read,
                "candidatesTokenCount": billed.output,
                "totalTokenCount": billed.sent + billed.output,
            },
            "modelVersion": "gemini-3.8-flash",
            "responseId": f"reply-{row.custom_id}",
        }


def _text(content: dict[str, Any]) -> str:
    return "".join(part.get("text", "") for part in content["parts"])
