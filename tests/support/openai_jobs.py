"""OpenAI's Files and Batch API as documented, on 127.0.0.1, beside its Chat Completions.

with OpenAIJobs() as server:
    ...  # the provider's `url` is server.url; jobs are of /v1/responses
    assert server.creates == ["b7f20a1c"]
"""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import lru_cache
from typing import Any

from tests.support.job_server import (
    DAY,
    RATES,
    Exchange,
    JobServer,
    Row,
    RowEnd,
    ServedJob,
    schema_sent,
)
from tests.support.loopback import Answer, Drop
from tests.support.strict_openai import StrictOpenAI
from tests.support.strict_schema import complaint

_LIMITS = {"requests": 50_000, "bytes": 200_000_000, "pairs": 16, "value": 512}


class OpenAIJobs(JobServer, StrictOpenAI):
    """The server; its ordinary calls are those of StrictOpenAI."""

    def job_route(
        self, method: str, path: str, query: dict[str, str], raw: bytes
    ) -> Answer | Drop | None:
        answer: Answer | Drop | None = None
        match method, path.removeprefix("/v1").strip("/").split("/"):
            case "POST", ["files"]:
                answer = self._upload(raw)
            case "GET", ["files", name, "content"]:
                answer = self._content(name)
            case "DELETE", ["files", name]:
                answer = self._delete(name)
            case "POST", ["batches"]:
                answer = self._create(json.loads(raw))
            case "GET", ["batches"]:
                answer = self._list(query)
            case _, ["batches", name, *rest]:
                answer = self._job(name, rest)
        return answer

    def _missing(self, what: str) -> Answer:
        return Answer(404, self.error(404, f"No such {what}"))

    def _upload(self, raw: bytes) -> Answer:
        boundary = raw.partition(b"\r\n")[0]
        parts = {}
        name = ""
        for part in raw.split(boundary)[1:-1]:
            head, _, body = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
            found = re.search(rb'name="(\w+)"(?:; filename="([^"]+)")?', head)
            assert found
            name = found[2].decode() if found[2] else name
            parts[found[1].decode()] = body.removesuffix(b"\r\n")
        if parts.get("purpose") != b"batch" or not name.endswith(".jsonl"):
            return Answer(400, self.error(400, "Invalid file for purpose batch"))
        if len(parts["file"]) > _LIMITS["bytes"]:
            return Answer(413, self.error(413, "File is too large"))
        file_id = f"file-{len(self.uploads) + 1:04}"
        self.uploads[file_id] = parts["file"]
        self.names[file_id] = name
        return Answer(200, self._file(file_id))

    def _file(self, file_id: str) -> dict[str, Any]:
        return {
            "id": file_id,
            "object": "file",
            "bytes": len(self.uploads[file_id]),
            "created_at": 1_795_000_000,
            "filename": self.names[file_id],
            "purpose": "batch",
            "status": "processed",
        }

    def _content(self, name: str) -> Answer:
        if name in self.uploads:
            return Answer(200, self.uploads[name])
        for job in self.jobs.values():
            if name in job.files.values() and name not in self.deleted:
                is_output = job.files.get("output") == name
                return self.download(
                    line for line in job.results if bool(_is_good(line)) is is_output
                )
        return self._missing(f"File object: {name}")

    def _delete(self, name: str) -> Answer:
        known = name in self.uploads or any(name in j.files.values() for j in self.jobs.values())
        if not known or name in self.deleted:
            return self._missing(f"File object: {name}")
        self.uploads.pop(name, None)
        self.deleted.append(name)
        return Answer(200, {"id": name, "object": "file", "deleted": True})

    def _create(self, body: dict[str, Any]) -> Answer | Drop:
        metadata = body.get("metadata") or {}
        if body.get("completion_window") != "24h" or body.get("endpoint") != "/v1/responses":
            return Answer(400, self.error(400, "Invalid completion_window or endpoint"))
        long = any(len(value) > _LIMITS["value"] for value in metadata.values())
        if long or len(metadata) > _LIMITS["pairs"]:
            return Answer(400, self.error(400, "Invalid metadata"))
        if body["input_file_id"] not in self.uploads:
            return self._missing(f"File object: {body['input_file_id']}")
        lines = [json.loads(line) for line in self.uploads[body["input_file_id"]].splitlines()]
        rows = [Row(line["custom_id"], line["body"]) for line in lines]
        job = self.add_job(metadata.get("callsheet_job", ""), rows, body["input_file_id"])
        job.errors = _complaints(lines)
        if job.errors:
            job.end = "failed"
        return self.created(Answer(200, self._batch(job, metadata)))

    def _list(self, query: dict[str, str]) -> Answer:
        newest = list(reversed(self.jobs))
        start = newest.index(query["after"]) + 1 if "after" in query else 0
        page = newest[start : start + int(query.get("limit", 20))]
        more = start + len(page) < len(newest)
        data = [self._batch(self.jobs[each]) for each in page]
        ends = {"first_id": page[0], "last_id": page[-1]} if page else {}
        return Answer(200, {"object": "list", "data": data, "has_more": more, **ends})

    def _job(self, name: str, rest: list[str]) -> Answer:
        job = self.jobs.get(name)
        if job is None:
            return self._missing(f"batch: {name}")
        if rest == ["cancel"]:
            if job.end:
                message = f"Cannot cancel a batch with status '{job.end}'."
                return Answer(409, self.error(409, message))
            job.cancelled = True
            return Answer(200, self._batch(job) | {"status": "cancelling"})
        return Answer(200, self._batch(self.look(job)))

    def _batch(self, job: ServedJob, metadata: dict[str, str] | None = None) -> dict[str, Any]:
        good = job.counts.get("ok", 0)
        bad = sum(job.counts.values()) - good - job.counts.get("lost", 0)
        if job.end and good:
            job.files["output"] = f"file-out-{job.id}"
        if job.end and bad:
            job.files["error"] = f"file-err-{job.id}"
        errors = {"object": "list", "data": job.errors} if job.errors else None
        return {
            "id": job.id,
            "object": "batch",
            "endpoint": "/v1/responses",
            "errors": errors,
            "input_file_id": job.input_file,
            "completion_window": "24h",
            "status": job.end or "in_progress",
            "output_file_id": job.files.get("output"),
            "error_file_id": job.files.get("error"),
            "created_at": int(job.created),
            "expires_at": int(job.created) + DAY,
            f"{job.end or 'in_progress'}_at": int(job.created) + 60,
            "request_counts": {
                "total": 0 if job.end == "failed" else len(job.rows),
                "completed": good,
                "failed": bad,
            },
            "metadata": metadata or {"callsheet_job": job.mark},
        }

    def result_line(self, row: Row, end: RowEnd) -> dict[str, Any] | None:
        line: dict[str, Any] = {"id": f"batch_req_{row.custom_id}", "custom_id": row.custom_id}
        line |= {"response": None, "error": None}
        match end:
            case "lost":
                return None
            case "expired" | "cancelled":
                error = {"code": f"batch_{end}", "message": "This request was not executed."}
                return line | {"error": error}
            case "rejected" | "overloaded":
                code = 400 if end == "rejected" else 500
                body = self.error(code, "Your input was rejected by the safety system.")
            case _:
                code, body = 200, self.run_row(row)
        return line | {"response": {"status_code": code, "request_id": "req_1", "body": body}}

    def run_row(self, row: Row) -> dict[str, Any]:
        body = row.body
        form = body["text"]["format"]
        assert form["strict"] is True
        assert not _complaint(json.dumps(form["schema"]))
        text = self.written(body, form["schema"])
        system, user, mark = _sent(body)
        prefix = system + schema_sent(form["schema"])
        rates = RATES.get(body["model"], RATES["gpt-5.2"])
        billed = self.bill(Exchange(prefix, user, text, mark), rates)
        content = [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}]
        message = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant"}
        return {
            "id": f"resp_{row.custom_id}",
            "object": "response",
            "created_at": 1_795_000_000,
            "status": "completed",
            "error": None,
            "incomplete_details": None,
            "model": body["model"],
            "output": [message | {"content": content}],
            "parallel_tool_calls": True,
            "service_tier": "default",
            "usage": {
                "input_tokens": billed.sent,
                "input_tokens_details": {
                    "cached_tokens": billed.read,
                    "cache_write_tokens": billed.written,
                },
                "output_tokens": billed.output,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": billed.sent + billed.output,
            },
        }


@lru_cache(maxsize=16)
def _complaint(schema: str) -> str | None:
    """What strict mode says to a schema, which the rows of a job share."""
    return complaint(json.loads(schema))


def _is_good(line: dict[str, Any]) -> bool:
    return bool(line["response"]) and line["response"]["status_code"] == 200


def _sent(body: dict[str, Any]) -> tuple[str, str, bool]:
    """Instructions and message of a request, and whether its beginning is marked."""
    system, mark, said = body.get("instructions") or "", False, ""
    for message in body["input"]:
        content = message["content"]
        parts = [{"text": content}] if isinstance(content, str) else content
        text = "".join(part.get("text", "") for part in parts)
        if message["role"] == "user":
            said += text
        else:
            system += text
            mark = mark or any("prompt_cache_breakpoint" in part for part in parts)
    return system, said, mark


def _complaints(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the validation of an input file finds."""
    found = []
    ids = Counter(line["custom_id"] for line in lines)
    for number, line in enumerate(lines, 1):
        wrong = ""
        if ids[line["custom_id"]] > 1:
            wrong = "duplicate_custom_id"
        elif line["url"] != "/v1/responses" or line["method"] != "POST":
            wrong = "url_mismatch"
        elif line["body"]["model"] != lines[0]["body"]["model"]:
            wrong = "model_mismatch"
        if wrong:
            found.append({"code": wrong, "message": wrong, "line": number, "param": None})
    if not lines:
        found.append({"code": "empty_file", "message": "The file is empty.", "line": None})
    if len(lines) > _LIMITS["requests"]:
        found.append({"code": "too_many_tasks", "message": "Too many requests.", "line": None})
    return found
