"""Error responses: `application/problem+json` (RFC 9457) with a stable code."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from callsheet.batches.request import SheetError
from callsheet.errors import (
    CallsheetError,
    InputError,
    InternalError,
    ProviderError,
    StateConflictError,
    StorageError,
    StorageFullError,
)
from callsheet.events import QuestionAnswered
from callsheet.llm.jobs import NoJobsError
from callsheet.runs.edit import EditedElsewhereError
from callsheet.runs.run_pool import PoolStoppedError
from callsheet.runs.session import AlreadyAnsweredError
from callsheet.store.port import LeaseError, NoSuchRunError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue
    from pydantic_core import ErrorDetails

MEDIA_TYPE = "application/problem+json"

STATUSES: Mapping[type[CallsheetError], int] = {
    NoSuchRunError: 404,
    AlreadyAnsweredError: 409,
    LeaseError: 409,
    StateConflictError: 409,
    InputError: 422,
    ProviderError: 422,
    StorageFullError: 507,
    StorageError: 503,
    PoolStoppedError: 503,
}
"""The HTTP status of each class of errors; the first match counts."""


class WebError(CallsheetError):
    """An error of a request; `status` is the HTTP status, `code` the stable code."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        hint: str = "",
        extra: Mapping[str, JsonValue] | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.problem_code = code
        self.extra = extra or {}


def problem(error: CallsheetError) -> Response:
    """Make the response to an error."""
    if isinstance(error, WebError):
        status, code, extra = error.status, error.problem_code, dict(error.extra)
    else:
        status = next((s for kind, s in STATUSES.items() if isinstance(error, kind)), 500)
        code, extra = error.code, {}
    if isinstance(error, SheetError):
        listed = error.problems[:MAX_ROW_PROBLEMS]
        extra |= {"problems": [{"row": each.number, "message": each.message} for each in listed]}
    if isinstance(error, NoJobsError):
        extra |= {"problems": [{"path": "$.jobs", "message": error.message}]}
    if isinstance(error, AlreadyAnsweredError):
        extra |= _first_answer(error)
    if isinstance(error, EditedElsewhereError):
        extra |= {"newer": {"prompt": error.prompt, "text": error.text, "seq": error.seq}}
    return problem_response(status, code, error.message, error.hint, extra)


def problem_response(
    status: int, code: str, detail: str, hint: str = "", extra: Mapping[str, Any] | None = None
) -> Response:
    """Make an error response."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "hint": hint,
        **(extra or {}),
    }
    return Response(json.dumps(body), status, media_type=MEDIA_TYPE)


def defect(error: Exception) -> InternalError:
    """Return a bug of callsheet's own as an error, without its message: it may quote a person's text."""
    return InternalError(
        f"{type(error).__name__} in callsheet's own code",
        hint="this is a bug in callsheet; `callsheet serve --debug` shows where",
    )


def invalid_request(details: Sequence[ErrorDetails]) -> WebError:
    """Return the error of a request that does not match the API's description."""
    problems: list[JsonValue] = [
        {"path": "$" + "".join(_path_part(part) for part in each["loc"]), "message": each["msg"]}
        for each in details[:MAX_FIELD_PROBLEMS]
    ]
    first = problems[0]
    assert isinstance(first, dict)  # noqa: S101  # just made so
    return WebError(
        422,
        "invalid_request",
        f"the request is invalid: {first['path']}: {first['message']}",
        hint="/openapi.json describes valid requests",
        extra={"problems": problems},
    )


MAX_FIELD_PROBLEMS = 20

MAX_ROW_PROBLEMS = 200
"""Problems of a sheet that are listed."""


def _path_part(part: int | str) -> str:
    return f"[{part}]" if isinstance(part, int) else f".{part:.60}"


def _first_answer(error: AlreadyAnsweredError) -> dict[str, JsonValue]:
    event = error.winner.event if error.winner else None
    if not isinstance(event, QuestionAnswered):
        return {}
    return {"answer": {"key": event.key, "value": event.value, "by": event.by}}
