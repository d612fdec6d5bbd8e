"""Today's video models: from a still only what moves, from the brief alone the scene first."""

from __future__ import annotations

import json
from typing import Any

import pytest

from callsheet import load_groups
from callsheet.authoring.lint import lint
from tests.support.runs import IDEA, InMemoryRuns, client_of, prompts_of
from tests.support.strict_openai import StrictOpenAI

VIDEO = list(load_groups("studio")["video_generation"])
SCENE = "A woman reads by a rain-streaked window at dusk"


def texts(document: dict[str, Any]) -> dict[str, str]:
    """Each video model's text, without its negative."""
    written = document["prompts"]["video_generation"]
    return {
        model: prompt["prompt"] if isinstance(prompt, dict) else prompt
        for model, prompt in written.items()
    }


async def test_from_the_brief_alone_every_prompt_shows_the_scene_and_keeps_its_rules() -> None:
    document = await InMemoryRuns.with_llm().run(VIDEO, workflow="studio")
    assert document["status"] == "succeeded", document
    assert document["problems"] == []
    assert document["usage"]["repairs"] == 0
    assert len(texts(document)) == len(VIDEO)
    for model, text in texts(document).items():
        assert SCENE.lower() in text.lower(), model


async def test_from_a_still_no_prompt_shows_the_scene_again() -> None:
    document = await InMemoryRuns.with_llm().run(["gpt_image", *VIDEO], workflow="studio")
    assert document["status"] == "succeeded", document
    assert document["problems"] == []
    assert document["usage"]["repairs"] == 0
    for model, text in texts(document).items():
        assert IDEA not in text.lower(), model
        assert "photograph" not in text, model


async def test_offline_drafts_need_no_autofix_in_any_aesthetic_or_aspect_ratio() -> None:
    for ratio, aesthetic in (("16:9", "oil painting"), ("1:1", "lofi anime"), ("9:16", "poster")):
        document = await InMemoryRuns.with_llm().run(
            VIDEO, "studio", idea="a fox in the snow", aspect_ratio=ratio, aesthetic=aesthetic
        )
        assert document["problems"] == []
        for model, prompt in prompts_of(document).items():
            report = json.dumps(prompt) if isinstance(prompt, dict) else prompt
            assert lint(report, model, "studio") == [], model


@pytest.mark.parametrize("group", VIDEO)
async def test_a_strict_provider_accepts_each_group_alone_and_with_an_image_group(
    group: str,
) -> None:
    with StrictOpenAI() as server:
        alone = await InMemoryRuns.with_llm(client_of(server)).run([group], workflow="studio")
        both = await InMemoryRuns.with_llm(client_of(server)).run(
            ["gpt_image", group], workflow="studio"
        )
    for document, calls in ((alone, 1), (both, 2)):
        assert document["status"] == "succeeded", document
        assert document["problems"] == []
        assert document["usage"]["calls"] == calls


@pytest.mark.parametrize("group", VIDEO)
async def test_the_settings_of_a_prompt_are_in_the_document(group: str) -> None:
    document = await InMemoryRuns.with_llm().run(["gpt_image", group], workflow="studio")
    (model,) = document["prompts"]["video_generation"]
    report = " ".join(document["settings"][model])
    assert "frame" in report or "image" in report
    assert "{{" not in report


@pytest.mark.parametrize("group", [name for name in VIDEO if name != "midjourney_video"])
async def test_without_a_still_no_setting_speaks_of_one(group: str) -> None:
    document = await InMemoryRuns.with_llm().run([group], workflow="studio")
    assert "still" not in json.dumps(document["settings"])
