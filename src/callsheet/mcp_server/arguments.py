"""The arguments of the tools, and how the groups are asked for where none are named."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import AcceptedElicitation, Context, Elicit, ElicitationResult, Resolve
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types.version import is_version_at_least
from pydantic import BaseModel, BeforeValidator, Field, JsonValue, create_model

from callsheet.errors import CallsheetError
from callsheet.loader.bundle import built_in_workflows
from callsheet.mcp_server import group_tools
from callsheet.mcp_server.replies import error_text


class GroupChoice(BaseModel):
    """The groups that a user chose in a form."""

    groups: list[str]


def _as_text(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


Names = Annotated[list[str], Field(default_factory=list)]
Groups = Annotated[Names, Field(description="names from `list_groups`")]
MoreGroups = Annotated[Names, Field(description="groups to add")]
Fields = Annotated[dict[str, str], Field(default_factory=dict)]
Brief = Annotated[Fields, Field(description="only what the user said beside the idea, by field")]
Workflow = Annotated[str, Field(description="default: the one with these groups")]
Idea = Annotated[str, Field(description="the user's idea, complete and in their words")]
Reply = Annotated[str, BeforeValidator(_as_text), Field(description="your JSON")]
Models = Annotated[
    list[str],
    Field(default_factory=list, description="models, or `all`"),
]
# These limits are those of the HTTP API; a reply and the fields of a brief have theirs in the run.
Wish = Annotated[str, Field(description="the user's change to them", max_length=1_000)]
Words = Annotated[str, Field(max_length=200)]
LongText = Annotated[str, Field(max_length=100_000)]
Still = Annotated[str, Field(description="image model that motion prompts start from")]
Form = Annotated[str, Field(description="csv, json, md, a1111, comfyui or midjourney")]
LLMSpec = Annotated[str, Field(description="such as `openai:NAME`; default: the configured one")]


SEVERAL_CHOICES = "2025-11-25"
"""The first protocol version whose forms have a field of several choices."""

ASK = "No groups were named. Ask the user which models to write for, then name their groups."


def _ask_groups(context: Context, groups: list[str], workflow: str) -> Any:
    """Ask the user for groups where none are named and the client has forms."""
    if groups:
        return GroupChoice(groups=groups)
    try:
        workflow = group_tools.workflow_of((), workflow)
    except CallsheetError as error:
        raise ToolError(error_text(error)) from error
    if not _has_choices(context):
        raise ToolError(f"{ASK}\n\n{group_tools.list_groups()}")
    known = group_tools.choices(workflow)
    titled: list[JsonValue] = [{"const": name, "title": title} for name, title in known.items()]
    field: Any = Field(title="Models", min_length=1, json_schema_extra={"items": {"anyOf": titled}})
    names: Any = Literal[tuple(known)]
    form = create_model("Models", __base__=GroupChoice, groups=(list[names], field))
    others = ", ".join(f"`{each}`" for each in built_in_workflows() if each != workflow)
    return Elicit(
        f"Which models should the prompts be written for? These are those of `{workflow}`; for those"
        f" of {others}, decline and say so.",
        form,
    )


def _has_choices(context: Context) -> bool:
    """Whether the client can show a form with several choices."""
    capabilities, protocol = context.client_capabilities, context.protocol_version
    has_forms = capabilities is not None and capabilities.elicitation is not None
    return has_forms and is_version_at_least(protocol or "", SEVERAL_CHOICES)


def chosen_groups(asked: Any) -> list[str]:
    """The groups that were named or chosen; raises ToolError where the user chose none."""
    if isinstance(asked, AcceptedElicitation):
        return [*asked.data.groups]
    raise ToolError(
        "The user chose no models, so nothing was begun. Ask what they want instead; `list_groups`"
        " names the models of each workflow."
    )


Chosen = Annotated[ElicitationResult[GroupChoice], Resolve(_ask_groups)]
