"""Describes the API from the table of its routes, so that the description cannot drift from them."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, TypeAdapter

from callsheet.web.http_io import MAX_KEY
from callsheet.web.problems import MEDIA_TYPE
from callsheet.web.response_models import ProblemDetails
from callsheet.web.routes import OPERATIONS

if TYPE_CHECKING:
    from callsheet.web.routes import Operation

PLACE = "#/components/schemas/{model}"

REFUSALS = {
    400: "The body is not JSON.",
    401: "A token is required.",
    403: "The request comes from another site, or for another name.",
    404: "There is no such run, workflow or file.",
    405: "The path has other methods.",
    409: "Somebody else was faster, or holds the run.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    422: "What was asked does not fit.",
    429: "Too much is under way.",
    503: "The place where runs are kept cannot be used.",
    507: "There is no room left where runs are kept.",
}


def describe() -> dict[str, Any]:
    """The OpenAPI document."""
    schemas: dict[str, Any] = {"Problem": TypeAdapter(ProblemDetails).json_schema()}
    paths: dict[str, dict[str, Any]] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "callsheet",
            "version": version("callsheet"),
            "description": "Turns one idea into prompts for exactly the models you call on.",
        },
        "paths": paths,
        "components": {"schemas": schemas},
    }


def statuses(operation: Operation) -> list[int]:
    """The statuses of the problems that a route may answer with."""
    found = [401, 403, 405, 503]
    if "{" in operation.path or operation.query:
        found += [404]
    if operation.body or operation.query:
        found += [422]
    if operation.body:
        found += [400, 413, 415, 404]
    if operation.method != "GET":
        found += [409, 422, 507]
    if operation.repeatable:
        found += [429]
    return sorted(set(found))


def _operation(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    answer = _schema(operation.answer, schemas) if operation.answer else {"type": "string"}
    media = (
        {
            kind: {"schema": {"type": "string"}}
            for kind in ("text/markdown", "text/csv", "text/plain", "application/jsonl")
        }
        | {"application/json": {"schema": {}}}
        if operation.media == "text/*"
        else {operation.media: {"schema": answer}}
    )
    refusal = {MEDIA_TYPE: {"schema": {"$ref": PLACE.format(model="Problem")}}}
    told: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": _parameters(operation, schemas),
        "responses": {str(operation.status): {"description": "Done.", "content": media}}
        | {
            str(status): {"description": REFUSALS[status], "content": refusal}
            for status in statuses(operation)
        },
    }
    if operation.body:
        body = {"application/json": {"schema": _schema(operation.body, schemas)}}
        told["requestBody"] = {"required": True, "content": body}
    return told


def _parameters(operation: Operation, schemas: dict[str, Any]) -> list[dict[str, Any]]:
    found = [
        {"name": part[1:-1], "in": "path", "required": True, "schema": {"type": "string"}}
        for part in operation.path.split("/")
        if part.startswith("{")
    ]
    if operation.query:
        form = operation.query.model_json_schema()
        found += [
            {"name": name, "in": "query", "required": False, "schema": _plain(schema)}
            for name, schema in form["properties"].items()
        ]
    if operation.repeatable:
        key = {"type": "string", "maxLength": MAX_KEY}
        found += [{"name": "Idempotency-Key", "in": "header", "required": False, "schema": key}]
    del schemas
    return found


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter's schema: what may be left out is left out, never null."""
    options = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    merged = {k: v for k, v in schema.items() if k not in ("anyOf", "default", "title")}
    return merged | (options[0] if options else {})


def _schema(kind: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """The schema of a type; a model is described once, under its name, and referred to."""
    found: dict[str, Any] = TypeAdapter(kind).json_schema(ref_template=PLACE, mode="validation")
    schemas |= found.pop("$defs", {})
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return found
    if "$ref" not in found:
        schemas[kind.__name__] = found
    return {"$ref": PLACE.format(model=kind.__name__)}
