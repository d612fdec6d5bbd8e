"""Any image group goes with any video group: offline, and through a server as strict as OpenAI's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from callsheet import load_groups
from callsheet.llm.offline import OfflineLLM
from callsheet.llm.port import LLM
from callsheet.runs.inputs import parse_inputs
from callsheet.runs.names import new_name
from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from callsheet.settings import read_settings
from callsheet.store.sql import SqlStore
from tests.support.runs import IDEA, client_of, prompts_of
from tests.support.schema_writer import Write
from tests.support.strict_openai import Conduct, StrictOpenAI

STUDIO = load_groups("studio")
GROUPS = {group.name: group for groups in STUDIO.values() for group in groups.values()}
IMAGE, VIDEO = (
    [name for name, group in groups.items() if not group.successor] for groups in STUDIO.values()
)
OLDER = [name for name, group in GROUPS.items() if group.successor]


class Door:
    """One way to write prompts; the workflow is read once for all pairs."""

    def __init__(self, llm: LLM) -> None:
        self._service = RunService(read_settings(), store=SqlStore.in_memory(), llm=llm)
        self._setup = self._service.prepare(RunOptions(), "studio")

    async def run(self, *groups: str) -> dict[str, Any]:
        """Execute a run to its end, with exactly the prompts that it asks for and no problem."""
        options = RunOptions(brief={"idea": IDEA}, groups=groups)
        answers = parse_inputs(self._setup.bundle, options.brief, groups)
        session = self._service.begin(self._setup, answers, options, new_name())
        await session.advance()
        document = session.document()
        assert document["status"] == "succeeded", groups
        written = [model for prompts in document["prompts"].values() for model in prompts]
        assert written == models(groups)
        assert set(document["settings"]) <= set(written)
        assert document["problems"] == [], groups
        return document


def models(names: Sequence[str]) -> list[str]:
    return [model for name, group in GROUPS.items() if name in names for model in group.models]


@pytest.fixture(scope="module")
def drafts() -> dict[str, Any]:
    """What the offline door writes for every group at once."""
    document = asyncio.run(Door(OfflineLLM()).run(*IMAGE, *VIDEO))
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


@pytest.mark.parametrize("image", IMAGE)
async def test_every_pair_is_drafted_offline_without_a_broken_rule(image: str) -> None:
    door = Door(OfflineLLM())
    for video in VIDEO:
        await door.run(image, video)


@pytest.mark.parametrize("image", IMAGE)
async def test_every_pair_is_written_through_a_strict_server_in_two_calls(
    image: str, drafts: dict[str, Any]
) -> None:
    with StrictOpenAI(Conduct(write=as_in(drafts))) as server:
        door = Door(client_of(server))
        for video in VIDEO:
            document = await door.run(image, video)
            assert document["usage"]["calls"] == 2


async def test_every_older_group_is_still_drafted_by_its_name() -> None:
    door = Door(OfflineLLM())
    for name in OLDER:
        image = [] if name in STUDIO["image_generation"] else IMAGE[:1]
        await door.run(name, *image)
