"""A picture of one's own is dropped, pasted or chosen, judged before it is sent, and reaches the LLM."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.page.conftest import Come, serving
from tests.support.cli import Terminal
from tests.support.image_parts import pictures
from tests.support.images import png
from tests.support.person import IDEA, Person
from tests.support.serving import Serving
from tests.support.strict_openai import StrictOpenAI

STILL = png()
OTHER = png(400, 600)

CARRIED = """([name, type, content]) => {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    const carried = new DataTransfer();
    carried.items.add(new File([bytes], name, { type }));
    return carried;
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


def _place(person: Person) -> Locator:
    return person.page.get_by_role("group", name="A picture for the motion prompts")


def _lets_fall(person: Person, name: str, content: bytes, kind: str = "image/png") -> None:
    told = [name, kind, base64.b64encode(content).decode()]
    carried = person.page.evaluate_handle(CARRIED, told)
    _place(person).locator(".drop").dispatch_event("drop", {"dataTransfer": carried})


def _seen_by(llm: StrictOpenAI) -> list[list[tuple[str, bytes]]]:
    return [pictures("openai", request.json) for request in llm.requests]


def test_a_dropped_picture_reaches_the_llm_with_the_motion_and_no_other_call(
    come: Come, server: Serving, llm: StrictOpenAI
) -> None:
    person = come(server.url)
    person.says()
    person.calls("leonardo")
    _lets_fall(person, "still.png", STILL)
    expect(_place(person)).to_contain_text("still.png: PNG, 832 \u00d7 1,216, 1 kB")
    expect(_place(person)).to_contain_text("once a row of Video generation is called")
    person.calls("motion_2_0")
    expect(_place(person)).not_to_contain_text("once a row")
    before = len(llm.requests)
    person.button.click()
    person.reads("motion_2_0.simplified_cinematic")
    assert _seen_by(llm)[before:] == [[], [("image/png", STILL)]]
    expect(person.page.locator("#meter")).to_contain_text("All that is called is written.")


def test_another_picture_has_the_motion_written_anew_and_a_reload_tells_of_it(
    come: Come, server: Serving, llm: StrictOpenAI
) -> None:
    person = come(server.url)
    person.says("a heron and its still")
    person.calls("leonardo", "motion_2_0")
    person.button.click()
    person.reads("motion_2_0.simplified_cinematic")
    before = len(llm.requests)
    _lets_fall(person, "other.png", OTHER)
    expect(person.button).to_have_text("Write for this picture")
    person.button.click()
    expect(person.page.locator("#meter")).to_contain_text("All that is called is written.")
    assert _seen_by(llm)[before:] == [[("image/png", OTHER)]]
    person.page.reload()
    expect(_place(person)).to_contain_text("This run has one already: PNG, 400 \u00d7 600")


def test_a_picture_is_chosen_and_removed_by_keyboard_alone(person: Person) -> None:
    place = _place(person)
    with person.page.expect_file_chooser() as chooser:
        place.get_by_role("button", name="Choose a picture").press("Enter")
    chooser.value.set_files({"name": "still.png", "mimeType": "image/png", "buffer": STILL})
    expect(place.locator("img")).to_be_visible()
    expect(place.get_by_role("button", name="Remove")).to_be_focused()
    person.page.keyboard.press("Enter")
    expect(place.locator("img")).to_have_count(0)
    expect(place.get_by_role("button", name="Choose a picture")).to_be_focused()


def test_a_picture_is_pasted_wherever_one_stands(person: Person) -> None:
    told = ["image.png", "image/png", base64.b64encode(STILL).decode()]
    carried = person.page.evaluate_handle(CARRIED, told)
    person.page.evaluate(
        "(carried) => document.body.dispatchEvent("
        "new ClipboardEvent('paste', {clipboardData: carried, bubbles: true, cancelable: true}))",
        carried,
    )
    expect(_place(person).locator("img")).to_be_visible()


def test_what_cannot_be_sent_is_said_where_it_was_dropped_and_nothing_is_sent(
    person: Person,
) -> None:
    sent: list[str] = []
    person.page.on("request", lambda request: sent.append(request.method))
    for name, content, said in (
        ("moving.gif", b"GIF89a" + bytes(99), "moving.gif is not a picture that can be sent"),
        ("big.png", STILL + bytes(5_200_000), "big.png has 5.2 MB, and up to 5 MB can be sent"),
        ("cut.png", STILL[:20], "cut.png is damaged"),
        ("wide.png", png(9_000, 1), "wide.png is 9,000 \u00d7 1 pixels"),
    ):
        _lets_fall(person, name, content)
        expect(_place(person).get_by_role("alert")).to_contain_text(said)
    assert "POST" not in sent


def test_a_waiting_run_is_answered_with_a_picture(
    come: Come, server: Serving, llm: StrictOpenAI, home: Path, terminal: Terminal
) -> None:
    terminal.env |= {
        "CALLSHEET_HOME": str(home),
        "CALLSHEET_LLM": "openai:gpt-4o",
        "CALLSHEET_BASE_URL": llm.url,
    }
    said = terminal("run", "--idea", IDEA, "--json", stdin="leonardo\naccept\nmotion_2_0\n")
    assert said.json["question"]["kind"] == "picture", said
    before = len(llm.requests)
    person = come(server.url)
    person.page.goto(f"{person.url}/#{said.json['run']}")
    asks = person.page.get_by_role("region", name="The run asks")
    expect(asks).to_contain_text("Its rendered still")
    with person.page.expect_file_chooser() as chooser:
        asks.get_by_role("button", name="Choose a picture").click()
    chooser.value.set_files({"name": "still.png", "mimeType": "image/png", "buffer": STILL})
    asks.get_by_role("button", name="Answer").click()
    person.reads("motion_2_0.simplified_cinematic")
    assert _seen_by(llm)[before:] == [[("image/png", STILL)]]
    assert "base64" not in json.dumps(terminal("show", said.json["run"], "--json").json)
