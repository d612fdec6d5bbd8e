"""Any image group goes with any video group: offline, and through a server as strict as OpenAI's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from callsheet import load_groups
from callsheet.llm.offline import OfflineLLM
from callsheet.llm.port import LLM
from tests.support.runs import InMemoryRuns, client_of, prompts_of
from tests.support.schema_writer import Write
from tests.support.strict_openai import Conduct, StrictOpenAI

STUDIO = load_groups("studio")
IMAGE, VIDEO = (list(groups) for groups in STUDIO.values())


def models(*names: str) -> list[str]:
    return [
        model
        for groups in STUDIO.values()
        for name, group in groups.items()
        if name in names
        for model in group.models
    ]


async def run(llm: LLM, image: str, video: str) -> dict[str, Any]:
    """One pair, carried out to its end, with exactly the prompts that it asks for."""
    document = await InMemoryRuns.with_llm(llm).run([image, video], "studio")
    assert document["status"] == "succeeded", (image, video)
    written = [model for prompts in document["prompts"].values() for model in prompts]
    assert written == models(image, video)
    assert set(document["settings"]) <= set(written)
    return document


@pytest.fixture(scope="module")
def drafts() -> dict[str, Any]:
    """What the offline door writes for every group at once."""
    document = asyncio.run(InMemoryRuns.with_llm(OfflineLLM()).run([*IMAGE, *VIDEO], "studio"))
    return {"prompts": prompts_of(document)}


def as_in(drafts: dict[str, Any]) -> Write:
    """Writes what stands at a place such as `$.prompts.VEO_3_1.prompt`."""

    def write(path: str, node: Mapping[str, Any]) -> str:
        del node
        value: Any = drafts
        for name in path.split(".")[1:]:
            value = value[name]
        return str(value)

    return write


def test_every_group_is_in_a_pair() -> None:
    assert (len(IMAGE), len(VIDEO)) == (11, 9)


@pytest.mark.parametrize("image", IMAGE)
@pytest.mark.asyncio
async def test_every_pair_is_drafted_offline_without_a_broken_rule(image: str) -> None:
    for video in VIDEO:
        document = await run(OfflineLLM(), image, video)
        assert document["problems"] == [], video


@pytest.mark.parametrize("image", IMAGE)
@pytest.mark.asyncio
async def test_every_pair_is_written_through_a_strict_server_in_two_calls(
    image: str, drafts: dict[str, Any]
) -> None:
    with StrictOpenAI(Conduct(write=as_in(drafts))) as server:
        llm = client_of(server)
        for video in VIDEO:
            document = await run(llm, image, video)
            assert document["problems"] == [], video
            assert document["usage"]["calls"] == 2
