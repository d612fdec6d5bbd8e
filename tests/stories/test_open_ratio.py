"""An open aspect ratio is chosen once, with the first prompts, and kept for the whole run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from callsheet import build_schema, load_groups
from callsheet.catalog.ratios import COMMON, nearest_ratio, offered_ratios
from callsheet.catalog.schemas import merge_schemas, schema_text
from callsheet.errors import InputError
from callsheet.llm.schema_adapter import adapt_schema
from callsheet.runs.options import RunOptions
from callsheet.runs.session import RunSession
from tests.support.batches import SharedStore, read_csv, write_sheet
from tests.support.cli import Terminal
from tests.support.loopback import Cut, Text
from tests.support.runs import IDEA, InMemoryRuns, client_of, prompts_of
from tests.support.strict_openai import StrictOpenAI

WORKFLOWS = Path(__file__).parents[2] / "src/callsheet/workflows"


def schema_of(server: StrictOpenAI, call: int) -> dict[str, Any]:
    """The schema that a call sent."""
    return dict(server.requests[call].json["response_format"]["json_schema"]["schema"])


def message(server: StrictOpenAI, call: int) -> str:
    return str(server.requests[call].json["messages"][-1]["content"])


async def retried(runs: InMemoryRuns, session: RunSession, **options: Any) -> RunSession:
    again = await runs.service.retry(session.view.run, RunOptions(**options))
    await again.advance()
    assert again.view.status == "succeeded", again.view.error
    return again


def notes(terminal_error: str) -> list[str]:
    return [line for line in terminal_error.splitlines() if line.startswith("note:")]


async def test_the_ratio_is_decided_before_the_prompts_and_kept_for_the_motion() -> None:
    with StrictOpenAI() as server:
        runs = InMemoryRuns.with_llm(client_of(server))
        document = await runs.run(["flux_2", "nano_banana", "kling_3"], "studio")
    first, second = (schema_of(server, call) for call in (0, 1))
    assert list(first["properties"]) == ["aspect_ratio", "prompts"]
    assert first["properties"]["aspect_ratio"]["enum"] == ["1:1", "16:9", "9:16"]
    assert list(second["properties"]) == ["prompts"]
    assert "aspect ratio (first in the reply)" in message(server, 0)
    assert "Aspect ratio (width:height), chosen before for this idea: 1:1" in message(server, 1)
    assert document["brief"]["aspect_ratio"] == ""
    assert document["chosen"] == {"aspect_ratio": "1:1"}
    assert document["settings"]["FLUX_2"] == ["size 1024x1024"]
    assert document["settings"]["NANO_BANANA"] == ["aspect ratio 1:1"]
    assert "aspect 1:1, length 5 s" in document["settings"]["KLING_3"]


async def test_a_ratio_that_was_said_is_stated_and_not_chosen() -> None:
    with StrictOpenAI() as server:
        runs = InMemoryRuns.with_llm(client_of(server))
        document = await runs.run(["flux_2", "veo_3_1"], "studio", aspect_ratio="3:2")
    assert "chosen" not in document
    for call in (0, 1):
        assert list(schema_of(server, call)["properties"]) == ["prompts"]
        assert "Aspect ratio (width:height): 3:2" in message(server, call)
    assert document["settings"]["FLUX_2"] == ["size 1248x832"]
    assert "aspect 16:9, length 8 s" in document["settings"]["VEO_3_1"]


async def test_without_a_shared_ratio_each_group_takes_its_nearest_and_a_note_says_so(
    tmp_path: Path, terminal: Terminal
) -> None:
    mine = terminal.folder / "mine"
    shutil.copytree(WORKFLOWS / "studio", mine)
    config = (mine / "config.json").read_text()
    wide = config.replace('"aspect_ratios": ["16:9", "9:16"]', '"aspect_ratios": ["16:9"]')
    (mine / "config.json").write_text(
        wide.replace(
            '"aspect_ratios": ["16:9", "9:16", "1:1", "4:3", "3:4"]', '"aspect_ratios": ["9:16"]'
        )
    )
    said = terminal("run", "mine", "--json", "--idea", "a heron", "--groups", "gemini_omni,wan_3")
    assert said.status == 0, said.err
    assert said.json["chosen"] == {"aspect_ratio": "16:9"}
    assert "aspect 16:9" in said.json["settings"]["GEMINI_OMNI"]
    assert "aspect 9:16" in said.json["settings"]["WAN_3"]
    assert notes(said.err) == [
        "note: the aspect ratio is 16:9: the brief leaves it open",
        "note: Wan 3.0 takes 9:16, the nearest that it has to 16:9",
    ]


def test_offline_takes_the_first_ratio_that_all_groups_share(terminal: Terminal) -> None:
    said = terminal(
        "run", "studio", "--json", "--idea", "a heron", "--groups", "midjourney_v8,veo_3_1"
    )
    assert said.json["chosen"] == {"aspect_ratio": "16:9"}
    assert " --ar 16:9 " in said.json["prompts"]["image_generation"]["MIDJOURNEY_V8"]
    run = said.json["run"]
    other = terminal("retry", run, "--json", "--set", "aspect_ratio=3:2")
    assert other.status == 0, other.err
    assert other.json["brief"]["aspect_ratio"] == "3:2"
    assert "chosen" not in other.json
    assert " --ar 3:2 " in other.json["prompts"]["image_generation"]["MIDJOURNEY_V8"]
    exported = terminal("export", run, "--format", "json")
    assert json.loads(exported.out)["brief"]["aspect_ratio"] == "3:2"


async def test_a_retry_keeps_the_ratio_and_an_empty_one_decides_anew() -> None:
    with StrictOpenAI() as server:
        runs = InMemoryRuns.with_llm(client_of(server))
        session = await runs.session(["flux_2"], "studio")
        more = await retried(runs, session, groups=["flux_2", "veo_3_1"])
        assert more.document()["chosen"] == {"aspect_ratio": "1:1"}
        assert [list(schema_of(server, n)["properties"]) for n in (0, 1)] == [
            ["aspect_ratio", "prompts"],
            ["prompts"],
        ]
        whole = await retried(runs, session, rewrite=["all"])
        assert whole.document()["chosen"] == {"aspect_ratio": "1:1"}
        mood = await retried(runs, session, brief={"mood": "wild"})
        assert mood.document()["chosen"] == {"aspect_ratio": "1:1"}
        calls = len(server.requests)
        anew = await retried(runs, session, brief={"aspect_ratio": ""})
        assert anew.document()["brief"]["mood"] == "wild"
        assert schema_of(server, calls)["properties"]["aspect_ratio"]["enum"] == ["16:9", "9:16"]
        assert anew.document()["chosen"] == {"aspect_ratio": "16:9"}
        with pytest.raises(InputError, match="asks for none of the fields"):
            await runs.service.retry(
                session.view.run, RunOptions(brief={"mood": ""}), "prompt_generation"
            )


async def test_a_repair_tells_the_ratio_and_does_not_ask_for_it_again() -> None:
    with StrictOpenAI() as server:
        runs = InMemoryRuns.with_llm(client_of(server))
        good = prompts_of(await runs.run(["flux_2", "nano_banana"], "studio"))
        server.requests.clear()
        short = {"aspect_ratio": "2:3", "prompts": {**good, "FLUX_2": "a --ar 2:3 heron"}}
        server.fail(Text(json.dumps(short)))
        document = await runs.run(["flux_2", "nano_banana"], "studio")
    assert document["status"] == "succeeded"
    assert document["chosen"] == {"aspect_ratio": "2:3"}
    assert list(schema_of(server, 1)["properties"]) == ["prompts"]
    assert "The aspect ratio of every prompt is decided: 2:3" in message(server, 1)


async def test_a_ratio_that_was_not_offered_is_asked_for_twice_and_then_settled() -> None:
    with StrictOpenAI() as server:
        runs = InMemoryRuns.with_llm(client_of(server))
        good = prompts_of(await runs.run(["gpt_image"], "studio"))
        server.requests.clear()
        wrong = Text(json.dumps({"aspect_ratio": "7:5", "prompts": good}))
        lost = Text(json.dumps({"prompts": {}}))
        server.fail(wrong, lost, lost)
        session = await runs.session(["gpt_image"], "studio")
    assert session.view.status == "succeeded", session.view.error
    assert session.document()["chosen"] == {"aspect_ratio": "1:1"}
    assert prompts_of(session.document()) == good
    events = await runs.service.store.events(session.view.run)
    told = [str(e.event.text) for e in events if e.event.kind == "noted"]
    assert told[0] == "the LLM chose no aspect ratio of those offered; it is 1:1"


async def test_a_reply_that_was_cut_off_leaves_the_ratio_decided() -> None:
    with StrictOpenAI() as server:
        runs = InMemoryRuns.with_llm(client_of(server))
        whole = await runs.run(["flux_2", "nano_banana"], "studio")
        text = json.dumps({"aspect_ratio": "1:1", "prompts": prompts_of(whole)})
        for retry in (False, True):
            server.requests.clear()
            server.fail(Cut(text.index("FLUX_2") + 40))
            session = await runs.session(["flux_2", "nano_banana"], "studio")
            assert session.view.status == "failed"
            run = session.view.run
            again = await (
                runs.service.retry(run, RunOptions(groups=["flux_2", "nano_banana", "seedream_5"]))
                if retry
                else runs.service.resume(run, RunOptions())
            )
            await again.advance()
            assert again.document()["chosen"] == {"aspect_ratio": "1:1"}
            assert list(schema_of(server, 1)["properties"]) == ["prompts"]
            assert "1:1" in message(server, 1)


@pytest.mark.parametrize("workflow", ["oms", "studio"])
def test_the_schema_of_a_selection_is_the_plans_byte_for_byte(workflow: str) -> None:
    for category, groups in load_groups(workflow).items():
        folder = WORKFLOWS / workflow / "schemas" / category
        files = {name: json.loads(_plain(folder / f"{name}_schema.json")) for name in groups}
        built = build_schema([*groups], workflow=workflow)
        assert schema_text(built) == schema_text(merge_schemas(files))
        assert list(built["properties"]) == ["prompts"]  # type: ignore[arg-type]


def _plain(path: Path) -> str:
    return "\n".join(
        line for line in path.read_text("utf-8").splitlines() if not line.strip().startswith("//")
    )


async def test_oms_asks_with_the_plans_schema_whatever_its_brief_says() -> None:
    with StrictOpenAI() as server:
        runs = InMemoryRuns.with_llm(client_of(server))
        for ratio in ("2:3", ""):
            await runs.run(["sora", "leonardo"], aspect_ratio=ratio)
    plan = adapt_schema(build_schema(["sora", "leonardo"]), "openai")
    for call in (0, 1):
        assert schema_text(schema_of(server, call)) == schema_text(plan)
        assert "2:3" in message(server, call)


async def test_a_batch_has_a_column_for_the_ratio_where_rows_leave_it_open(tmp_path: Path) -> None:
    bench = SharedStore.with_llm()
    rows = [{"idea": IDEA, "aspect_ratio": ""}, {"idea": IDEA, "aspect_ratio": "3:2"}]
    sheet = write_sheet(tmp_path / "ideas.csv", rows)
    changes: dict[str, Any] = {"workflow": "studio"}
    bench.defaults = type(bench.defaults)(("flux_2", "veo_3_1"))
    await bench.write(sheet, tmp_path / "out.csv", **changes)
    await bench.write(sheet, tmp_path / "out.jsonl", **changes)
    found = read_csv(tmp_path / "out.csv")
    assert [row["chosen_aspect_ratio"] for row in found] == ["16:9", ""]
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["chosen_aspect_ratio"] for line in lines] == ["16:9", None]
    said = write_sheet(tmp_path / "said.csv", rows[1:])
    await bench.write(said, tmp_path / "said_out.csv", **changes)
    assert "chosen_aspect_ratio" not in read_csv(tmp_path / "said_out.csv")[0]


def test_ratios_are_shared_united_and_nearest() -> None:
    assert offered_ratios([(), ()]) == list(COMMON)
    assert offered_ratios([(), ("16:9", "5:4", "1:1")]) == ["1:1", "16:9", "5:4"]
    assert offered_ratios([("16:9",), ("9:16", "5:4")]) == ["16:9", "9:16", "5:4"]
    assert nearest_ratio("3:2", ("9:16", "16:9", "1:1")) == "16:9"
    assert nearest_ratio("2:3", ("16:9", "3:4", "9:16")) == "3:4"
    assert nearest_ratio("21:9", ()) == "21:9"
    assert nearest_ratio("", ("16:9",)) == ""
