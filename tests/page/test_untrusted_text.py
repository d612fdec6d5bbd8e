"""Text of a person, an LLM, a provider or a workflow never becomes script, request or markup."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.page.conftest import OpenPage, serving
from tests.support.loopback import Answer
from tests.support.page_object import PageObject
from tests.support.serving import Serving
from tests.support.strict_openai import Conduct, StrictOpenAI

PAYLOADS = (
    "<script>hit()</script>",
    "<img src=x onerror=hit()>",
    "<img src=//evil.example/a.png>",
    "![a](https://evil.example/a.png)",
    "[a](javascript:hit())",
    "<svg onload=hit()><script href=//evil.example/a.js /></svg>",
    "</textarea><script>hit()</script>",
    "</title></style><iframe src=javascript:hit()></iframe>",
    '" autofocus onfocus=hit() x="',
    "'-hit()-'",
    "${hit()} {{hit()}} {{constructor.constructor('hit()')()}}",
    "<a href=javascript:hit()>x</a>",
    "<math><mtext></mtext><mglyph><style></math><img src onerror=hit()>",
    "<object data=//evil.example></object><embed src=//evil.example>",
    "<link rel=stylesheet href=//evil.example/a.css><base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<form action=//evil.example><button>x</button></form>",
    "<video poster=//evil.example/a><source src=//evil.example/b></video>",
    "__proto__ constructor prototype toString",
    "<details open ontoggle=hit()>",
)
ALL = " ".join(PAYLOADS)


def _infect(text: str) -> str:
    return f"{text} {PAYLOADS[1]}"


@pytest.fixture(scope="module")
def llm() -> Iterator[StrictOpenAI]:
    def write(path: str, node: Mapping[str, Any]) -> str:
        del node
        return f"Lofi anime still, {path}, {ALL}"[:690]

    with StrictOpenAI(Conduct(write=write)) as server:
        yield server


@pytest.fixture(scope="module")
def server(llm: StrictOpenAI, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Serves a workflow with payloads in every shown text, and an LLM that writes payloads."""
    folder = tmp_path_factory.mktemp("hostile")
    _write_infected_workflow(folder)
    env = {"CALLSHEET_LLM": "openai:any", "CALLSHEET_BASE_URL": llm.url}
    with serving(tmp_path_factory.mktemp("home"), str(folder), env=env) as server:
        yield server


def _write_infected_workflow(folder: Path) -> None:
    shutil.copytree(Path(str(files("callsheet"))) / "workflows" / "oms", folder, dirs_exist_ok=True)
    config = json.loads((files("callsheet") / "config.json").read_text("utf-8"))
    for groups in config["model_groups"].values():
        for group in groups.values():
            group |= {key: _infect(group[key]) for key in ("label", "description")}
    (folder / "config.json").write_text(json.dumps(config))
    workflow = json.loads((folder / "workflow.json").read_text("utf-8"))
    for key in ("name", "description"):
        workflow[key] = _infect(workflow[key])
    (folder / "workflow.json").write_text(json.dumps(workflow))
    form = json.loads((folder / "steps" / "user_input.json").read_text("utf-8"))
    for field in form["modules"][0]["inputs"]["fields"]:
        field["text"] = _infect(field["text"])
    (folder / "steps" / "user_input.json").write_text(json.dumps(form))


@pytest.fixture
def ui(open_page: OpenPage, server: Serving) -> PageObject:
    """The page, with a function that records whether a payload ran."""
    ui = open_page(server.url)
    ui.page.evaluate("() => { window.hit = () => { window.wasHit = true; }; }")
    return ui


def test_every_shown_text_is_only_text(ui: PageObject) -> None:
    page = ui.page
    expect(page.locator("#groups")).to_contain_text(PAYLOADS[1])
    page.locator("#field-idea").fill(ALL)
    page.locator("#field-mood").fill("<b onmouseover=hit()>calm</b>")
    ui.select_groups("leonardo")
    ui.primary_button.click()
    shown = ui.prompt_text("LEONARDO_ANIME_XL_A")
    assert "<script>hit()</script>" in shown
    expect(page.locator("#run-list")).to_contain_text("<script>hit()</script>")
    ui.prompt_card("LEONARDO_ANIME_XL_A").get_by_role("button", name="Edit").click()
    expect(page.get_by_role("textbox", name="Text of")).to_have_value(shown)
    _assert_harmless(ui)


def test_a_providers_error_is_only_text(ui: PageObject, llm: StrictOpenAI) -> None:
    refusal = {"error": {"message": ALL, "type": "invalid_request_error"}}
    llm.fail(*[lambda _: Answer(400, refusal)] * 4)
    ui.page.locator("#field-idea").fill("an error")
    ui.select_groups("leonardo")
    ui.primary_button.click()
    expect(ui.page.get_by_role("alert")).to_be_visible()
    llm.forgive()
    _assert_harmless(ui)


def test_an_address_that_is_a_payload_opens_nothing(ui: PageObject) -> None:
    for payload in ("<img src=x onerror=hit()>", "../../api/runs", "%00", "__proto__"):
        ui.page.goto(f"{ui.url}/#{payload}")
        expect(ui.page.get_by_role("alert")).to_be_visible()
        ui.page.get_by_role("button", name="Start a new run").click()
        expect(ui.page.get_by_role("alert")).to_have_count(0)
    _assert_harmless(ui)


def _assert_harmless(ui: PageObject) -> None:
    """No payload ran; the fixture checks dialogs, policy violations and requests."""
    assert ui.page.evaluate("window.wasHit") is None
    markup: Locator = ui.page.locator(
        "img, iframe, object, embed, video, math, base, body form[action], script:not([src^='/page/'])"
    )
    expect(markup).to_have_count(0)
