"""What is wrong is mended alone: by code where code can, else by one call for the broken models only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.support.run_backends import RunBackend
from tests.support.runs import InMemoryRuns, prompts_of
from tests.support.schema_writer import write_text
from tests.support.strict_openai import Conduct, StrictOpenAI

FIVE = ("sora", "phoenix", "leonardo", "midjourney", "stable_diffusion")
BY_CODE, BY_CALL = "MIDJOURNEY_B", "PHOENIX_1_0_A"


class Careless:
    """Writes nine prompts, two of them broken in the first reply; notes what it wrote."""

    def __init__(self) -> None:
        self.written: list[tuple[str, str]] = []

    def __call__(self, path: str, node: Mapping[str, Any]) -> str:
        model = path.rpartition(".")[2]
        text = write_text(path, node)
        first = model not in dict(self.written)
        if model == BY_CODE:
            text = '"--ar 2:3 --v 8.2 ' + text.replace(" --ar 1:1", "") + '"'
        elif model == BY_CALL and first:
            text += " --ar 2:3"
        self.written.append((model, text))
        return text


@pytest.fixture
def careless() -> Careless:
    return Careless()


@pytest.fixture
def server(careless: Careless) -> Iterator[StrictOpenAI]:
    with StrictOpenAI(Conduct(write=careless)) as running:
        yield running


@pytest.mark.workers
async def test_of_two_invalid_prompts_one_is_autofixed_and_one_repaired_by_a_single_call(
    place: RunBackend, server: StrictOpenAI, careless: Careless
) -> None:
    document = await InMemoryRuns(place.service(server)).run(FIVE)
    assert document["status"] == "succeeded", document
    assert document["problems"] == []
    assert document["usage"]["calls"] == 2
    assert document["usage"]["repairs"] == 1

    first, repair = server.requests
    asked = repair.json["response_format"]["json_schema"]["schema"]["properties"]["prompts"]
    assert list(asked["properties"]) == [BY_CALL]
    assert len(str(repair.json["messages"])) < len(str(first.json["messages"])) / 10
    report = repair.json["messages"][-1]["content"]
    assert f"1. prompts.{BY_CALL}: has the parameter `--ar`" in report
    assert "2. " not in report

    prompts = prompts_of(document)
    assert len(prompts) == 9
    written = dict(careless.written[:9])
    healthy = {name: text for name, text in prompts.items() if name not in (BY_CODE, BY_CALL)}
    assert healthy == {name: written[name] for name in healthy}
    assert len(healthy) == 7
    assert prompts[BY_CODE].endswith(" --ar 2:3 --v 8.2")
    assert prompts[BY_CALL] == careless.written[-1][1]


async def test_a_warning_is_never_sent_back(
    place: RunBackend, server: StrictOpenAI, careless: Careless
) -> None:
    server.conduct = Conduct(write=lambda path, node: f"{write_text(path, node)}, 8k masterpiece")
    document = await InMemoryRuns(place.service(server)).run(["phoenix"])
    assert document["problems"] == []
    assert document["usage"]["calls"] == 1
    assert careless.written == []


@pytest.mark.workers
async def test_only_the_motion_prompt_that_contradicts_its_image_is_requested_again(
    place: RunBackend, server: StrictOpenAI
) -> None:
    wrong = "Static camera: the lamp on the right wavers and comes back to the opening pose"
    fields: list[str] = []

    def write(path: str, node: Mapping[str, Any]) -> str:
        field = path.rpartition(".")[2]
        fields.append(field)
        if field == "LEONARDO_ANIME_XL_A":
            return "a woman reads by a window, rain, dusk, lamp on the left, night, muted color"
        return (
            wrong
            if field == "cinematic_description" and len(fields) < 8
            else write_text(path, node)
        )

    server.conduct = Conduct(write=write)
    groups = ["leonardo", "motion_2_0", "midjourney_animate"]
    document = await InMemoryRuns(place.service(server)).run(groups)
    assert document["status"] == "succeeded", document
    assert document["problems"] == []
    assert document["usage"]["calls"] == 3
    assert document["usage"]["repairs"] == 1

    repair = server.requests[-1]
    asked = repair.json["response_format"]["json_schema"]["schema"]["properties"]["prompts"]
    assert list(asked["properties"]) == ["midjourney_animate"]
    assert list(asked["properties"]["midjourney_animate"]["properties"]) == [
        "cinematic_description"
    ]
    report = repair.json["messages"][-1]["content"]
    assert "says `lamp on the right` where the picture has `lamp on the left`" in report
    assert "motion_2_0" not in report


async def test_a_motion_that_still_contradicts_its_picture_is_delivered_and_marked(
    place: RunBackend, server: StrictOpenAI
) -> None:
    def write(path: str, node: Mapping[str, Any]) -> str:
        if path.endswith("LEONARDO_ANIME_XL_A"):
            return "a woman reads by a window, rain, dusk, lamp on the left, night, muted color"
        return write_text(path, node).replace("reed tips", "the lamp on the right and reed tips")

    server.conduct = Conduct(write=write)
    document = await InMemoryRuns(place.service(server)).run(["leonardo", "midjourney_animate"])
    assert document["status"] == "succeeded", document
    assert {problem["rule"] for problem in document["problems"]} == {
        "motion-text: opposite",
        "midjourney-video: opposite",
    }
