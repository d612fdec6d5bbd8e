"""The MCP server: its tools, resources and prompts, each with what an assistant must know of it."""

from __future__ import annotations

import asyncio
import functools
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations

from callsheet.activity import Retrying, Writing
from callsheet.authoring.lint import lint_with_autofix
from callsheet.errors import CallsheetError
from callsheet.mcp_server import group_tools
from callsheet.mcp_server.arguments import (
    Brief,
    Chosen,
    Groups,
    Idea,
    Model,
    Models,
    Reply,
    Run,
    Still,
    Text,
    Workflow,
    chosen_groups,
)
from callsheet.mcp_server.replies import estimate_text, lint_text
from callsheet.mcp_server.run_tools import RunTools, WritingRequest, workflow_of
from callsheet.runs.estimate import estimate_selection

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from callsheet.activity import Activity
    from callsheet.settings import Settings

INSTRUCTIONS = (
    "callsheet turns one idea into prompts for image and video models and checks each by its model's"
    " rules. You write the prompts yourself: call `begin`, do what its answer says, and call `submit`"
    " with your JSON. Repeat while the answer asks you to write something: it then says what is wrong"
    " alone, or what the next step is. Finally show the user the prompts word for word."
)


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


def _with_tool_errors(call: Callable[..., Awaitable[str]]) -> Callable[..., Awaitable[str]]:
    """Make the product's errors errors of the tool, with what to do about them."""

    @functools.wraps(call)
    async def checked(*args: Any, **kwargs: Any) -> str:
        try:
            return await call(*args, **kwargs)
        except CallsheetError as error:
            raise ToolError("\n".join(filter(None, (error.message, error.hint)))) from error

    return checked


def build_server(runs: RunTools) -> MCPServer:
    """Build the server over these runs."""
    server = MCPServer(
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
    @_with_tool_errors
    async def begin(  # noqa: PLR0913, PLR0917  # each is an argument of the tool
        idea: Idea,
        chosen: Chosen,
        groups: Groups,
        brief: Brief,
        workflow: Workflow = "",
        still: Still = "",
    ) -> str:
        """Start image and video prompts for an idea. The answer names the run and holds the instructions of exactly the chosen groups: write what they ask for, then call `submit`. Nothing is paid."""
        del groups
        return await runs.begin(WritingRequest(idea, chosen_groups(chosen), brief, workflow, still))

    @server.tool(**_hints("Submit what you wrote", writes=True))
    @_with_tool_errors
    async def submit(run: Run, reply: Reply) -> str:
        """Hand in the JSON that `begin`, `submit`, `retry` or `show` asked you to write. The answer holds accepted prompts, numbered findings for what is wrong alone, or the next step's instructions (motion prompts after stills). Write again and submit as long as it asks."""
        return await runs.submit(run, reply)

    @server.tool(**_hints("Have an LLM write them", writes=True, pays=True))
    @_with_tool_errors
    async def write(  # noqa: PLR0913, PLR0917
        idea: Idea,
        context: Context,
        chosen: Chosen,
        groups: Groups,
        brief: Brief,
        llm: Text = "",
        workflow: Workflow = "",
    ) -> str:
        """Have the LLM that the user configured for callsheet write all prompts at once; its calls cost the user money, so use it only when the user asks for it. Otherwise write them yourself with `begin`."""
        del groups
        request = WritingRequest(idea, chosen_groups(chosen), brief, workflow)
        async with asyncio.TaskGroup() as reports:
            return await runs.write(request, llm, _progress_reporter(context, reports))

    @server.tool(**_hints("Add groups, or rewrite prompts", writes=True))
    @_with_tool_errors
    async def retry(run: Run, groups: Groups, rewrite: Models, wish: Text = "") -> str:
        """Add groups to a finished run, or write some of its prompts anew, with the user's wish for the change. The answer asks for the difference alone; what the run has is kept. Then call `submit`."""
        return await runs.retry(run, groups, rewrite, wish)


def _progress_reporter(context: Context, reports: asyncio.TaskGroup) -> Callable[[Activity], None]:
    """Report what a run is doing as the progress of a call; the count only grows."""
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
    @_with_tool_errors
    async def show(run: Run) -> str:
        """Show a run as it stands: its prompts, findings, and what it still asks you to write."""
        return await runs.show(run)

    @server.tool(**_hints("Search runs"))
    @_with_tool_errors
    async def search(words: Text = "") -> str:
        """List the user's newest runs; with words, those whose idea has them."""
        return await runs.search(words)

    @server.tool(**_hints("Export prompts"))
    @_with_tool_errors
    async def export(run: Run, form: Text) -> str:
        """Return a run's prompts as a file of another tool: csv, json, md, a1111, comfyui, midjourney …; an unknown format lists all."""
        return await runs.export(run, form)


def _add_group_tools(server: MCPServer, settings: Settings) -> None:
    @server.tool(**_hints("List model groups"))
    @_with_tool_errors
    async def list_groups(workflow: Workflow = "") -> str:
        """List the model groups that prompts can be written for, by workflow, and the brief's fields."""
        return await asyncio.to_thread(group_tools.list_groups, workflow)

    @server.tool(**_hints("Check a prompt"))
    @_with_tool_errors
    async def lint(model: Model, prompt: Text, idea: Text = "", workflow: Workflow = "") -> str:
        """Check one prompt by its model's rules and, with the idea, by what it must keep."""
        found = await asyncio.to_thread(
            lint_with_autofix, prompt, model, workflow_of([model], workflow), idea
        )
        return lint_text(found)

    @server.tool(**_hints("Estimate tokens and cost"))
    @_with_tool_errors
    async def estimate(groups: Groups, llm: Text = "", workflow: Workflow = "") -> str:
        """Estimate what `write` would take for these groups; nothing is called, nothing is paid."""
        estimated = await estimate_selection(
            groups, settings, workflow=workflow_of(groups, workflow), llm=llm or None
        )
        return estimate_text(estimated)


def _add_resources(server: MCPServer, runs: RunTools) -> None:
    @server.resource("callsheet://groups/{workflow}/{group}", mime_type="text/plain")
    def group(workflow: str, group: str) -> str:
        """The instructions of a model group, and its schema with rules and sources."""
        return group_tools.group_sheet(workflow, group)

    @server.resource("callsheet://runs/{run}", mime_type="text/plain")
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
