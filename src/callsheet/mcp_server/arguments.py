"""The arguments of the tools, and how the groups are asked for where none are named."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import AcceptedElicitation, Context, Elicit, ElicitationResult, Resolve
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, BeforeValidator, Field, JsonValue, create_model

from callsheet.mcp_server import group_tools
from callsheet.mcp_server.run_tools import workflow_of


class GroupChoice(BaseModel):
    """The groups that a user chose in a form."""

    groups: list[str]


def _as_text(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


Groups = Annotated[
    list[str],
    Field(
        default_factory=list,
        description="Model groups from `list_groups`, such as `sora`; `GROUP/MODEL` is one model.",
    ),
]
Brief = Annotated[
    dict[str, str],
    Field(
        default_factory=dict,
        description="What the user said beside the idea, by brief field: only what was really said.",
    ),
]
Idea = Annotated[str, Field(description="The user's idea in their own words, in full.")]
Workflow = Annotated[
    str, Field(description="Workflow from `list_groups`; empty: the one that has these groups.")
]
Run = Annotated[str, Field(description="Name of the run, as `begin` returned it.")]
Reply = Annotated[
    str,
    BeforeValidator(_as_text),
    Field(description="Your JSON, as text; a code fence around it is no matter."),
]
Text = Annotated[str, Field()]
Model = Annotated[str, Field(description="Model as `list_groups` names it, such as `SORA_2_A`.")]
Models = Annotated[
    list[str],
    Field(
        default_factory=list, description="Models whose prompts are written anew; `all` for all."
    ),
]
Still = Annotated[
    str, Field(description="Image model whose still the motion prompts are for; empty: the first.")
]


def _ask_groups(context: Context, groups: list[str], workflow: str) -> Any:
    """Ask the user for groups where none are named and the client has forms."""
    if groups:
        return GroupChoice(groups=groups)
    known = group_tools.choices(workflow_of((), workflow))
    capabilities = context.client_capabilities
    if capabilities is None or capabilities.elicitation is None:
        listed = "\n".join(f"- {name}: {title}" for name, title in known.items())
        raise ToolError(f"Ask the user which groups to write for, then name them:\n{listed}")
    titled: list[JsonValue] = [{"const": name, "title": title} for name, title in known.items()]
    field: Any = Field(title="Models", min_length=1, json_schema_extra={"items": {"anyOf": titled}})
    names: Any = Literal[tuple(known)]
    form = create_model("GroupForm", __base__=GroupChoice, groups=(list[names], field))
    return Elicit("Which models should the prompts be written for?", form)


def chosen_groups(asked: Any) -> list[str]:
    """The groups that were named or chosen; raises ToolError where the user chose none."""
    if isinstance(asked, AcceptedElicitation):
        return [*asked.data.groups]
    raise ToolError("The user chose no models, so nothing was begun. Ask what they want instead.")


Chosen = Annotated[ElicitationResult[GroupChoice], Resolve(_ask_groups)]
