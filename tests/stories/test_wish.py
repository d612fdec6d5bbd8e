"""A rewriting with a wish changes the prompt as it stands, edits included, or says that nothing changed."""

from __future__ import annotations

import pytest

from callsheet.errors import InputError
from callsheet.runs.edit import replace_prompt
from callsheet.runs.options import RunOptions
from tests.support.loopback import Text
from tests.support.runs import IDEA, InMemoryRuns, client_of, prompts_of
from tests.support.strict_openai import StrictOpenAI

MINE = f"{IDEA}, oil on canvas, heavy rain, cold blue light from the left"
CHANGED = f"{IDEA}, oil on canvas, a little rain, cold blue light from the left"


@pytest.fixture
def runs(server: StrictOpenAI) -> InMemoryRuns:
    return InMemoryRuns.with_llm(client_of(server))


async def test_a_wish_changes_an_edited_prompt_and_no_other(
    runs: InMemoryRuns, server: StrictOpenAI
) -> None:
    run = (await runs.session(["sora"])).view.run
    await replace_prompt(runs.service, run, "SORA_1_A", MINE)
    before = prompts_of(await runs.service.show(run))
    server.fail(Text(f'{{"prompts": {{"SORA_1_A": "{CHANGED}"}}}}'))
    wanted = RunOptions(rewrite=["SORA_1_A"], wish="less rain")
    session = await runs.service.retry(run, wanted)
    await session.advance()
    sent = str(server.requests[-1].json["messages"][-1]["content"])
    assert "less rain" in sent
    assert MINE in sent
    after = await runs.service.show(run)
    assert prompts_of(after) == {**before, "SORA_1_A": CHANGED}
    assert after.unchanged is None

    await (await runs.service.retry(run, RunOptions(rewrite=["SORA_2_A"]))).advance()
    assert "less rain" not in str(server.requests[-1]), "a wish holds for one rewriting"


async def test_a_rewriting_that_changes_nothing_says_so(runs: InMemoryRuns) -> None:
    run = (await runs.session(["sora"])).view.run
    await (await runs.service.retry(run, RunOptions(rewrite=["SORA_1_A"]))).advance()
    assert (await runs.service.show(run)).unchanged == ["SORA_1_A"]


async def test_a_wish_without_prompts_to_rewrite_is_refused(runs: InMemoryRuns) -> None:
    run = (await runs.session(["sora"])).view.run
    with pytest.raises(InputError, match="a wish needs the prompts"):
        await runs.service.retry(run, RunOptions(wish="less rain"))


async def test_motion_stays_marked_until_it_is_written_for_the_edited_picture(
    runs: InMemoryRuns, server: StrictOpenAI
) -> None:
    run = (await runs.session(["sora", "motion_2_0"])).view.run
    await replace_prompt(runs.service, run, "SORA_2_A", MINE)
    server.fail(*[Text("no JSON at all")] * 3)
    session = await runs.service.retry(run, RunOptions(groups=["motion_2_0"]))
    await session.advance()
    failed = await runs.service.show(run)
    assert (failed.status, failed.from_earlier_still) == ("failed", ["motion_2_0"])
    await (await runs.service.resume(run, RunOptions(accept_defaults=True))).advance()
    assert (await runs.service.show(run)).from_earlier_still is None
