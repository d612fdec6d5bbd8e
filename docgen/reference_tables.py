"""Reference tables of commands, modules, errors, routes, settings and LLM providers."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

import click
from pydantic import BaseModel, JsonValue, TypeAdapter
from pydantic_core import PydanticUndefined

import callsheet
from callsheet.cli.main import COMMANDS, cli
from callsheet.errors import CallsheetError
from callsheet.llm.provider_capabilities import SCHEMA_SUPPORT
from callsheet.llm.providers import OWN_SERVER_KEY, PROVIDERS
from callsheet.loader.bundle import load_workflow
from callsheet.mcp_server.clients import CLIENTS
from callsheet.modules.registry import BUILT_IN, find_module
from callsheet.modules.user.form import FormField
from callsheet.settings import VARIABLES
from callsheet.web.access import MAX_BODY
from callsheet.web.connections import ConnectionLimits
from callsheet.web.routes import OPERATIONS
from docgen.markdown import fence, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from callsheet.modules.contract import Values

WIDTH = 80

_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def command_names() -> list[str]:
    """Return the names of all commands."""
    return [*COMMANDS]


def command_help() -> str:
    """Return the help of callsheet and of each command, with headings."""
    outer = click.Context(cli, info_name="callsheet", **_width(None), **cli.context_settings)
    parts = [fence(cli.get_help(outer))]
    for name in COMMANDS:
        command = cli.get_command(outer, name)
        assert command is not None  # noqa: S101  # it stands in the table of commands
        parts += _help(command, name, outer)
    return "\n".join(parts)


def _help(command: click.Command, name: str, outer: click.Context) -> Iterator[str]:
    """Yield the help of a command and of its subcommands."""
    context = click.Context(command, info_name=name, **_width(outer))
    yield f"### `{context.command_path}`\n\n{fence(command.get_help(context))}"
    for inner, below in getattr(command, "commands", {}).items():
        yield from _help(below, inner, context)


def _width(parent: click.Context | None) -> dict[str, Any]:
    return {"parent": parent, "terminal_width": WIDTH, "max_content_width": WIDTH}


def errors() -> list[type[CallsheetError]]:
    """Return every error class, found in the files that define a code."""
    root = Path(callsheet.__file__).parent
    for path in sorted(root.rglob("*.py")):
        if re.search(r"^    code = ", path.read_text("utf-8"), re.MULTILINE):
            place = path.relative_to(root.parent).with_suffix("")
            import_module(".".join(place.parts))
    found = [CallsheetError]
    for each in found:
        found += each.__subclasses__()
    return sorted(found[1:], key=lambda each: (each.exit_code, each.code))


def error_table() -> str:
    """Return each error code with its exit status and meaning."""
    lines = [[f"`{each.code}`", f"{each.exit_code}", _first(each.__doc__)] for each in errors()]
    return table(["code", "exit", "meaning"], lines)


def module_reference() -> str:
    """Return each module with its inputs and outputs, with headings."""
    return "\n".join(_module(module_id, place) for module_id, place in BUILT_IN.items())


def _module(module_id: str, place: str) -> str:
    module = find_module(module_id)
    inputs = table(["input", "type", "required"], [*_inputs(module.inputs)])
    outputs = table(["output", "type"], [[*row[:2]] for row in _inputs(module.outputs)])
    texts = [_first(import_module(place).__doc__), *_paragraphs(module.inputs.__doc__)]
    return "\n".join([f"### `{module_id}`\n", "\n\n".join(texts), "", inputs, outputs])


def _inputs(values: type[Values]) -> Iterator[list[str]]:
    for name, field in values.model_fields.items():
        match field.default:
            case default if default is PydanticUndefined and field.default_factory is None:
                required = "yes"
            case str() | int() as default if default or default is False:
                required = f"no: `{str(default).lower() if isinstance(default, bool) else default}`"
            case _:
                required = "no"
        yield [f"`{name}`", type_name(field.annotation), required]


def type_name(annotation: Any) -> str:
    """Return a type in words, such as `list: text` or `object: any JSON by name`."""
    if annotation is JsonValue:
        return "any JSON"
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        names = [type_name(each) for each in inner if each is not NoneType]
        return " or ".join([*names, "null"] if NoneType in inner else names)
    if origin in (list, tuple):
        return f"list: {type_name(inner[0])}"
    if origin is dict:
        return f"object: {type_name(inner[1])} by name"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "{" + ", ".join(f"`{name}`" for name in annotation.model_fields) + "}"
    return _WORDS[annotation]


def route_table() -> str:
    """Return each route of the HTTP API with its summary."""
    lines = [
        [f"`{each.method} {each.path}`{' *' if each.is_idempotent else ''}", each.summary]
        for each in OPERATIONS
    ]
    return table(["route", "description"], lines)


def connection_limits_table() -> str:
    """The limits of a connection to the server."""
    limits = ConnectionLimits()
    rows = [
        ["headers of a request", f"{limits.headers}", "431 `head_too_large`"],
        [
            "request line and headers together",
            f"{limits.head_bytes // 1024} KiB",
            "431 `head_too_large`",
        ],
        [
            "time for a request to arrive",
            f"{limits.request_seconds:.0f} s, and 1 s for each {limits.bytes_per_second:,} bytes of it",
            "408 `request_too_slow`",
        ],
        [
            "time between two requests",
            f"{limits.idle_seconds} s",
            "the connection is closed",
        ],
        [
            "time in which a client reads nothing of its response",
            f"{limits.unread_seconds:.0f} s",
            "the connection is closed",
        ],
        ["body of a request", f"{MAX_BODY // 1024 // 1024} MiB", "413 `too_large`"],
        [
            "open connections of one address, and of one other user of this machine",
            f"{limits.per_address}",
            "503 `too_many_connections`",
        ],
        ["open connections of your own", f"{limits.own:,}", "503 `too_many_connections`"],
    ]
    return table(["what", "limit", "beyond it"], rows)


def settings_table() -> str:
    """Return the settings."""
    return table(["variable", "description"], [[f"`{k}`", v] for k, v in VARIABLES.items()])


def key_table() -> str:
    """Return the key variables and the provider that receives each key."""
    lines = [
        [f"`{variable}`", f"{provider.title}, at `{provider.url}`"]
        for provider in PROVIDERS.values()
        for variable in provider.key_names
    ]
    return table(["variable", "sent to"], [*lines, [f"`{OWN_SERVER_KEY}`", "your own server only"]])


def client_table() -> str:
    """Return what each MCP client is told, with an address that stands for the reader's own."""
    rows = []
    for name, (place, write) in CLIENTS.items():
        text = write(["/path/to/callsheet", "mcp"], {})
        line = json.dumps(json.loads(text)) if text.startswith("{") else text
        rows.append([f"`{name}`", place, f"`{line}`"])
    return table(["client", "where", "what"], rows)


def preset_table(workflow: str, key: str) -> str:
    """Return the presets of a field in a workflow's form."""
    (field,) = (
        field
        for step in load_workflow(workflow).definition.workflow.steps
        for use in step.modules
        if use.module_id == "user.form"
        for field in TypeAdapter(list[FormField]).validate_python(use.inputs["fields"])
        if field.key == key
    )
    return table(["name", "text"], [[f"`{k}`", v] for k, v in field.presets.items()])


def provider_table() -> str:
    """Return the providers with their LLM names and key variables."""
    lines = [
        [
            provider.title,
            f"`{provider.usage}`",
            f"`--llm {provider.example}`",
            " or ".join(f"`{variable}`" for variable in provider.key_names) or "none",
        ]
        for provider in PROVIDERS.values()
        if provider.takes_name
    ]
    return table(["provider", "LLM", "example", "key"], lines)


def structured_output_table() -> str:
    """Return what each provider's structured output enforces; other keywords become text."""
    recursion = {
        "any": "any",
        "acyclic": "not recursive",
        "cyclic": "recursive only, others inlined",
    }
    lines = [
        [
            provider.title,
            ", ".join(f"`{keyword}`" for keyword in sorted(rules.keywords - {"format"})),
            recursion[rules.references],
        ]
        for provider in PROVIDERS.values()
        if provider.takes_name
        for rules in [SCHEMA_SUPPORT[provider.dialect]]
    ]
    return table(["provider", "enforced keywords, besides structure and `enum`", "`$ref`"], lines)


def _first(text: str | None) -> str:
    return _paragraphs(text)[0]


def _paragraphs(text: str | None) -> list[str]:
    return [" ".join(each.split()) for each in (text or "").strip().split("\n\n")]
