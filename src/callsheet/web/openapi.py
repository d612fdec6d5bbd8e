"""Describes the API in OpenAPI, from the table of its routes."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any, get_args, get_origin

from callsheet.documents import STORED_RUN_FIELDS, RunDocument
from callsheet.web.http_io import MAX_KEY, WORKBOOK, ZIP
from callsheet.web.problems import MEDIA_TYPE
from callsheet.web.request_models import RequestBody
from callsheet.web.response_models import ProblemDetails
from callsheet.web.routes import OPERATIONS

if TYPE_CHECKING:
    from callsheet.web.routes import Operation

REF = "#/components/schemas/{model}"

PROBLEMS = {
    400: "The body is not JSON.",
    401: "A token is required.",
    403: "The request comes from another site, or for another host name.",
    404: "There is no such run, batch, workflow or file.",
    405: "The path has other methods.",
    409: "The state of the run or batch does not allow this, or another process executes it.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    422: "The request is invalid.",
    429: "Too many runs are active.",
    503: "The storage of runs cannot be used.",
    507: "The storage of runs is full.",
}


def describe() -> dict[str, Any]:
    """Return the OpenAPI document, with one schema for each model."""
    schemas: dict[str, Any] = {}
    problem = {MEDIA_TYPE: {"schema": _schema(ProblemDetails, schemas)}}
    paths: dict[str, dict[str, Any]] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, schemas, problem)
    # Over HTTP these are always there; only the command line's own document leaves them out.
    schemas[RunDocument.__name__]["required"] += STORED_RUN_FIELDS
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "callsheet",
            "version": version("callsheet"),
            "description": "Turns one idea into prompts for exactly the models you call on.",
        },
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.items()))},
    }


def statuses(operation: Operation) -> list[int]:
    """Return the statuses of the errors that an operation can respond with."""
    found = [401, 403, 405, 503]
    if "{" in operation.path or operation.query:
        found += [404]
    if operation.body or operation.query:
        found += [422]
    if operation.body:
        found += [400, 413, 415, 404]
    if operation.method != "GET":
        found += [409, 422, 507]
    if operation.is_idempotent:
        found += [429]
    return sorted(set(found))


def _operation(
    operation: Operation, schemas: dict[str, Any], problem: dict[str, Any]
) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.path.split("/")[2]],
        "summary": operation.summary,
        "parameters": _parameters(operation, schemas),
        "responses": {
            str(operation.status): {"description": "Done.", "content": _content(operation, schemas)}
        }
        | {
            str(status): {"description": PROBLEMS[status], "content": problem}
            for status in statuses(operation)
        },
    }
    if operation.body:
        body = {"application/json": {"schema": _schema(operation.body, schemas)}}
        described["requestBody"] = {"required": True, "content": body}
    return described


def _content(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    """Describe the response by its media type; a download has that of the chosen format."""
    if operation.media == "text/*":
        texts = ("text/markdown", "text/csv", "text/plain", "application/jsonl")
        files: dict[str, Any] = {each: {"schema": {"type": "string"}} for each in texts}
        binary = {"type": "string", "format": "binary"}
        others = {name: {"schema": binary} for name in (WORKBOOK, ZIP)}
        return files | {"application/json": {"schema": {}}} | others
    if operation.media == "image/*":
        image = {"schema": {"type": "string", "format": "binary"}}
        # Generators of clients know no type of images; bytes in general they do.
        names = ("image/png", "image/jpeg", "image/webp", "application/octet-stream")
        return dict.fromkeys(names, image)
    if operation.response is None:
        return {operation.media: {"schema": {"type": "string"}}}
    return {operation.media: {"schema": _schema(operation.response, schemas)}}


def _parameters(operation: Operation, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    found = [
        {"name": part[1:-1], "in": "path", "required": True, "schema": {"type": "string"}}
        for part in operation.path.split("/")
        if part.startswith("{")
    ]
    if operation.query:
        described = operation.query.model_json_schema(ref_template=REF)
        schemas |= described.pop("$defs", {})
        found += [
            {"name": name, "in": "query", "required": False, "schema": _without_null(schema)}
            for name, schema in described["properties"].items()
        ]
    if operation.is_idempotent:
        key = {"type": "string", "maxLength": MAX_KEY}
        found += [{"name": "Idempotency-Key", "in": "header", "required": False, "schema": key}]
    return found


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Describe a parameter that can be left out, but not null."""
    options = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    merged = {k: v for k, v in schema.items() if k not in ("anyOf", "default", "title")}
    return merged | (options[0] if options else {})


def _schema(kind: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """Add the schemas of a model, or of a list of models, and return a reference to it."""
    if get_origin(kind) is list:
        [item] = get_args(kind)
        return {"type": "array", "items": _schema(item, schemas)}
    mode = "validation" if issubclass(kind, RequestBody) else "serialization"
    found: dict[str, Any] = kind.model_json_schema(ref_template=REF, mode=mode)
    schemas |= found.pop("$defs", {})
    schemas[kind.__name__] = found
    return {"$ref": REF.format(model=kind.__name__)}
