"""Hostile texts and patterns end in an error or a finding, and the server answers meanwhile."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import markdown
import pytest

from callsheet.authoring.check import check_workflow
from callsheet.batches.request import SheetError
from callsheet.errors import InputError
from callsheet.exports.prompt_set import prompt_set
from callsheet.exports.registry import EXPORTS, render_export
from callsheet.loader.bundle import built_in_workflows
from callsheet.templates import fill
from tests.support.batches import SharedStore, write_sheet
from tests.support.cli import Terminal
from tests.support.loopback import Text
from tests.support.runs import InMemoryRuns, client_of
from tests.support.serving import Serving
from tests.support.strict_openai import Conduct, StrictOpenAI

SLOW = "^(a|a)+$"
SCHEMA = "schemas/image_generation/sora_schema.json"
PLACE = f"{SCHEMA} at $.properties.prompts.properties.SORA_1_A.pattern"
PROMPTS = ("SORA_2_A", "SORA_1_A")

MOST_SECONDS = 5.0
"""What nobody who waits for an answer takes for a frozen server, on a busy machine."""


def reply(text: str) -> Text:
    return Text(json.dumps({"prompts": dict.fromkeys(PROMPTS, text)}))


def different(text: str, models: Sequence[str] = PROMPTS) -> Text:
    """A reply with a text of its own for each model."""
    return Text(
        json.dumps({"prompts": {model: f"{text} in the form of {model}" for model in models}})
    )


@pytest.fixture
def server() -> Iterator[StrictOpenAI]:
    # In one piece: a piece that repeats the one before is taken for a fault of the connection.
    with StrictOpenAI(Conduct(streams=False)) as running:
        yield running


@pytest.fixture
def writer(terminal: Terminal, server: StrictOpenAI) -> Terminal:
    """A terminal whose LLM is the loopback server."""
    terminal.env |= {"CALLSHEET_BASE_URL": server.url, "CALLSHEET_API_KEY": "key"}
    return terminal


@pytest.fixture
def slow_workflow(terminal: Terminal) -> Path:
    """A copy of `oms` in which one schema has a pattern without a limit."""
    folder = Path(terminal.folder) / "mine"
    shutil.copytree(built_in_workflows()["oms"], folder)
    schema = json.loads((folder / SCHEMA).read_text("utf-8"))
    schema["properties"]["prompts"]["properties"]["SORA_1_A"]["pattern"] = SLOW
    (folder / SCHEMA).write_text(json.dumps(schema), "utf-8")
    return folder


def until_ended(serving: Serving, **body: Any) -> tuple[dict[str, Any], float]:
    """A run's document at its end, and the longest time in which health was answered meanwhile."""
    run = serving.post("/api/runs", {"brief": {"idea": "a heron"}, "groups": ["sora"], **body})[
        "run"
    ]
    slowest, ends = 0.0, time.monotonic() + 60
    while time.monotonic() < ends:
        began = time.monotonic()
        assert serving.get("/api/health")["status"] == "ok"
        slowest = max(slowest, time.monotonic() - began)
        document = serving.get(f"/api/runs/{run}")
        if document["status"] not in ("running", "queued"):
            return document, slowest
        time.sleep(0.02)
    raise AssertionError("the run has not ended")


def test_the_server_answers_while_hostile_replies_are_judged(
    writer: Terminal, server: StrictOpenAI
) -> None:
    texts = ("\n" * 20_000, "[" * 60_000, "  \n" * 7_000, "a\u0301," * 1_900, '"' * 5_900)
    with Serving(writer) as serving:
        for text in texts:
            server.fail(*[reply(text)] * 3)
            document, slowest = until_ended(serving, llm="openai:any")
            assert document["error"]["code"] == "output_invalid", document
            assert {text["model"] for text in document["rejected"]} >= set(PROMPTS)
            assert slowest < MOST_SECONDS


def test_check_names_the_file_and_the_path_of_a_slow_pattern(
    terminal: Terminal, slow_workflow: Path
) -> None:
    result = terminal("check", str(slow_workflow))
    assert result.status == 2
    assert f"{PLACE}: the pattern '{SLOW}' takes too long" in " ".join(result.out.split())


def test_a_run_ends_at_a_slow_pattern_and_says_where_it_stands(
    writer: Terminal, server: StrictOpenAI, slow_workflow: Path
) -> None:
    server.fail(*[reply("a" * 200 + "!")] * 3)
    words = ("--idea", "a heron", "--groups", "sora", "--llm", "openai:any")
    result = writer("run", str(slow_workflow), *words, "--json")
    assert result.status == 2, result.err
    assert result.json["error"]["code"] == "pattern_too_slow"
    assert PLACE in result.json["error"]["message"]


def test_the_server_answers_while_a_slow_pattern_is_applied(
    writer: Terminal, server: StrictOpenAI, slow_workflow: Path
) -> None:
    server.fail(*[reply("a" * 200 + "!")] * 3)
    with Serving(writer, ("--port", "0", str(slow_workflow))) as serving:
        document, slowest = until_ended(serving, llm="openai:any")
    assert document["error"]["code"] == "pattern_too_slow"
    assert slowest < MOST_SECONDS


def _ended_by_sigint(process: subprocess.Popen[str], server: StrictOpenAI) -> tuple[int, float]:
    """The exit status after one SIGINT while the pattern is applied, and the seconds until the end."""
    while not server.requests:
        time.sleep(0.02)
    time.sleep(0.1)  # the reply is read, and the pattern takes half a second of processor time
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return process.returncode, time.monotonic() - began


def test_the_first_sigint_during_a_slow_pattern_ends_a_run(
    writer: Terminal, server: StrictOpenAI, slow_workflow: Path
) -> None:
    server.fail(*[reply("a" * 200 + "!")] * 3)
    words = (
        "run",
        str(slow_workflow),
        "--idea",
        "a heron",
        "--groups",
        "sora",
        "--llm",
        "openai:any",
    )
    process = subprocess.Popen(
        writer.command(*words),
        cwd=writer.folder,
        env=writer.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    status, seconds = _ended_by_sigint(process, server)
    assert (status, seconds < MOST_SECONDS) == (130, True)


def test_the_first_sigint_during_a_slow_pattern_ends_the_server(
    writer: Terminal, server: StrictOpenAI, slow_workflow: Path
) -> None:
    server.fail(*[reply("a" * 200 + "!")] * 3)
    with Serving(writer, ("--port", "0", str(slow_workflow))) as serving:
        serving.start("sora", llm="openai:any")
        status, seconds = _ended_by_sigint(serving.process, server)
    assert (status, seconds < MOST_SECONDS) == (130, True)


def test_a_definition_that_refers_to_itself_is_a_problem_of_its_file(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(built_in_workflows()["oms"], folder)
    schema = json.loads((folder / SCHEMA).read_text("utf-8"))
    schema["properties"]["prompts"]["properties"]["SORA_1_A"] = {"$ref": "#/$defs/a"}
    (folder / SCHEMA).write_text(json.dumps(schema | {"$defs": {"a": {"$ref": "#/$defs/a"}}}))
    (problem,) = check_workflow(str(folder))
    assert str(problem).startswith(f"{SCHEMA}: a `$ref` leads back to itself")


@pytest.fixture
def slow_form(tmp_path: Path) -> Path:
    """A copy of `oms` in which a field of the form has a pattern without a limit."""
    folder = tmp_path / "mine"
    shutil.copytree(built_in_workflows()["oms"], folder)
    file = folder / "steps" / "user_input.json"
    file.write_text(file.read_text("utf-8").replace("[1-9][0-9]?:[1-9][0-9]?", SLOW), "utf-8")
    return folder


IN_THE_FORM = rf"steps/user_input\.json at \$\S+: the pattern '{re.escape(SLOW)}' takes too long"


def test_a_slow_pattern_of_a_form_is_named_when_an_answer_is_refused(
    terminal: Terminal, slow_form: Path
) -> None:
    words = ("--idea", "a heron", "--groups", "sora", "--set", f"aspect_ratio={'a' * 100}!")
    result = terminal("run", str(slow_form), *words)
    assert result.status == 2
    assert re.search(IN_THE_FORM, " ".join(result.err.split()))


def test_a_slow_pattern_of_a_form_is_named_with_the_row_that_it_was_too_slow_for(
    slow_form: Path, tmp_path: Path
) -> None:
    rows = [{"idea": "a heron", "aspect_ratio": f"{'a' * 100}!"}]
    sheet = write_sheet(tmp_path / "ideas.csv", rows)
    with pytest.raises(SheetError) as caught:
        SharedStore.with_llm().batch(sheet, workflow=str(slow_form))
    assert re.search(f"row 2: {IN_THE_FORM}", str(caught.value.problems[0]))


DANGEROUS = "\x1b]0;title\x07\x00\x9b31m\u202e"
MARKUP = (
    "<script>alert(1)</script> <img src=x onerror=alert(1)> ![x](http://x.example/y) [a](b) *b*"
)
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e]")
TAGS = re.compile(r"<(?:script|img|a|em|strong)\b")


def assert_inert(text: str) -> None:
    """That a file holds no control characters and, read as Markdown, nothing but text and code."""
    assert not CONTROL.search(text)
    assert not TAGS.search(markdown.markdown(text, extensions=["fenced_code"]))


async def test_every_export_of_a_hostile_reply_is_safe_to_open(server: StrictOpenAI) -> None:
    models = ("SORA_2_A", "SORA_1_A", "MIDJOURNEY_A", "MIDJOURNEY_B", "SD_A", "SD_B", "SD_C")
    text = f"a heron {DANGEROUS} {MARKUP}\n````\n# at dawn"
    server.fail(*[different(text, models)] * 3)
    runs = InMemoryRuns.with_llm(client_of(server))
    groups = ("sora", "midjourney", "stable_diffusion")
    session = await runs.session(groups, idea=f"a heron {MARKUP}", mood=f"{MARKUP}\n# cold")

    prompts = prompt_set(session.document(), session.bundle)
    for name in EXPORTS:
        exported = render_export(name, prompts)
        assert "a heron" in exported
        assert not CONTROL.search(exported)
    assert_inert(render_export("md", prompts))
    assert session.document()["prompts"]["image_generation"]["SORA_1_A"].startswith(text)


def test_a_terminal_is_shown_no_control_characters(writer: Terminal, server: StrictOpenAI) -> None:
    server.fail(*[different(f"a heron {DANGEROUS} at dawn")] * 3)
    done = writer("run", "--idea", "a heron", "--groups", "sora", "--llm", "openai:any")
    shown = writer("show", "last", "--json")
    assert done.status == 0, done.err
    assert not CONTROL.search(done.out + done.err + shown.out)
    assert DANGEROUS in shown.json["prompts"]["image_generation"]["SORA_1_A"]


@pytest.mark.parametrize("filters", ["truncate(-1)", "truncate(1, true, 'xxxx')", "round('a')"])
def test_a_filter_that_does_not_suit_its_value_is_an_error_of_the_template(filters: str) -> None:
    with pytest.raises(InputError, match="cannot be filled"):
        fill(f"{{{{ idea|{filters} }}}}", {"idea": "a heron at dawn"})


def test_the_markdown_and_csv_of_a_batch_are_safe_to_open(
    writer: Terminal, server: StrictOpenAI
) -> None:
    sheet = Path(writer.folder) / "ideas.csv"
    sheet.write_text(f'idea\n"a heron {MARKUP}"\n', "utf-8")
    for name in ("out.md", "out.csv"):
        server.fail(*[different(f"=1+1 a heron {DANGEROUS} {MARKUP}")] * 3)
        words = ("--groups", "sora", "--llm", "openai:any", "--output", name)
        done = writer("batch", "ideas.csv", *words)
        assert done.status == 0, done.err
    assert_inert((Path(writer.folder) / "out.md").read_text("utf-8"))
    table = (Path(writer.folder) / "out.csv").read_text("utf-8")
    assert not CONTROL.search(table.replace("\r\n", ""))
    assert "'=1+1" in table
