"""The MCP server: its tools, resources and prompts, each with what an assistant must know of it."""

from __future__ import annotations

import asyncio
import functools
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError
from mcp_types import Tool, ToolAnnotations

from callsheet.activity import Retrying, Writing
from callsheet.authoring.lint import lint_with_autofix
from callsheet.errors import CallsheetError, InputError
from callsheet.mcp_server import group_tools
from callsheet.mcp_server.arguments import (
    Brief,
    Chosen,
    Fields,
    Form,
    Groups,
    Idea,
    LLMSpec,
    LongText,
    Models,
    MoreGroups,
    Names,
    Reply,
    Still,
    Wish,
    Words,
    Workflow,
    chosen_groups,
)
from callsheet.mcp_server.group_tools import MODEL, workflow_of
from callsheet.mcp_server.replies import error_text, estimate_text, lint_text
from callsheet.mcp_server.run_tools import RunTools, WritingRequest
from callsheet.runs.estimate import estimate_selection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from callsheet.activity import Activity
    from callsheet.settings import Settings

INSTRUCTIONS = (
    "callsheet turns one idea into prompts for image and video models and checks each by its model's"
    " rules. You write the prompts yourself: call `begin`, do what its answer says, and call `submit`"
    " with your JSON. Repeat while the answer asks you to write something: it then says what is wrong"
    " alone, or what the next step is. Finally show the user the prompts word for word."
)


class _BriefServer(MCPServer):
    """A server whose list of tools leaves out what an LLM does not need: every session pays for it."""

    async def list_tools(self) -> list[Tool]:
        """The tools, without the titles, limits and empty defaults in their schemas."""
        return [
            tool.model_copy(update={"input_schema": _brief(tool.input_schema)})
            for tool in await super().list_tools()
        ]


def _brief(schema: dict[str, Any]) -> dict[str, Any]:
    properties = {
        name: {
            key: value
            for key, value in node.items()
            if key not in ("title", "maxLength", "default")
        }
        for name, node in schema["properties"].items()
    }
    return {k: v for k, v in schema.items() if k != "title"} | {"properties": properties}


def _hints(title: str, *, writes: bool = False, pays: bool = False) -> dict[str, Any]:
    """What a host may know of a tool before it is called; its answer is one text."""
    hints = ToolAnnotations(
        title=title,
        read_only_hint=not writes,
        destructive_hint=False,
        idempotent_hint=not writes,
        open_world_hint=pays,
    )
    return {"title": title, "annotations": hints, "structured_output": False}


def _with_hints(
    call: Callable[..., Awaitable[str]], refusal: type[Exception] = ToolError
) -> Callable[..., Awaitable[str]]:
    """The call with the product's errors as refusals that say what to do; the library hides others."""

    @functools.wraps(call)
    async def checked(*args: Any, **kwargs: Any) -> str:
        try:
            return await call(*args, **kwargs)
        except CallsheetError as error:
            raise refusal(error_text(error)) from error

    return checked


_resource = functools.partial(_with_hints, refusal=ResourceNotFoundError)


def build_server(runs: RunTools) -> MCPServer:
    """Build the server over these runs."""
    server = _BriefServer(
        "callsheet",
        title="callsheet",
        instructions=INSTRUCTIONS,
        version=version("callsheet"),
        log_level="ERROR",
    )
    _add_writing_tools(server, runs)
    _add_run_tools(server, runs)
    _add_group_tools(server, runs.settings)
    _add_resources(server, runs)
    return server


def _add_writing_tools(server: MCPServer, runs: RunTools) -> None:
    @server.tool(**_hints("Begin prompts for an idea", writes=True))
    @_with_hints
    async def begin(  # noqa: PLR0913, PLR0917  # each is an argument of the tool
        idea: Idea,
        chosen: Chosen,
        groups: Groups,
        brief: Brief,
        workflow: Workflow = "",
        still: Still = "",
    ) -> str:
        """Start image and video prompts, written by you, at no cost. Answers with the run's name and the chosen groups' instructions; do what they ask, then `submit`."""
        del groups
        return await runs.begin(WritingRequest(idea, chosen_groups(chosen), brief, workflow, still))

    @server.tool(**_hints("Submit what you wrote", writes=True))
    @_with_hints
    async def submit(run: str, reply: Reply) -> str:
        """Hand in the JSON that a run asked for. Answers with the accepted prompts, numbered findings of what alone to mend, or the next step's instructions (motion prompts). Repeat while it asks."""
        return await runs.submit(run, reply)

    @server.tool(**_hints("Have an LLM write them", writes=True, pays=True))
    @_with_hints
    async def write(  # noqa: PLR0913, PLR0917
        idea: str,
        context: Context,
        chosen: Chosen,
        groups: Names,
        brief: Fields,
        llm: LLMSpec = "",
        workflow: str = "",
    ) -> str:
        """Have the LLM configured in callsheet write all prompts, from the arguments of `begin`. It costs the user money: only at their request."""
        del groups
        request = WritingRequest(idea, chosen_groups(chosen), brief, workflow)
        async with _progress(context) as on_activity:
            return await runs.write(request, llm, on_activity)

    @server.tool(**_hints("Add groups, or rewrite prompts", writes=True))
    @_with_hints
    async def retry(run: str, groups: MoreGroups, rewrite: Models, wish: Wish = "") -> str:
        """Add groups to a run, or rewrite some of its prompts. Asks for the difference alone; then `submit`."""
        return await runs.retry(run, groups, rewrite, wish)


@asynccontextmanager
async def _progress(context: Context) -> AsyncIterator[Callable[[Activity], None]]:
    """Report what a run is doing as the progress of a call."""
    failure = None
    async with asyncio.TaskGroup() as reports:
        try:
            yield _progress_reporter(context, reports)
        except CallsheetError as error:
            # Out of the task group it would come as a group of errors.
            failure = error
    if failure is not None:
        raise failure


def _progress_reporter(context: Context, reports: asyncio.TaskGroup) -> Callable[[Activity], None]:
    """What starts a task that reports each activity; the count only grows."""
    count = 0

    def on_activity(activity: Activity) -> None:
        nonlocal count
        count += 1
        if isinstance(activity, Retrying):
            message = f"{activity.message}; trying again in {activity.seconds:.0f} s"
        elif isinstance(activity, Writing):
            message = f"writing {', '.join(activity.texts)}"
        else:
            message = "waiting"
        reports.create_task(context.report_progress(count, message=message))

    return on_activity


def _add_run_tools(server: MCPServer, runs: RunTools) -> None:
    @server.tool(**_hints("Show a run"))
    @_with_hints
    async def show(run: str) -> str:
        """Show a run (or `last`): its prompts, findings, and what it still asks for."""
        return await runs.show(run)

    @server.tool(**_hints("Search runs"))
    @_with_hints
    async def search(words: Words = "") -> str:
        """List the newest runs, or those whose brief, prompts or note have these words."""
        return await runs.search(words)

    @server.tool(**_hints("Export prompts"))
    @_with_hints
    async def export(run: str, form: Form) -> str:
        """Return a run's prompts as a file for another tool."""
        return await runs.export(run, form)


def _add_group_tools(server: MCPServer, settings: Settings) -> None:
    @server.tool(**_hints("List model groups"))
    @_with_hints
    async def list_groups(workflow: str = "") -> str:
        """List each workflow's model groups (`oms`: drawn pictures that move; `studio`: current models) and the fields of `brief`."""
        return await asyncio.to_thread(group_tools.list_groups, workflow)

    @server.tool(**_hints("Check a prompt"))
    @_with_hints
    async def lint(model: str, prompt: LongText, idea: LongText = "", workflow: str = "") -> str:
        """Check a prompt by the rules of a model (`list_groups`) and by what the idea names."""
        found = await asyncio.to_thread(
            lint_with_autofix, prompt, model, workflow_of([model], workflow, MODEL), idea
        )
        return lint_text(found)

    @server.tool(**_hints("Estimate tokens and cost"))
    @_with_hints
    async def estimate(groups: Names, llm: str = "", workflow: str = "") -> str:
        """Estimate what `write` would cost, without a call."""
        if not groups:
            raise InputError("no groups were named", hint="`list_groups` lists them")
        estimated = await estimate_selection(
            groups, settings, workflow=workflow_of(groups, workflow), llm=llm or None
        )
        return estimate_text(estimated)


def _add_resources(server: MCPServer, runs: RunTools) -> None:
    @server.resource("callsheet://groups/{workflow}/{group}", mime_type="text/plain")
    @_resource
    async def group(workflow: str, group: str) -> str:
        """The instructions of a model group, and its schema with rules and sources."""
        return await asyncio.to_thread(group_tools.group_sheet, workflow, group)

    @server.resource("callsheet://runs/{run}", mime_type="text/plain")
    @_resource
    async def run(run: str) -> str:
        """The prompts of a run."""
        return await runs.show(run)

    @server.prompt(title="Write prompts for an idea")
    def write_for(idea: str, groups: str = "") -> str:
        """Write image and video prompts for an idea."""
        named = f" for {groups}" if groups else ""
        return (
            f"Write prompts{named} for this idea with callsheet: call `begin`, write what its answer"
            f" asks for, and call `submit` until nothing is left to write.\n\nThe idea: {idea}"
        )
