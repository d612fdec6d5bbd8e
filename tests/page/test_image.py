"""The person's own image is dropped, pasted or chosen, checked before it is sent, and reaches the LLM."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.page.conftest import OpenPage, serving
from tests.support.cli import Terminal
from tests.support.image_parts import pictures
from tests.support.images import png
from tests.support.page_object import IDEA, PageObject
from tests.support.serving import Serving
from tests.support.strict_openai import StrictOpenAI

STILL = png()
OTHER = png(400, 600)

DATA_TRANSFER = """([name, type, content]) => {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, { type }));
    return transfer;
}"""


@pytest.fixture(scope="module")
def llm() -> Iterator[StrictOpenAI]:
    with StrictOpenAI() as server:
        yield server


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def server(llm: StrictOpenAI, home: Path) -> Iterator[Serving]:
    env = {"CALLSHEET_LLM": "openai:gpt-4o", "CALLSHEET_BASE_URL": llm.url}
    with serving(home, env=env) as server:
        yield server


def _picker(ui: PageObject) -> Locator:
    return ui.page.get_by_role("group", name="Image for the motion prompts")


def _drop(ui: PageObject, name: str, content: bytes, kind: str = "image/png") -> None:
    file = [name, kind, base64.b64encode(content).decode()]
    transfer = ui.page.evaluate_handle(DATA_TRANSFER, file)
    _picker(ui).locator(".drop-zone").dispatch_event("drop", {"dataTransfer": transfer})


def _images_received(llm: StrictOpenAI) -> list[list[tuple[str, bytes]]]:
    return [pictures("openai", request.json) for request in llm.requests]


def test_a_dropped_image_is_sent_with_the_motion_prompts_only(
    open_page: OpenPage, server: Serving, llm: StrictOpenAI
) -> None:
    ui = open_page(server.url)
    ui.enter_idea()
    ui.select_groups("leonardo")
    _drop(ui, "still.png", STILL)
    expect(_picker(ui)).to_contain_text("still.png: PNG, 832 \u00d7 1,216, 1 kB")
    expect(_picker(ui)).to_contain_text("once a group of Video generation is selected")
    ui.select_groups("motion_2_0")
    expect(_picker(ui)).not_to_contain_text("once a group")
    before = len(llm.requests)
    ui.primary_button.click()
    ui.prompt_text("motion_2_0.simplified_cinematic")
    assert _images_received(llm)[before:] == [[], [("image/png", STILL)]]
    expect(ui.page.locator("#cost-panel")).to_contain_text("All selected prompts are written.")


def test_another_image_has_the_motion_prompts_rewritten_and_is_duplicated_after_a_reload(
    open_page: OpenPage, server: Serving, llm: StrictOpenAI
) -> None:
    ui = open_page(server.url)
    ui.enter_idea("a heron and its still")
    ui.select_groups("leonardo", "motion_2_0")
    ui.primary_button.click()
    ui.prompt_text("motion_2_0.simplified_cinematic")
    before = len(llm.requests)
    ui.unfold("brief")
    _drop(ui, "other.png", OTHER)
    expect(ui.primary_button).to_have_text("Rewrite for this image")
    ui.primary_button.click()
    expect(ui.page.locator("#cost-panel")).to_contain_text("All selected prompts are written.")
    assert _images_received(llm)[before:] == [[("image/png", OTHER)]]
    ui.page.reload()
    expect(ui.page.locator("#brief-fold")).to_be_visible()
    ui.unfold("brief")
    expect(_picker(ui)).to_contain_text("This run already has an image: PNG, 400 \u00d7 600")
    run = ui.run_name

    ui.page.get_by_role("button", name="Duplicate", exact=True).click()

    expect(_picker(ui)).to_contain_text(f"{run}.png: PNG, 400 \u00d7 600")
    ui.primary_button.click()
    ui.prompt_text("motion_2_0.simplified_cinematic")
    assert _images_received(llm)[before:][-1] == [("image/png", OTHER)]
    assert ui.run_name != run
    kept = server.client.get(f"/api/runs/{run}/pictures/still")
    assert (kept.content, kept.headers["content-type"]) == (OTHER, "image/png")
    assert server.client.get(f"/api/runs/{run}/pictures/none").json()["code"] == "not_found"


def test_an_image_is_chosen_and_removed_by_keyboard(ui: PageObject) -> None:
    picker = _picker(ui)
    with ui.page.expect_file_chooser() as chooser:
        picker.get_by_role("button", name="Choose an image").press("Enter")
    chooser.value.set_files({"name": "still.png", "mimeType": "image/png", "buffer": STILL})
    expect(picker.locator("img")).to_be_visible()
    expect(picker.get_by_role("button", name="Remove")).to_be_focused()
    ui.page.keyboard.press("Enter")
    expect(picker.locator("img")).to_have_count(0)
    expect(picker.get_by_role("button", name="Choose an image")).to_be_focused()


def test_an_image_is_pasted_anywhere_on_the_page(ui: PageObject) -> None:
    file = ["image.png", "image/png", base64.b64encode(STILL).decode()]
    transfer = ui.page.evaluate_handle(DATA_TRANSFER, file)
    ui.page.evaluate(
        "(transfer) => document.body.dispatchEvent("
        "new ClipboardEvent('paste', {clipboardData: transfer, bubbles: true, cancelable: true}))",
        transfer,
    )
    expect(_picker(ui).locator("img")).to_be_visible()


def test_an_unusable_image_is_explained_where_it_was_dropped_and_nothing_is_sent(
    ui: PageObject,
) -> None:
    sent: list[str] = []
    ui.page.on("request", lambda request: sent.append(request.method))
    for name, content, result in (
        ("moving.gif", b"GIF89a" + bytes(99), "moving.gif is not a supported image"),
        ("big.png", STILL + bytes(5_200_000), "big.png has 5.2 MB; the limit is 5 MB"),
        ("cut.png", STILL[:20], "cut.png is damaged"),
        ("wide.png", png(9_000, 1), "wide.png is 9,000 \u00d7 1 pixels"),
    ):
        _drop(ui, name, content)
        expect(_picker(ui).get_by_role("alert")).to_contain_text(result)
    assert "POST" not in sent


def test_a_question_is_answered_with_an_image(
    open_page: OpenPage, server: Serving, llm: StrictOpenAI, home: Path, terminal: Terminal
) -> None:
    terminal.env |= {
        "CALLSHEET_HOME": str(home),
        "CALLSHEET_LLM": "openai:gpt-4o",
        "CALLSHEET_BASE_URL": llm.url,
    }
    result = terminal("run", "--idea", IDEA, "--json", stdin="leonardo\naccept\nmotion_2_0\n")
    assert result.json["question"]["kind"] == "picture", result
    before = len(llm.requests)
    ui = open_page(server.url)
    ui.page.goto(f"{ui.url}/#{result.json['run']}")
    asks = ui.page.get_by_role("region", name="Image", exact=True)
    expect(asks).to_contain_text("Rendered still of this image")
    with ui.page.expect_file_chooser() as chooser:
        asks.get_by_role("button", name="Choose an image").click()
    chooser.value.set_files({"name": "still.png", "mimeType": "image/png", "buffer": STILL})
    asks.get_by_role("button", name="Answer").click()
    ui.prompt_text("motion_2_0.simplified_cinematic")
    assert _images_received(llm)[before:] == [[("image/png", STILL)]]
    assert "base64" not in json.dumps(terminal("show", result.json["run"], "--json").json)
