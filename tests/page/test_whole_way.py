"""From an idea to prompts, more prompts and motion, as a person does it on the page."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.support.person import Person

MOTION = "motion_2_0.simplified_cinematic"


def test_a_stranger_gets_from_an_idea_to_a_copied_prompt_in_three_clicks(person: Person) -> None:
    person.says()
    person.row("sora").click()
    person.button.click()
    person.copy_of("SORA_2_A").click()
    expect(person.copy_of("SORA_2_A")).to_have_text("copied")
    assert person.clipboard() == person.reads("SORA_2_A")


def test_the_button_says_what_it_will_do(person: Person) -> None:
    expect(person.button).to_have_text("Choose a group")
    person.calls("sora")
    expect(person.button).to_have_text("Write 2 prompts")
    person.calls("leonardo")
    expect(person.button).to_have_text("Write 3 prompts")
    person.button.click()
    expect(person.page.get_by_text("Say it in a few words first.")).to_be_visible()
    expect(person.page.get_by_label("What should be shown?")).to_be_focused()


def test_the_meter_follows_each_click_and_nothing_is_called(person: Person) -> None:
    meter = person.page.locator("#meter")
    person.calls("sora")
    expect(meter).to_contain_text("79 % of the instructions not sent")
    person.calls("leonardo")
    expect(meter).to_contain_text("68 % of the instructions not sent")
    gauge = meter.get_by_role("img", name=re.compile("1,4.. of 4,5.. instruction tokens"))
    expect(gauge).to_be_visible()
    assert "#" not in person.page.url, "no run was begun"


def test_a_closed_service_says_so_in_its_row(person: Person) -> None:
    expect(person.row("sora")).to_contain_text("Closed on 2026-09-24")
    expect(person.row("phoenix")).not_to_contain_text("Closed")


def test_groups_are_called_by_name_or_number_too(person: Person) -> None:
    field = person.page.get_by_label("By name or number")
    field.fill("leo, 1 nobody")
    field.press("Enter")
    expect(person.page.locator("#group-sora")).to_be_checked()
    expect(person.page.locator("#group-leonardo")).to_be_checked()
    expect(field).to_have_value("nobody")
    expect(person.page.locator("#by-name-hint")).to_contain_text("no group is called so")


def test_more_groups_keep_what_is_written_and_then_it_moves(person: Person) -> None:
    person.says()
    person.calls("sora")
    person.button.click()
    before = person.reads("SORA_2_A")
    expect(person.row("sora")).to_contain_text("written")

    person.calls("midjourney")
    expect(person.button).to_have_text("Add Midjourney (A & B): 2 prompts")
    expect(person.page.locator("#meter")).to_contain_text("kept and not paid again")
    person.button.click()
    assert "--ar 2:3" in person.reads("MIDJOURNEY_A")
    assert person.reads("SORA_2_A") == before

    person.calls("motion_2_0")
    person.page.get_by_label("Which picture will move?").select_option("MIDJOURNEY_A")
    expect(person.button).to_have_text("Add Leonardo Motion 2.0 (4 forms): 1 prompt")
    person.button.click()
    assert person.reads(MOTION)
    person.copy_of(MOTION).click()
    expect(person.copy_of(MOTION)).to_have_text("copied")
    assert person.clipboard() == person.reads(MOTION)


def test_motion_that_is_let_go_leaves_the_pictures_as_they_are_and_calls_nobody(
    person: Person,
) -> None:
    person.says()
    person.calls("sora", "motion_2_0")
    person.button.click()
    person.reads(MOTION)
    before = person.reads("SORA_2_A")

    person.calls("motion_2_0")
    expect(person.page.locator("#none-video_generation")).to_contain_text("is let go")
    expect(person.button).to_have_text("Drop Leonardo Motion 2.0 (4 forms)")
    expect(person.page.locator("#meter")).to_contain_text("No call, nothing to pay.")
    person.button.click()
    expect(person.prompt(MOTION)).to_have_count(0)
    assert person.reads("SORA_2_A") == before
    expect(person.page.locator("#receipt")).to_contain_text("calls2")

    person.calls("sora")
    expect(person.page.locator("#none-image_generation")).to_contain_text("keeps one group")
    expect(person.button).to_have_text("Choose a group")


def test_one_group_or_all_prompts_are_copied_at_once(person: Person) -> None:
    person.says()
    person.calls("sora", "leonardo")
    person.button.click()
    texts = {name: person.reads(name) for name in ("SORA_2_A", "SORA_1_A", "LEONARDO_ANIME_XL_A")}
    person.page.get_by_role("button", name="Copy all").click()
    expect(person.page.get_by_role("button", name="copied")).to_be_visible()
    assert person.clipboard() == "\n\n".join(f"{name}\n{text}" for name, text in texts.items())
    person.page.get_by_role("button", name="Copy group").click()
    expect(person.page.get_by_role("button", name="copied")).to_have_count(2)
    assert person.clipboard().count("\n\n") < 12
    assert "LEONARDO" not in person.clipboard()


def test_a_prompt_is_edited_in_place_and_its_history_shows_what_went(person: Person) -> None:
    person.says()
    person.calls("leonardo")
    person.button.click()
    person.reads("LEONARDO_ANIME_XL_A")
    row = person.prompt("LEONARDO_ANIME_XL_A")
    row.get_by_role("button", name="Edit").click()
    area = row.get_by_role("textbox")
    area.fill("a heron at dawn, lofi anime, " * 40)
    expect(row.locator(".edit")).to_contain_text("at most 700 are read")
    area.fill("a heron at dawn, lofi anime, soft mist")
    row.get_by_role("button", name="Save").click()
    expect(row.locator("p.text").first).to_have_text("a heron at dawn, lofi anime, soft mist")
    row.get_by_role("button", name="earlier attempt").click()
    expect(row.locator("ins").first).to_contain_text("heron")
    expect(row.locator("del").first).to_be_visible()


def test_one_field_of_several_is_judged_and_mended_while_it_is_edited(person: Person) -> None:
    person.says()
    person.calls("leonardo")
    person.calls("motion_2_0")
    person.button.click()
    person.reads("motion_2_0.negative_prompt")
    row = person.prompt("motion_2_0.negative_prompt")
    row.get_by_role("button", name="Edit").click()
    area = row.get_by_role("textbox")
    area.fill("camera shake,  flicker, no text")
    expect(row.locator(".edit li")).to_have_count(1)
    expect(row.locator(".edit")).to_contain_text("Has `no text`; the field itself says no")
    row.get_by_role("button", name="Mend").click()
    expect(area).to_have_value("camera shake, flicker, no text")


def test_a_prompt_is_written_anew_alone(person: Person) -> None:
    person.says()
    person.calls("sora")
    person.button.click()
    person.reads("SORA_2_A")
    person.prompt("SORA_1_A").get_by_role("button", name="Rewrite").click()
    assert person.reads("SORA_1_A")


def test_a_receipt_and_the_savings_stand_beside_the_prompts(person: Person) -> None:
    person.says()
    person.calls("sora")
    person.button.click()
    person.reads("SORA_2_A")
    expect(person.page.locator("#receipt")).to_contain_text("saved")
    expect(person.page.locator("#receipt")).to_contain_text("79 %")


def test_another_scene_begins_another_run(person: Person) -> None:
    person.says()
    person.calls("sora")
    person.button.click()
    person.reads("SORA_2_A")
    first = person.run
    person.says("a heron at dawn")
    expect(person.button).to_have_text("Write 2 prompts")
    person.button.click()
    expect(person.prompt("SORA_2_A")).to_contain_text("heron")
    assert person.run != first
