"""Whatever a person, an LLM, a provider or a workflow writes is text: no script, no request, no markup."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.page.conftest import Come, serving
from tests.support.loopback import Answer
from tests.support.person import Person
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


def _spoilt(text: str) -> str:
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
    """Serves a workflow whose every shown word is hostile, with an LLM that is so too."""
    folder = tmp_path_factory.mktemp("hostile")
    _spoil_oms(folder)
    env = {"CALLSHEET_LLM": "openai:any", "CALLSHEET_BASE_URL": llm.url}
    with serving(tmp_path_factory.mktemp("home"), str(folder), env=env) as server:
        yield server


def _spoil_oms(folder: Path) -> None:
    shutil.copytree(Path(str(files("callsheet"))) / "workflows" / "oms", folder, dirs_exist_ok=True)
    config = json.loads((files("callsheet") / "config.json").read_text("utf-8"))
    for groups in config["model_groups"].values():
        for group in groups.values():
            group |= {key: _spoilt(group[key]) for key in ("label", "description")}
    (folder / "config.json").write_text(json.dumps(config))
    workflow = json.loads((folder / "workflow.json").read_text("utf-8"))
    for key in ("name", "description"):
        workflow[key] = _spoilt(workflow[key])
    (folder / "workflow.json").write_text(json.dumps(workflow))
    form = json.loads((folder / "steps" / "user_input.json").read_text("utf-8"))
    for field in form["modules"][0]["inputs"]["fields"]:
        field["text"] = _spoilt(field["text"])
    (folder / "steps" / "user_input.json").write_text(json.dumps(form))


@pytest.fixture
def victim(come: Come, server: Serving) -> Person:
    """Someone whose window would tell if any of it ran."""
    person = come(server.url)
    person.page.evaluate("() => { window.hit = () => { window.wasHit = true; }; }")
    return person


def test_every_word_shown_is_only_a_word(victim: Person) -> None:
    page = victim.page
    expect(page.locator("#call")).to_contain_text(PAYLOADS[1])
    page.locator("#field-idea").fill(ALL)
    page.locator("#field-mood").fill("<b onmouseover=hit()>calm</b>")
    victim.calls("leonardo")
    victim.button.click()
    shown = victim.reads("LEONARDO_ANIME_XL_A")
    assert "<script>hit()</script>" in shown
    expect(page.locator("#run-list")).to_contain_text("<script>hit()</script>")
    victim.prompt("LEONARDO_ANIME_XL_A").get_by_role("button", name="Edit").click()
    expect(page.get_by_role("textbox", name="Text of")).to_have_value(shown)
    _nothing_came_of_it(victim)


def test_a_providers_error_is_only_a_sentence(victim: Person, llm: StrictOpenAI) -> None:
    told = {"error": {"message": ALL, "type": "invalid_request_error"}}
    llm.fail(*[lambda _: Answer(400, told)] * 4)
    victim.page.locator("#field-idea").fill("an error")
    victim.calls("leonardo")
    victim.button.click()
    expect(victim.page.get_by_role("alert")).to_be_visible()
    llm.forgive()
    _nothing_came_of_it(victim)


def test_an_address_that_is_a_payload_opens_nothing(victim: Person) -> None:
    for payload in ("<img src=x onerror=hit()>", "../../api/runs", "%00", "__proto__"):
        victim.page.goto(f"{victim.url}/#{payload}")
        expect(victim.page.get_by_role("alert")).to_be_visible()
        victim.page.get_by_role("button", name="Begin a new sheet").click()
        expect(victim.page.get_by_role("alert")).to_have_count(0)
    _nothing_came_of_it(victim)


def _nothing_came_of_it(person: Person) -> None:
    """The test's own window adds: no dialog, no policy breach, no request to anyone else."""
    assert person.page.evaluate("window.wasHit") is None
    markup: Locator = person.page.locator(
        "img, iframe, object, embed, video, math, base, body form[action], script:not([src^='/page/'])"
    )
    expect(markup).to_have_count(0)
