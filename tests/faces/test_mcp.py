"""An assistant writes prompts over MCP: with no key, judged like any reply, on every protocol version."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import mcp_types
import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError

from callsheet import answer_async, run_async
from callsheet.llm.providers import key_variables
from callsheet.llm.tokens import count_tokens
from callsheet.mcp_server.run_tools import RunTools
from callsheet.mcp_server.server import build_server
from callsheet.runs.options import RunOptions
from tests.support.cli import Terminal
from tests.support.mcp_client import (
    GROUPS,
    IDEA,
    WatchedVariables,
    findings_in,
    refused,
    run_of,
    settings_in,
    three_groups,
    told,
    written,
)
from tests.support.streaming import Break, Pace
from tests.support.strict_openai import StrictOpenAI

ERAS = ["auto", "legacy"]
"""Clients of the newest protocol version, and those of the handshake before it."""

MOST_TOKENS = 1_000
"""What an assistant may pay for the list of tools in each of its sessions."""


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[RunTools]:
    tools = RunTools(settings_in(tmp_path / "home"))
    yield tools
    tools.service.store.close()


@asynccontextmanager
async def connected(runs: RunTools, era: str = "auto", **options: Any) -> AsyncIterator[Client]:
    async with Client(build_server(runs), mode=era, **options) as client:
        yield client


async def test_the_list_of_tools_costs_an_assistant_at_most_1_000_tokens(runs: RunTools) -> None:
    async with connected(runs) as client:
        tools = (await client.list_tools()).tools
    listed = [
        {"name": tool.name, "description": tool.description, "input_schema": tool.input_schema}
        for tool in tools
    ]
    assert sum(count_tokens(json.dumps(tool)) for tool in listed) <= MOST_TOKENS
    assert all(tool.title and tool.description and tool.annotations for tool in tools)


async def test_the_flow_looks_up_no_key(tmp_path: Path) -> None:
    names = [*key_variables()]
    variables = WatchedVariables(dict.fromkeys(names, ""))
    tools = RunTools(replace(settings_in(tmp_path / "home"), environment=variables))
    async with connected(tools) as client:
        await three_groups(client, await written(tmp_path))
        assert variables.read.isdisjoint(names)
        # The same watch sees a key that is looked up.
        await refused(client, "write", idea=IDEA, groups=GROUPS[:1], llm="openai:any-model")
        assert "OPENAI_API_KEY" in variables.read
    tools.service.store.close()


async def test_a_bad_prompt_gets_its_findings_alone_and_a_mended_one_is_accepted(
    runs: RunTools, tmp_path: Path
) -> None:
    stills, _ = await written(tmp_path)
    bad = stills | {"PHOENIX_1_0_A": f"{stills['PHOENIX_1_0_A']} --ar 2:3 <lora:x:1>"}
    async with connected(runs) as client:
        run = run_of(await told(client, "begin", idea=IDEA, groups=GROUPS[:2]))
        asked = await told(client, "submit", run=run, reply={"prompts": bad})
        assert "was not accepted as it was" in asked
        assert [line.partition("`")[2].partition("`")[0] for line in findings_in(asked)] == [
            "--ar",
            "<lora:x:1>",
        ]
        assert all("PHOENIX_1_0_A" in line for line in findings_in(asked))
        assert "LEONARDO" not in asked
        mended = {"prompts": {"PHOENIX_1_0_A": stills["PHOENIX_1_0_A"]}}
        done = await told(client, "submit", run=run, reply=mended)
        assert "Status: succeeded" in done
        assert all(prompt in done for prompt in stills.values())
        # What is done is not judged again.
        assert await told(client, "submit", run=run, reply="{}") == done


async def test_a_missing_prompt_is_the_only_finding_and_the_others_are_kept(
    runs: RunTools, tmp_path: Path
) -> None:
    stills, _ = await written(tmp_path)
    async with connected(runs) as client:
        run = run_of(await told(client, "begin", idea=IDEA, groups=GROUPS[:2]))
        first = {"PHOENIX_1_0_A": stills["PHOENIX_1_0_A"]}
        asked = await told(client, "submit", run=run, reply={"prompts": first})
        assert findings_in(asked) == ["1. prompts.LEONARDO_ANIME_XL_A: is missing"]
        second = {"LEONARDO_ANIME_XL_A": stills["LEONARDO_ANIME_XL_A"]}
        done = await told(client, "submit", run=run, reply={"prompts": second})
        assert all(prompt in done for prompt in stills.values())


async def test_a_run_that_failed_after_its_corrections_takes_the_missing_prompt(
    runs: RunTools, tmp_path: Path
) -> None:
    stills, _ = await written(tmp_path)
    async with connected(runs) as client:
        run = run_of(await told(client, "begin", idea=IDEA, groups=GROUPS[:2]))
        for short in ("no", "no no", "no no no"):
            prompts = stills | {"PHOENIX_1_0_A": short}
            failed = await told(client, "submit", run=run, reply={"prompts": prompts})
        assert "Status: failed" in failed
        assert stills["LEONARDO_ANIME_XL_A"] in failed
        asked = await told(client, "submit", run=run, reply="{}")
        assert '"PHOENIX_1_0_A":' in asked
        assert '"LEONARDO_ANIME_XL_A":' not in asked
        missing = {"PHOENIX_1_0_A": stills["PHOENIX_1_0_A"]}
        done = await told(client, "submit", run=run, reply={"prompts": missing})
        assert "Status: succeeded" in done
        assert all(prompt in done for prompt in stills.values())


async def test_control_characters_in_a_reply_reach_neither_the_assistant_nor_a_terminal(
    runs: RunTools, terminal: Terminal, tmp_path: Path
) -> None:
    stills, _ = await written(tmp_path)
    terminal.env["CALLSHEET_HOME"] = str(runs.settings.home)
    text = stills["LEONARDO_ANIME_XL_A"]
    hostile = f"{text}, \x1b]0;owned\x07\x1b[2Jblue \u202edoor\x9b1m"
    async with connected(runs) as client:
        run = run_of(await told(client, "begin", idea=IDEA, groups=["leonardo"]))
        prompts = {"prompts": {"LEONARDO_ANIME_XL_A": hostile}}
        answers = [await told(client, "submit", run=run, reply=prompts) for _ in range(3)]
        answers.append(await told(client, "export", run=run, form="md"))
    shown = terminal("show", run)
    for answer in (*answers, shown.out, shown.err):
        assert not set(answer) & set("\x1b\x07\x9b\u202e"), answer
    assert text in shown.out.replace("\n", " ")


async def test_a_reply_without_json_or_beyond_the_limit_changes_nothing(runs: RunTools) -> None:
    async with connected(runs) as client:
        begun = await told(client, "begin", idea=IDEA, groups=["leonardo"])
        run = run_of(begun)
        unread = await told(client, "submit", run=run, reply="Sure!")
        assert "no complete JSON object" in unread
        assert "nothing changed" in unread
        error = await refused(client, "submit", run=run, reply="x" * 1_000_001)
        assert "the limit is 1,000,000" in error
        shown = await told(client, "show", run=run)
        assert shown.partition("---")[2] == begun.partition("---")[2]


@pytest.mark.parametrize("era", ERAS)
async def test_groups_that_are_not_named_are_asked_for_in_a_form(runs: RunTools, era: str) -> None:
    forms: list[Any] = []

    async def choose(_: Any, form: Any) -> mcp_types.ElicitResult:
        forms.append(form.requested_schema["properties"]["groups"]["items"]["anyOf"])
        return mcp_types.ElicitResult(action="accept", content={"groups": ["phoenix"]})

    async def decline(_: Any, form: Any) -> mcp_types.ElicitResult:
        del form
        return mcp_types.ElicitResult(action="decline")

    async with connected(runs, era, elicitation_callback=choose) as client:
        begun = await told(client, "begin", idea=IDEA)
    assert "PHOENIX_1_0_A" in begun
    assert {
        "const": "phoenix",
        "title": "Phoenix 1.0: Filmic depth + hand-painted backgrounds",
    } in (forms[0])
    async with connected(runs, era, elicitation_callback=decline) as client:
        assert "chose no models" in await refused(client, "begin", idea=IDEA)
    async with connected(runs, era) as client:
        told_instead = await refused(client, "begin", idea=IDEA)
    assert "Ask the user" in told_instead
    assert "- phoenix: Phoenix 1.0" in told_instead
    assert "- kling_4: Kling 4.0" in told_instead


async def test_the_other_tools_answer_in_words_that_an_assistant_can_act_on(
    runs: RunTools, tmp_path: Path
) -> None:
    stills, _ = await written(tmp_path)
    async with connected(runs) as client:
        run = run_of(await told(client, "begin", idea=IDEA, groups=["leonardo"]))
        only = {"prompts": {"LEONARDO_ANIME_XL_A": stills["LEONARDO_ANIME_XL_A"]}}
        await told(client, "submit", run=run, reply=only)
        more = await told(client, "retry", run=run, groups=["phoenix"])
        assert stills["LEONARDO_ANIME_XL_A"] in more
        assert "PHOENIX_1_0_A" in more.partition("---")[2]
        assert '"LEONARDO_ANIME_XL_A"' not in more.partition("---")[2]
        found = await told(client, "search", words="red bus")
        assert found.startswith(f"{run} (waiting): {IDEA}")
        faults = await told(
            client, "lint", model="MIDJOURNEY_B", prompt="a bus --ar 2.5:3", idea=IDEA
        )
        assert "1. error: MIDJOURNEY_B" in faults
        assert "two dogs" in faults
        cost = await told(client, "estimate", groups=["flux_2"], llm="openai:gpt-5.2")
        assert "fewer input tokens than all groups" in cost
        assert "known: midjourney" in await refused(client, "export", run=run, form="nothing")
        assert stills["LEONARDO_ANIME_XL_A"] in await told(client, "export", run=run, form="md")
        unknown = await refused(client, "show", run="no-such-run")
        assert "there is no run" in unknown
        assert "`search` lists them" in unknown
        sheet = await client.read_resource("callsheet://groups/oms/phoenix")
        assert "PHOENIX_1_0_A" in sheet.contents[0].text  # type: ignore[union-attr]
        kept = await client.read_resource(f"callsheet://runs/{run}")
        assert stills["LEONARDO_ANIME_XL_A"] in kept.contents[0].text  # type: ignore[union-attr]
        prompt = await client.get_prompt("write_for", {"idea": IDEA, "groups": "sora"})
        assert "begin" in prompt.messages[0].content.text  # type: ignore[union-attr]
        wish = await told(
            client, "retry", run=run, rewrite=["LEONARDO_ANIME_XL_A"], wish="less rain"
        )
        assert "less rain" in wish.partition("---")[2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"groups": ["sorra"]}, ["there is no model group 'sorra'", "known: sora, "]),
        ({"groups": ["Kling 4.0"]}, ["known: kling_4, "]),
        ({"groups": ["sora", "flux_3"]}, ["sora in oms, flux_3 in studio", "for each workflow"]),
        ({"groups": ["sora"], "workflow": "nope"}, ["there is no workflow 'nope'", "oms, studio"]),
        ({"workflow": "/etc"}, ["there is no workflow '/etc'"]),
        ({"groups": ["sora"], "brief": {"colour": "red"}}, ["no field 'colour'", "mood"]),
    ],
)
async def test_a_wrong_argument_is_answered_with_the_right_ones(
    runs: RunTools, arguments: dict[str, Any], words: list[str]
) -> None:
    async with connected(runs) as client:
        error = await refused(client, "begin", idea=IDEA, **arguments)
    assert [each for each in words if each not in error] == []


async def test_a_file_is_no_workflow_for_any_tool_or_resource(
    runs: RunTools, tmp_path: Path
) -> None:
    folder = str(tmp_path)
    async with connected(runs) as client:
        for tool, arguments in (
            ("list_groups", {}),
            ("estimate", {"groups": ["sora"]}),
            ("write", {"idea": IDEA, "groups": ["sora"], "llm": "offline"}),
            ("lint", {"model": "SORA_2_A", "prompt": "a bus"}),
        ):
            error = await refused(client, tool, workflow=folder, **arguments)
            assert "there is no workflow" in error, tool
        with pytest.raises(MCPError, match="there is no workflow"):
            await client.read_resource(f"callsheet://groups/{tmp_path.name}/sora")
        with pytest.raises(MCPError, match="there is no group 'sorra'\nknown: sora"):
            await client.read_resource("callsheet://groups/oms/sorra")


@pytest.mark.parametrize(
    ("tool", "arguments", "limit"),
    [
        ("begin", {"idea": "x" * 4_001, "groups": ["sora"]}, "4,000"),
        ("begin", {"idea": IDEA, "groups": ["sora"], "brief": {"mood": "x" * 201}}, "200"),
        ("retry", {"run": "any", "rewrite": ["all"], "wish": "x" * 1_001}, "1000"),
        ("search", {"words": "x" * 201}, "200"),
        ("lint", {"model": "SORA_2_A", "prompt": "x" * 100_001}, "100000"),
        ("lint", {"model": "SORA_2_A", "prompt": "x", "idea": "x" * 100_001}, "100000"),
    ],
)
async def test_texts_are_limited_as_over_http(
    runs: RunTools, tool: str, arguments: dict[str, Any], limit: str
) -> None:
    async with connected(runs) as client:
        assert limit in await refused(client, tool, **arguments)


async def test_a_run_that_an_assistant_began_can_be_answered_by_every_face(
    runs: RunTools, terminal: Terminal, tmp_path: Path
) -> None:
    stills, _ = await written(tmp_path)
    home = runs.settings.home
    terminal.env["CALLSHEET_HOME"] = str(home)
    async with connected(runs) as client:
        begun = [await told(client, "begin", idea=IDEA, groups=GROUPS[:1]) for _ in range(2)]
    names = [*map(run_of, begun)]
    listed = [line.split()[:3] for line in terminal("runs").out.splitlines()]
    assert all([name, "oms", "waiting"] in listed for name in names), listed
    reply = json.dumps({"prompts": {"LEONARDO_ANIME_XL_A": stills["LEONARDO_ANIME_XL_A"]}})
    assert terminal("resume", names[0], stdin=reply).status == 0
    assert (await answer_async(names[1], reply, home=home)).status == "succeeded"
    async with connected(runs) as client:
        for name in names:
            assert "Status: succeeded" in await told(client, "show", run=name)


async def test_what_an_llm_wrote_is_rewritten_by_the_assistant_and_not_paid_for_again(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    before = await run_async(IDEA, ["leonardo"], home=home)
    with StrictOpenAI() as server:
        env = {"OPENAI_API_KEY": "sk-test-not-a-key", "CALLSHEET_BASE_URL": server.url}
        tools = RunTools(settings_in(home, CALLSHEET_LLM="openai:any", **env))
        async with connected(tools) as client:
            asked = await told(client, "retry", run=before.run, rewrite=["LEONARDO_ANIME_XL_A"])
            assert "Status: waiting for you" in asked
        assert not server.requests
    tools.service.store.close()


async def test_without_a_configured_llm_write_and_estimate_say_so(runs: RunTools) -> None:
    async with connected(runs) as client:
        error = await refused(client, "write", idea=IDEA, groups=["sora"])
        assert "no LLM is configured" in error
        assert "`begin`" in error
        error = await refused(client, "write", idea=IDEA, groups=["sora"], llm="openai:any")
        assert "OPENAI_API_KEY" in error
        assert "$" not in await told(client, "estimate", groups=["sora"])
        assert "`list_groups`" in await refused(client, "estimate")


async def test_a_configured_llm_writes_all_with_progress_and_a_cancelled_call_can_be_resumed(
    tmp_path: Path,
) -> None:
    seen: list[float] = []

    async def progress(count: float, total: float | None, message: str | None) -> None:
        del total
        seen.append(count)
        assert message

    with StrictOpenAI() as server:
        env = {"OPENAI_API_KEY": "sk-test-not-a-key", "CALLSHEET_BASE_URL": server.url}
        tools = RunTools(settings_in(tmp_path, CALLSHEET_LLM="openai:any", **env))
        async with connected(tools) as client:
            server.fail(Pace(0.05))
            done = await client.call_tool(
                "write", {"idea": IDEA, "groups": ["leonardo"]}, progress_callback=progress
            )
            assert not done.is_error
            assert seen == sorted(set(seen))
            assert seen
            server.fail(Break("hang", 2))
            with pytest.raises(MCPError):
                await client.call_tool(
                    "write", {"idea": IDEA, "groups": ["phoenix"]}, read_timeout_seconds=1
                )
        cut = (await tools.service.runs())[0]
        assert cut["status"] in ("interrupted", "running")
        session = await tools.service.resume(cut["run"], RunOptions())
        await session.advance()
        assert session.view.status == "succeeded"
        tools.service.store.close()
