"""From an idea to prompts, more prompts, motion prompts, edits and rewrites."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.support.page_object import PageObject
from tests.support.serving import Serving

MOTION = "motion_2_0.simplified_cinematic"


def test_a_prompt_is_written_and_copied_in_three_clicks(ui: PageObject) -> None:
    ui.enter_idea()
    ui.group_row("sora").click()
    ui.primary_button.click()
    ui.copy_button("SORA_2_A").click()
    expect(ui.copy_button("SORA_2_A")).to_have_text("copied")
    assert ui.clipboard() == ui.prompt_text("SORA_2_A")


def test_the_primary_button_says_what_it_will_do(ui: PageObject) -> None:
    expect(ui.primary_button).to_have_text("Select a group")
    ui.select_groups("sora")
    expect(ui.primary_button).to_have_text("Write 2 prompts")
    ui.select_groups("leonardo")
    expect(ui.primary_button).to_have_text("Write 3 prompts")
    ui.primary_button.click()
    expect(ui.page.get_by_text("Fill in this field first.")).to_be_visible()
    expect(ui.page.get_by_label("What should be shown?")).to_be_focused()


def test_the_estimate_follows_each_click_and_starts_no_run(ui: PageObject) -> None:
    costs = ui.page.locator("#cost-panel")
    ui.select_groups("sora")
    expect(costs).to_contain_text("78% less than for all groups")
    ui.select_groups("leonardo")
    expect(costs).to_contain_text("68% less than for all groups")
    gauge = costs.get_by_role("img", name=re.compile("1,4.. of 4,4.. instruction tokens"))
    expect(gauge).to_be_visible()
    assert "#" not in ui.page.url, "no run was started"


def test_a_closed_service_is_marked_in_its_row(ui: PageObject) -> None:
    expect(ui.group_row("sora")).to_contain_text("Closed on Sep 24, 2026")
    expect(ui.group_row("phoenix")).not_to_contain_text("Closed")


def test_groups_are_selected_by_name_or_number(ui: PageObject) -> None:
    field = ui.page.get_by_label("By name or number")
    field.fill("leo, 1 nobody")
    field.press("Enter")
    expect(ui.page.locator("#group-sora")).to_be_checked()
    expect(ui.page.locator("#group-leonardo")).to_be_checked()
    expect(field).to_have_value("nobody")
    expect(ui.page.locator("#group-name-hint")).to_contain_text("no such group")


def test_the_still_is_chosen_before_the_run_and_changed_after_it(ui: PageObject) -> None:
    ui.enter_idea()
    ui.select_groups("sora")
    stills = ui.page.get_by_label("Which image should be animated?")
    expect(stills).to_be_hidden()
    ui.select_groups("motion_2_0")
    stills.select_option("SORA_1_A")
    ui.primary_button.click()
    assert ui.prompt_text(MOTION)
    expect(stills).to_have_value("SORA_1_A")
    ui.unfold("groups")

    stills.select_option("SORA_2_A")
    expect(ui.primary_button).to_have_text("Rewrite for the other image prompt")
    ui.primary_button.click()
    expect(ui.primary_button).to_be_hidden()
    expect(stills).to_have_value("SORA_2_A")


def test_one_model_of_a_group_is_selected_written_and_joined_by_another(ui: PageObject) -> None:
    ui.enter_idea()
    ui.select_groups("stable_diffusion")
    ui.page.get_by_label("SD A", exact=True).uncheck()
    ui.page.get_by_label("SD C", exact=True).uncheck()
    expect(ui.primary_button).to_have_text("Write 1 prompt")
    ui.primary_button.click()
    assert ui.prompt_text("SD_B").startswith("masterpiece")
    expect(ui.prompt_card("SD_A")).to_have_count(0)

    ui.unfold("groups")
    ui.page.get_by_label("SD A", exact=True).check()
    expect(ui.primary_button).to_have_text("Add SD A: 1 prompt")
    ui.primary_button.click()
    assert ui.prompt_text("SD_A")
    ui.unfold("groups")
    field = ui.page.get_by_label("By name or number")
    field.fill("1/SORA_1_A")
    field.press("Enter")
    expect(ui.primary_button).to_have_text("Add Sora 1 A: 1 prompt")


def test_added_groups_and_motion_keep_the_finished_prompts(ui: PageObject) -> None:
    ui.enter_idea()
    ui.select_groups("sora")
    ui.primary_button.click()
    before = ui.prompt_text("SORA_2_A")
    expect(ui.group_row("sora")).to_contain_text("written")

    ui.select_groups("midjourney")
    expect(ui.primary_button).to_have_text("Add Midjourney: 2 prompts")
    expect(ui.page.locator("#cost-panel")).to_contain_text("kept and not paid again")
    ui.primary_button.click()
    assert "--ar 2:3" in ui.prompt_text("MIDJOURNEY_A")
    assert ui.prompt_text("SORA_2_A") == before

    ui.select_groups("motion_2_0")
    ui.page.get_by_label("Which image should be animated?").select_option("MIDJOURNEY_A")
    expect(ui.primary_button).to_have_text("Add Leonardo Motion 2.0: 4 prompts")
    ui.primary_button.click()
    assert ui.prompt_text(MOTION)
    ui.copy_button(MOTION).click()
    expect(ui.copy_button(MOTION)).to_have_text("copied")
    assert ui.clipboard() == ui.prompt_text(MOTION)


def test_removing_motion_keeps_the_image_prompts_and_calls_no_llm(
    ui: PageObject, server: Serving
) -> None:
    ui.enter_idea()
    ui.select_groups("sora", "motion_2_0")
    ui.primary_button.click()
    ui.prompt_text(MOTION)
    before = ui.prompt_text("SORA_2_A")

    ui.select_groups("motion_2_0")
    expect(ui.page.locator("#removal-video_generation")).to_contain_text("will be removed")
    expect(ui.primary_button).to_have_text("Remove Leonardo Motion 2.0")
    expect(ui.page.locator("#cost-panel")).to_contain_text("No LLM call, no cost.")
    ui.primary_button.click()
    expect(ui.prompt_card(MOTION)).to_have_count(0)
    assert ui.prompt_text("SORA_2_A") == before
    assert server.get(f"/api/runs/{ui.run_name}")["usage"]["calls"] == 2
    expect(ui.page.locator("#receipt")).not_to_contain_text("calls")

    ui.select_groups("sora")
    expect(ui.page.locator("#removal-image_generation")).to_contain_text("needs at least one group")
    expect(ui.primary_button).to_have_text("Select a group")


def test_one_group_or_all_prompts_are_copied_at_once(ui: PageObject) -> None:
    ui.enter_idea()
    ui.select_groups("sora", "leonardo")
    ui.primary_button.click()
    names = {
        "SORA_2_A": "Sora 2 A",
        "SORA_1_A": "Sora 1 A",
        "LEONARDO_ANIME_XL_A": "Leonardo Anime XL",
    }
    texts = {title: ui.prompt_text(name) for name, title in names.items()}
    ui.page.get_by_role("button", name="Copy all").click()
    expect(ui.page.get_by_role("button", name="copied")).to_be_visible()
    assert ui.clipboard() == "\n\n".join(f"{name}\n{text}" for name, text in texts.items())
    ui.page.get_by_role("button", name="Copy group").click()
    expect(ui.page.get_by_role("button", name="copied")).to_have_count(2)
    assert ui.clipboard().count("\n\n") < 12
    assert "Leonardo" not in ui.clipboard()


def test_a_prompt_is_edited_and_its_history_shows_the_changes(ui: PageObject) -> None:
    ui.enter_idea()
    ui.select_groups("leonardo")
    ui.primary_button.click()
    before = ui.prompt_text("LEONARDO_ANIME_XL_A")
    row = ui.prompt_card("LEONARDO_ANIME_XL_A")
    row.get_by_role("button", name="Edit").click()
    area = row.get_by_role("textbox")
    area.fill("a heron at dawn, lofi anime, " * 40)
    expect(row.locator(".prompt-editor")).to_contain_text("at most 700 are read")
    area.fill("a heron at dawn, lofi anime, soft mist")
    row.get_by_role("button", name="Save").click()
    expect(row.locator("p.text").first).to_have_text("a heron at dawn, lofi anime, soft mist")
    row.get_by_role("button", name="earlier attempt").click()
    expect(row.locator("ins").first).to_contain_text("heron")
    expect(row.locator("del").first).to_be_visible()
    row.get_by_role("button", name="Compare Leonardo Anime XL").click()
    sides = row.locator(".comparison .text")
    expect(sides).to_have_count(2)
    assert sides.first.inner_text() == "a heron at dawn, lofi anime, soft mist"
    assert sides.last.inner_text() == before
    row.get_by_role("button", name="earlier attempt").click()
    row.get_by_role("button", name="Restore").first.click()
    expect(row.locator("p.text").first).to_have_text(before)


def test_one_field_of_several_is_checked_and_autofixed_while_it_is_edited(ui: PageObject) -> None:
    ui.enter_idea()
    ui.select_groups("leonardo")
    ui.select_groups("motion_2_0")
    ui.primary_button.click()
    ui.prompt_text("motion_2_0.negative_prompt")
    row = ui.prompt_card("motion_2_0.negative_prompt")
    row.get_by_role("button", name="Edit").click()
    area = row.get_by_role("textbox")
    area.fill("camera shake,  flicker, no text")
    expect(row.locator(".prompt-editor li")).to_have_count(1)
    expect(row.locator(".prompt-editor")).to_contain_text("Has no text; the field itself says no")
    row.get_by_role("button", name="Fix").click()
    expect(area).to_have_value("camera shake, flicker, no text")


def test_a_single_prompt_is_rewritten(ui: PageObject) -> None:
    ui.enter_idea()
    ui.select_groups("sora")
    ui.primary_button.click()
    ui.prompt_text("SORA_2_A")
    card = ui.prompt_card("SORA_1_A")
    card.get_by_role("button", name="Rewrite").click()
    expect(card.get_by_label("What should change in Sora 1 A?")).to_be_focused()
    ui.page.keyboard.type("less rain")
    ui.page.keyboard.press("Control+Enter")
    expect(card).to_contain_text("Nothing changed: the same text was written again.")
    expect(ui.page.locator("#run-notes")).to_contain_text("Offline drafts cannot follow a wish")


def test_a_receipt_shows_the_savings(ui: PageObject) -> None:
    ui.enter_idea()
    ui.select_groups("sora")
    ui.primary_button.click()
    ui.prompt_text("SORA_2_A")
    expect(ui.page.locator("#receipt")).to_contain_text("saved")
    expect(ui.page.locator("#receipt")).to_contain_text("78%")


def test_another_idea_starts_another_run(ui: PageObject) -> None:
    ui.enter_idea()
    ui.select_groups("sora")
    ui.primary_button.click()
    ui.prompt_text("SORA_2_A")
    first = ui.run_name
    ui.enter_idea("a heron at dawn")
    expect(ui.primary_button).to_have_text("Write 2 prompts")
    ui.primary_button.click()
    expect(ui.prompt_card("SORA_2_A")).to_contain_text("heron")
    assert ui.run_name != first


def test_a_field_is_left_open_and_the_run_says_so(ui: PageObject, server: Serving) -> None:
    mood = ui.page.get_by_label("Which mood?")
    leave_open = ui.page.locator("#field-mood-open")
    expect(mood).to_have_value("calm, nostalgic, quietly warm")
    leave_open.click()
    expect(mood).to_have_value("")
    expect(mood).to_have_attribute("placeholder", re.compile("^open"))
    expect(leave_open).to_have_attribute("aria-pressed", "true")
    ui.enter_idea()
    ui.select_groups("leonardo")
    ui.primary_button.click()
    assert "calm" not in ui.prompt_text("LEONARDO_ANIME_XL_A")
    document = server.get(f"/api/runs/{ui.run_name}")
    assert document["brief"]["mood"] == ""
    expect(ui.primary_button).not_to_have_text(re.compile("starts a new run"))
