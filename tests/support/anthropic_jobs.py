"""Anthropic's Message Batches as documented, on 127.0.0.1, beside its Messages."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from tests.support.anthropic_server import FORBIDDEN, AnthropicServer
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
from tests.support.strict_schema import keywords

_ROOT = "/v1/messages/batches"
_ENDS: Mapping[RowEnd, str] = {
    "ok": "succeeded",
    "rejected": "errored",
    "overloaded": "errored",
    "expired": "expired",
    "cancelled": "canceled",
}


class AnthropicJobs(JobServer, AnthropicServer):
    """The server; whose a job is, only its results tell."""

    def job_route(
        self, method: str, path: str, query: dict[str, str], raw: bytes
    ) -> Answer | Drop | None:
        if not path.startswith(_ROOT):
            return None
        match method, path.removeprefix(_ROOT).strip("/").split("/"):
            case "POST", [""]:
                return self._create(json.loads(raw))
            case "GET", [""]:
                return self._list(query)
            case _, [name, *rest] if name in self.jobs:
                return self._job(method, self.jobs[name], rest)
        return Answer(404, self.error(404, "Not found"))

    def _create(self, body: dict[str, Any]) -> Answer | Drop:
        rows = [Row(each["custom_id"], each["params"]) for each in body["requests"]]
        ids = {row.custom_id for row in rows}
        fits = all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", each) for each in ids)
        if not rows or len(rows) > 100_000 or len(ids) < len(rows) or not fits:
            return Answer(400, self.error(400, "requests: custom ids must be valid and unique"))
        job = self.add_job(rows[0].custom_id.partition("-")[0], rows)
        return self.created(Answer(200, self._batch(job)))

    def _list(self, query: dict[str, str]) -> Answer:
        newest = list(reversed(self.jobs))
        start = newest.index(query["after_id"]) + 1 if "after_id" in query else 0
        page = newest[start : start + int(query.get("limit", 20))]
        more = start + len(page) < len(newest)
        ends = {"first_id": page[0] if page else None, "last_id": page[-1] if page else None}
        data = [self._batch(self.jobs[each]) for each in page]
        for each in page:
            # A job goes on, whoever asks for it.
            self.look(self.jobs[each])
        return Answer(200, {"data": data, "has_more": more, **ends})

    def _job(self, method: str, job: ServedJob, rest: list[str]) -> Answer:
        if method == "DELETE":
            self.deleted.append(self.jobs.pop(job.id).id)
            return Answer(200, {"id": job.id, "type": "message_batch_deleted"})
        if rest == ["results"]:
            if not job.end:
                return Answer(400, self.error(400, "The batch has not ended"))
            return self.download(job.results)
        if rest == ["cancel"]:
            if job.end:
                return Answer(400, self.error(400, "The batch has ended"))
            job.cancelled = True
            return Answer(200, self._batch(job))
        return Answer(200, self._batch(self.look(job)))

    def _batch(self, job: ServedJob) -> dict[str, Any]:
        counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
        for end, number in job.counts.items():
            # Of rows that it lost, a provider knows nothing.
            counts[_ENDS.get(end, "succeeded")] += number
        if not job.end:
            counts["processing"] = len(job.rows)
        going = "canceling" if job.cancelled else "in_progress"
        return {
            "id": job.id,
            "type": "message_batch",
            "processing_status": "ended" if job.end else going,
            "request_counts": counts,
            "created_at": _time(job.created),
            "expires_at": _time(job.created + DAY),
            "ended_at": _time(job.ended) if job.ended else None,
            "cancel_initiated_at": None,
            "archived_at": None,
            "results_url": f"{self.url}{_ROOT}/{job.id}/results" if job.end else None,
        }

    def result_line(self, row: Row, end: RowEnd) -> dict[str, Any] | None:
        if end == "lost":
            return None
        result: dict[str, Any] = {"type": _ENDS[end]}
        if end == "ok":
            result["message"] = self.run_row(row)
        elif end == "rejected":
            result["error"] = self.error(400, "Your input was rejected by the safety system.")
        elif end == "overloaded":
            result["error"] = self.error(529, "Overloaded")
        return {"custom_id": row.custom_id, "result": result}

    def run_row(self, row: Row) -> dict[str, Any]:
        body = row.body
        schema = body["output_config"]["format"]["schema"]
        assert not FORBIDDEN & keywords(schema)
        assert not body.get("stream")
        system = body["system"]
        parts = system if isinstance(system, list) else [{"text": system}]
        kept = parts[-1].get("cache_control")
        assert kept in (None, {"type": "ephemeral", "ttl": "1h"})
        text = self.written(body, schema)
        said = "".join(part.get("text", "") for part in body["messages"][0]["content"])
        prefix = "".join(part["text"] for part in parts) + schema_sent(schema)
        rates = RATES.get(body["model"], RATES["claude-sonnet-4-6"])
        billed = self.bill(Exchange(prefix, said, text, bool(kept)), rates)
        return {
            "id": f"msg_{row.custom_id}",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": [{"type": "text", "text": text}],
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {
                "input_tokens": billed.sent - billed.read - billed.written,
                "cache_creation_input_tokens": billed.written,
                "cache_creation": {
                    "ephemeral_1h_input_tokens": billed.written,
                    "ephemeral_5m_input_tokens": 0,
                },
                "cache_read_input_tokens": billed.read,
                "output_tokens": billed.output,
                "service_tier": "batch",
            },
        }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
