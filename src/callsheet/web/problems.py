"""Every error that leaves the server: `application/problem+json` with a code that programs can rely on."""

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
"""The status of each kind of error; the first that fits."""


class WebError(CallsheetError):
    """What only the web can be asked wrongly; `status` is HTTP's, `code` ours."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        hint: str = "",
        more: Mapping[str, JsonValue] | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.named = code
        self.more = more or {}


def problem(error: CallsheetError) -> Response:
    """The answer that tells of an error."""
    if isinstance(error, WebError):
        status, code, more = error.status, error.named, dict(error.more)
    else:
        status = next((s for kind, s in STATUSES.items() if isinstance(error, kind)), 500)
        code, more = error.code, {}
    if isinstance(error, SheetError):
        told_rows = error.problems[:MOST_ROWS]
        more |= {"problems": [{"row": each.number, "message": each.message} for each in told_rows]}
    if isinstance(error, AlreadyAnsweredError):
        more |= _winner(error)
    return problem_response(status, code, error.message, error.hint, more)


def problem_response(
    status: int, code: str, detail: str, hint: str = "", more: Mapping[str, Any] | None = None
) -> Response:
    """A problem with these words."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "hint": hint,
        **(more or {}),
    }
    return Response(json.dumps(body), status, media_type=MEDIA_TYPE)


def defect(error: Exception) -> InternalError:
    """A defect of ours, without its words: they may hold what a person wrote."""
    return InternalError(
        f"{type(error).__name__} in callsheet's own code",
        hint="this is a defect of ours; `callsheet serve --debug` shows where",
    )


def unfit(details: Sequence[ErrorDetails]) -> WebError:
    """A request that has not the form which the description of the API gives."""
    problems: list[JsonValue] = [
        {"path": "$" + "".join(_step(part) for part in each["loc"]), "message": each["msg"]}
        for each in details[:MOST_TOLD]
    ]
    first = problems[0]
    assert isinstance(first, dict)  # noqa: S101  # just made so
    return WebError(
        422,
        "invalid_request",
        f"the request does not fit: {first['path']}: {first['message']}",
        hint="/openapi.json describes what would",
        more={"problems": problems},
    )


MOST_TOLD = 20

MOST_ROWS = 200
"""Problems of a sheet that are told one by one."""


def _step(part: int | str) -> str:
    return f"[{part}]" if isinstance(part, int) else f".{part:.60}"


def _winner(error: AlreadyAnsweredError) -> dict[str, JsonValue]:
    event = error.winner.event if error.winner else None
    if not isinstance(event, QuestionAnswered):
        return {}
    return {"answer": {"key": event.key, "value": event.value, "by": event.by}}
