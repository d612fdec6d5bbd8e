"""Errors in the page's own words, once, at their place, each with its next step as a button."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from callsheet.errors import CallsheetError
from tests.page.conftest import OpenPage, serving
from tests.support.loopback import Answer
from tests.support.page_object import PageObject
from tests.support.serving import Serving
from tests.support.slow_llm import SlowLLM

BAD_KEY = {"error": {"message": "Incorrect API key provided.", "type": "authentication_error"}}


@pytest.fixture(scope="module")
def llm_server(llm: SlowLLM, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    env = {"CALLSHEET_LLM": "openai:any", "CALLSHEET_BASE_URL": llm.server.url}
    with serving(tmp_path_factory.mktemp("home"), env=env) as server:
        yield server


def _codes() -> list[str]:
    classes = [CallsheetError]
    for each in classes:
        classes += each.__subclasses__()
    return sorted({each.code for each in classes})


def test_no_error_speaks_of_a_terminal_and_every_failure_of_an_llm_has_a_next_step(
    ui: PageObject,
) -> None:
    described = ui.page.evaluate(
        """async (codes) => {
            const { describeError } = await import("/page/error_texts.js");
            const error = { message: "it failed", hint: "run `callsheet resume` with --llm NAME" };
            return codes.map((code) => [code, describeError({ ...error, code }, "openai:gpt-5.2")]);
        }""",
        _codes(),
    )
    for code, error in described:
        said = f"{error['text']} {error['hint']}"
        assert "callsheet resume" not in said, code
        assert "--" not in said, code
        assert "{" not in said, code
        assert error["steps"] or not code.startswith(("provider", "storage", "output_inv")), code


def test_a_failed_run_goes_on_in_a_chat_with_one_press(
    open_page: OpenPage, llm_server: Serving, llm: SlowLLM
) -> None:
    llm.server.fail(lambda _: Answer(401, BAD_KEY))
    ui = open_page(llm_server.url)
    ui.enter_idea("a key that is refused")
    ui.select_groups("leonardo")
    ui.primary_button.click()
    alert = ui.page.get_by_role("alert")
    expect(alert).to_contain_text("OpenAI refused the API key")
    expect(alert).to_contain_text("Keys are never entered here")
    alert.get_by_role("button", name="Paste into a chat instead").click()
    expect(ui.page.get_by_role("heading", name="Ask your chat")).to_be_visible()
    expect(ui.page.locator("#notices")).to_be_empty()


def test_the_name_of_an_llm_is_checked_when_it_is_chosen(ui: PageObject) -> None:
    choice = ui.page.get_by_label("LLM", exact=True)
    choice.select_option(label="other…")
    ui.page.locator("#llm-name").fill("gpt-5.2-mini")
    ui.page.keyboard.press("Enter")
    problem = ui.page.locator("#llm-problem")
    expect(problem).to_contain_text("There is no LLM “gpt-5.2-mini”")
    problem.get_by_role("button", name="Use openai:gpt-5.2-mini").click()
    expect(choice).to_have_value("openai:gpt-5.2-mini")
    expect(problem).to_be_empty()
    notice = ui.page.locator("#notices")
    expect(notice).to_contain_text("OpenAI needs an API key")
    expect(notice).to_contain_text("set OPENAI_API_KEY in its environment")
    notice.get_by_role("button", name="Use offline drafts").click()
    expect(notice).to_be_empty()


def test_a_value_that_a_field_cannot_take_is_said_at_the_field(ui: PageObject) -> None:
    ui.enter_idea()
    ui.select_groups("leonardo")
    field = ui.page.get_by_label("Which aspect ratio?")
    field.fill("wide")
    ui.primary_button.click()
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(ui.page.locator("#field-aspect_ratio-hint")).to_contain_text("Enter two whole numbers")
    expect(ui.page.locator("#notices")).to_be_empty()
    field.fill("16:9")
    expect(field).not_to_have_attribute("aria-invalid", "true")
