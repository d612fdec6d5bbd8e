"""An assistant writes prompts over MCP: with no key, judged like any reply, on every protocol version."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import mcp_types
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from callsheet.exports.texts import named_texts
from callsheet.mcp_server.run_tools import RunTools
from callsheet.mcp_server.server import build_server
from callsheet.runs.options import RunOptions
from tests.support.cli import Terminal
from tests.support.mcp_client import OLDER, Wire, drafts, refused, run_of, settings_in, told
from tests.support.streaming import Break, Pace
from tests.support.strict_openai import StrictOpenAI

IDEA = "a red bus and two dogs on the left of a blue door"
GROUPS = ["leonardo", "phoenix", "motion_2_0"]

ERAS = ["auto", "legacy"]
"""Clients of the newest protocol version, and those of the handshake before it."""

SECRET_NAMES = ("API_KEY", "AUTH_TOKEN")


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[RunTools]:
    tools = RunTools(settings_in(tmp_path / "home"))
    yield tools
    tools.service.store.close()


@asynccontextmanager
async def connected(runs: RunTools, era: str = "auto", **options: Any) -> AsyncIterator[Client]:
    async with Client(build_server(runs), mode=era, **options) as client:
        yield client


async def written(tmp_path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What an assistant writes for the stills, and then for the motion."""
    prompts = await drafts(IDEA, GROUPS, "oms", tmp_path / "elsewhere")
    motion = {"motion_2_0": prompts.pop("motion_2_0")}
    return prompts, motion


@pytest.mark.parametrize("era", ERAS)
async def test_from_nothing_to_accepted_prompts_for_three_groups_in_four_calls(
    runs: RunTools, tmp_path: Path, era: str
) -> None:
    stills, motion = await written(tmp_path)
    async with connected(runs, era) as client:
        assert "leonardo" in await told(client, "list_groups", workflow="oms")
        begun = await told(client, "begin", idea=IDEA, groups=GROUPS)
        assert all(model in begun for model in stills)
        assert "SORA_2_A" not in begun
        second = await told(client, "submit", run=run_of(begun), reply={"prompts": stills})
        assert "motion_2_0" in second.partition("---")[2]
        last = await told(
            client,
            "submit",
            run=run_of(begun),
            reply=f"```json\n{json.dumps({'prompts': motion})}\n```",
        )
    assert "Status: succeeded" in last
    texts = [text for _, text in named_texts(stills | motion)]
    assert [text for text in texts if f"```text\n{text}\n```" not in last] == []


async def test_a_bad_prompt_gets_its_findings_alone_and_a_mended_one_is_accepted(
    runs: RunTools, tmp_path: Path
) -> None:
    stills, _ = await written(tmp_path)
    bad = stills | {"PHOENIX_1_0_A": f"{stills['PHOENIX_1_0_A']} --ar 2:3 <lora:x:1>"}
    async with connected(runs) as client:
        run = run_of(await told(client, "begin", idea=IDEA, groups=GROUPS[:2]))
        asked = (await told(client, "submit", run=run, reply={"prompts": bad})).partition("---")[2]
        findings = asked.partition("Findings:\n")[2].partition("\n\n")[0].splitlines()
        assert findings
        assert all("PHOENIX_1_0_A" in line for line in findings), findings
        assert "LEONARDO" not in asked
        mended = {"prompts": {"PHOENIX_1_0_A": stills["PHOENIX_1_0_A"]}}
        done = await told(client, "submit", run=run, reply=mended)
        assert "Status: succeeded" in done
        assert all(prompt in done for prompt in stills.values())
        # What is done is not judged again.
        assert await told(client, "submit", run=run, reply="{}") == done


async def test_a_reply_without_json_or_beyond_the_limit_changes_nothing(runs: RunTools) -> None:
    async with connected(runs) as client:
        begun = await told(client, "begin", idea=IDEA, groups=["leonardo"])
        run = run_of(begun)
        assert "no complete JSON object" in await told(client, "submit", run=run, reply="Sure!")
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
        assert "- phoenix: Phoenix 1.0" in await refused(client, "begin", idea=IDEA)


async def test_the_other_tools_answer_in_words_that_an_assistant_can_act_on(
    runs: RunTools, tmp_path: Path
) -> None:
    stills, _ = await written(tmp_path)
    async with connected(runs) as client:
        run = run_of(await told(client, "begin", idea=IDEA, groups=["leonardo"]))
        only = {"prompts": {"LEONARDO_ANIME_XL_A": stills["LEONARDO_ANIME_XL_A"]}}
        await told(client, "submit", run=run, reply=only)
        more = await told(client, "retry", run=run, groups=["leonardo", "phoenix"])
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
        assert "known:" in await refused(client, "begin", idea=IDEA, groups=["sorra"])
        assert "there is no run" in await refused(client, "show", run="no-such-run")
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


def test_a_kill_between_begin_and_submit_loses_nothing_and_stdout_holds_the_protocol_alone(
    tmp_path: Path,
) -> None:
    stills, _ = asyncio.run(written(tmp_path))
    first = Wire(tmp_path / "home")
    assert first.version == OLDER
    run = run_of(first.call("begin", idea=IDEA, groups=["leonardo"]))
    assert first.kill() == -signal.SIGKILL

    second = Wire(tmp_path / "home")
    only = json.dumps({"prompts": {"LEONARDO_ANIME_XL_A": stills["LEONARDO_ANIME_XL_A"]}})
    assert "Status: succeeded" in second.call("submit", run=run, reply=only)
    assert second.kill(signal.SIGTERM) in (0, 128 + signal.SIGTERM)
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in first.lines + second.lines)


@pytest.mark.parametrize("client", ["claude-desktop", "cursor", "vscode"])
def test_the_snippet_of_a_client_starts_the_server(terminal: Terminal, client: str) -> None:
    printed = json.loads(terminal("mcp", "config", client).out)
    (servers,) = printed.values()
    entry = servers["callsheet"]
    assert Path(entry["command"]).is_absolute()
    if client != "claude-desktop":
        return

    async def tools() -> set[str]:
        told_client = StdioServerParameters(
            command=entry["command"], args=entry["args"], env={**os.environ, **entry["env"]}
        )
        async with Client(stdio_client(told_client)) as connected_client:
            return {tool.name for tool in (await connected_client.list_tools()).tools}

    assert asyncio.run(tools()) == {
        "list_groups", "begin", "submit", "write", "lint", "estimate", "show", "search", "retry", "export",
    }  # fmt: skip


def test_claude_code_gets_a_command_and_an_unknown_client_the_known_ones(
    terminal: Terminal,
) -> None:
    assert terminal("mcp", "config", "claude-code").out.startswith("claude mcp add callsheet --env")
    unknown = terminal("mcp", "config", "cursr")
    assert (unknown.status, "known: cursor" in unknown.err) == (2, True)


def test_without_the_extra_the_command_says_what_to_install(terminal: Terminal) -> None:
    # A file of that name in the current folder hides the library, as a missing one would be.
    (terminal.folder / "mcp.py").write_text("raise ModuleNotFoundError('mcp')", "utf-8")
    missing = terminal("mcp")
    assert missing.status == 2
    assert 'pip install "callsheet[mcp]"' in missing.err


def test_over_http_a_client_with_the_token_writes_and_nobody_else_gets_in(
    terminal: Terminal,
) -> None:
    process = subprocess.Popen(
        terminal.command("mcp", "--http", "--port", "0"),
        cwd=terminal.folder,
        env=terminal.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        token = process.stdout.readline().split()[-1]
        asyncio.run(_over_http(url, token))
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


async def _over_http(url: str, token: str) -> None:
    bearer = {"Authorization": f"Bearer {token}"}
    for era in ERAS:
        async with (
            httpx2.AsyncClient(headers=bearer, trust_env=False) as http,
            Client(streamable_http_client(url, http_client=http), mode=era) as client,
        ):
            begun = await told(client, "begin", idea=IDEA, groups=["sora"])
            assert "SORA_2_A" in await told(client, "show", run=run_of(begun))
    ask = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    accept = {"Accept": "application/json, text/event-stream"}
    strangers = (
        {},
        {"Authorization": "Bearer wrong"},
        {**bearer, "Origin": "https://elsewhere.example"},
        {**bearer, "Sec-Fetch-Site": "cross-site"},
    )
    async with httpx2.AsyncClient(trust_env=False, headers=accept) as http:
        answers = [await http.post(url, json=ask, headers=headers) for headers in strangers]
        answers.append(await http.get(url.removesuffix("/mcp") + f"/?token={token}"))
        answers.append(await http.post(url, content=b" " * 11_000_000, headers=bearer))
    assert [each.status_code for each in answers] == [401, 401, 403, 403, 404, 413]


def test_no_key_is_read_where_the_assistant_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "CALLSHEET_API_KEY"):
        monkeypatch.setenv(name, "sk-a-key-that-must-not-be-told")
    wire = Wire(tmp_path / "home")
    wire.call("begin", idea=IDEA, groups=["sora"])
    wire.kill(signal.SIGTERM)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file())
    assert b"must-not-be-told" not in kept + "".join(wire.lines).encode()
