"""The picture leads the motion: the person's still goes with the motion instructions, and is kept."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from callsheet import run, run_async
from callsheet.errors import AnswerError, InputError
from callsheet.images import read_image
from callsheet.llm.offline import OfflineLLM
from callsheet.llm.paste import PasteLLM
from callsheet.llm.port import Reply, Request, Usage
from callsheet.llm.provider_llm import ProviderLLM
from callsheet.runs.options import RunOptions
from callsheet.runs.service import RunService
from tests.support.cli import Terminal
from tests.support.image_parts import pictures
from tests.support.images import jpeg, png, webp
from tests.support.loopback import Loopback, Status
from tests.support.providers import SHAPES, client, serving
from tests.support.run_backends import RunBackend
from tests.support.runs import IDEA, InMemoryRuns, no_wait
from tests.support.strict_openai import StrictOpenAI

STILL = png()


class Watching:
    """Writes the drafts, and remembers what it was asked."""

    def __init__(self, spec: str = "openai:gpt-4o") -> None:
        self.spec = spec
        self.requests: list[Request] = []

    async def compose(self, request: Request, *_: object) -> Reply:
        self.requests.append(request)
        text = (await OfflineLLM().compose(request)).text
        return Reply(text, "stop", Usage(1_000, 0, 200, 0.001), self.spec)


async def _run(service: RunService, *groups: str, still: bytes = STILL, **more: Any) -> Any:
    options = RunOptions(brief={"idea": IDEA}, groups=groups, image=read_image(still), **more)
    session = await service.start(options)
    await session.advance()
    return session


def _llm(provider: str, server: Loopback) -> ProviderLLM:
    if provider == "ollama":
        return ProviderLLM("ollama", "llava", base_url=server.url, sleep=no_wait)
    return client(server, provider)


@pytest.mark.parametrize(
    ("still", "media_type"),
    [(STILL, "image/png"), (jpeg(), "image/jpeg"), (webp(), "image/webp")],
    ids=["png", "jpeg", "webp"],
)
@pytest.mark.parametrize("provider", [*SHAPES, "ollama"])
async def test_the_picture_is_sent_in_the_form_that_the_provider_documents(
    provider: str, still: bytes, media_type: str
) -> None:
    server = StrictOpenAI() if provider == "ollama" else serving(provider)
    with server:
        service = InMemoryRuns.with_llm(_llm(provider, server)).service
        session = await _run(service, "leonardo", "motion_2_0", still=still)
        assert session.view.status == "succeeded", session.view.error
        bodies = [seen.json for seen in server.requests]
    shown = [body for body in bodies if pictures(provider, body)]
    assert pictures(provider, bodies[0]) == []
    [motion] = shown
    assert pictures(provider, motion) == [(media_type, still)]
    sent = json.dumps(motion, ensure_ascii=False)
    content = base64.b64encode(still).decode()
    begins = sent.translate(str.maketrans("-_", "+/")).index(content)
    assert begins < sent.index("832 by 1216 pixels")
    assert sent.index("832 by 1216 pixels") < sent.index(f"Idea:\\n{IDEA}")


async def test_offline_notes_once_that_it_ignores_the_image(terminal: Terminal) -> None:
    (terminal.folder / "still.png").write_bytes(STILL)
    words = ("run", "--idea", IDEA, "--groups", "leonardo,motion_2_0", "--image", "still.png")
    result = terminal(*words)
    assert result.status == 0, result.err
    assert result.err.count("note: `offline` cannot see the picture") == 1
    assert "cannot see" not in terminal(*words[:-2]).err


async def test_an_llm_without_image_input_gets_only_the_text(place: RunBackend) -> None:
    llm = Watching("openai:gpt-3.5-turbo")
    session = await _run(place.service(llm), "motion_2_0")
    assert session.view.status == "succeeded"
    [request] = llm.requests
    assert request.picture is None
    assert "832 by 1216 pixels" in request.user


async def test_paste_instructs_the_user_to_attach_the_image(place: RunBackend) -> None:
    session = await _run(place.service(PasteLLM()), "motion_2_0")
    question = session.view.question
    assert question.text.startswith("Attach your picture to a chat")
    assert base64.b64encode(STILL).decode()[:40] not in json.dumps(question.to_json())


async def test_a_repair_does_not_send_the_image_again(place: RunBackend) -> None:
    class Careless(Watching):
        async def compose(self, request: Request, *_: object) -> Reply:
            reply = await super().compose(request)
            broken = reply.text.replace("--motion low", "--motion fast", 1)
            first = len(self.requests) == 1
            return Reply(broken, "stop", reply.usage, reply.llm) if first else reply

    llm = Careless()
    session = await _run(place.service(llm), "midjourney_animate")
    assert session.view.status == "succeeded"
    assert [request.picture is not None for request in llm.requests] == [True, False]


async def test_a_run_continues_after_the_file_is_deleted(
    tmp_path: Path, terminal: Terminal
) -> None:
    still = terminal.folder / "still.png"
    still.write_bytes(STILL)
    with StrictOpenAI() as server:
        server.fail(Status(401))
        terminal.env |= {"CALLSHEET_BASE_URL": server.url}
        words = ("--groups", "motion_2_0", "--llm", "openai:gpt-4o", "--image", "still.png")
        failed = terminal("run", "--json", "--idea", IDEA, *words)
        assert failed.status == 5, failed.err
        still.unlink()
        done = terminal("resume", failed.json["run"], "--json")
        assert done.status == 0, done.err
        assert pictures("openai", server.requests[-1].json) == [("image/png", STILL)]
        assert base64.b64encode(STILL).decode()[:60] not in done.out + failed.out


async def test_content_is_stored_once_and_deleted_with_its_last_run(place: RunBackend) -> None:
    picture = read_image(STILL)
    names = []
    for _ in range(2):
        service = place.service(Watching())
        options = RunOptions(brief={"idea": IDEA}, groups=["motion_2_0"], image=picture)
        session = await service.start(options)
        await session.advance()
        await session.close()
        names.append(session.view.run)
    assert base64.b64decode(await place.store.file(picture.hash)) == STILL
    facts = [fact for name in names for fact in await place.store.events(name)]
    assert all(picture.base64[:60] not in fact.event.model_dump_json() for fact in facts)
    await place.store.delete(names[0])
    assert await place.store.file(picture.hash) == picture.base64
    await place.store.delete(names[1])
    with pytest.raises(Exception, match="missing"):
        await place.store.file(picture.hash)


async def test_another_image_rewrites_the_motion_prompts_and_the_same_image_does_not(
    place: RunBackend,
) -> None:
    llm = Watching()
    service = place.service(llm)
    picture = read_image(STILL)
    options = RunOptions(brief={"idea": IDEA}, groups=["leonardo", "motion_2_0"], image=picture)
    session = await service.start(options)
    await session.advance()
    await session.close()
    for still, calls in ((STILL, 2), (png(1216, 832), 3)):
        again = await service.retry("last", RunOptions(image=read_image(still)))
        await again.advance()
        await again.close()
        assert again.view.status == "succeeded", (again.view.question, again.view.error)
        assert len(llm.requests) == calls
    assert "1216 by 832 pixels" in llm.requests[-1].user


async def test_the_image_question_accepts_only_base64(place: RunBackend) -> None:
    service = place.service(Watching())
    session = await service.start(RunOptions(brief={"idea": IDEA}))
    await session.advance()
    answers: Sequence[Any] = ("leonardo", "accept", "motion_2_0")
    for answer in answers:
        await session.answer(answer)
        await session.advance()
    question = session.view.question
    assert question is not None
    assert (question.key, question.kind) == ("still", "picture")
    for wrong in ("still.png", base64.b64encode(b"GIF89a" + bytes(40)).decode(), {"hash": 1}):
        with pytest.raises(AnswerError):
            await session.answer(wrong)
    await session.answer(base64.b64encode(STILL).decode())
    view = await session.advance()
    assert view.state["still"]["width"] == 832  # type: ignore[index,call-overload]


def test_a_terminal_accepts_a_path_and_asks_again_if_the_file_is_not_an_image(
    terminal: Terminal,
) -> None:
    (terminal.folder / "my still.png").write_bytes(STILL)
    (terminal.folder / "notes.png").write_text("not a picture")
    answers = "3\naccept\n1\nnowhere.png\nnotes.png\n'my still.png'\naccept\n"
    result = terminal("run", "--json", "--idea", IDEA, stdin=answers)
    assert result.status == 0, result.err
    assert "'nowhere.png' cannot be read: No such file or directory" in result.err
    assert "'notes.png': this is not a PNG, JPEG or WebP image" in result.err
    assert "`offline` cannot see the picture" in result.err


@pytest.mark.parametrize("name", ["nowhere.png", "notes.png", "large.png"])
def test_a_bad_file_is_exit_2_in_two_lines(terminal: Terminal, name: str) -> None:
    (terminal.folder / "notes.png").write_text("not a picture")
    (terminal.folder / "large.png").write_bytes(STILL + bytes(5_000_000))
    result = terminal("run", "--idea", IDEA, "--groups", "motion_2_0", "--image", name)
    assert result.status == 2
    what, hint = result.err.splitlines()
    assert what.startswith(f"error: '{name}'")
    assert hint.strip() == "PNG, JPEG or WebP, up to 5 MB and 8,000 pixels a side"
    assert result.out == ""


def test_an_image_without_a_motion_step_is_rejected_before_anything_is_stored(
    terminal: Terminal,
) -> None:
    (terminal.folder / "still.png").write_bytes(STILL)
    result = terminal("run", "--idea", IDEA, "--groups", "sora", "--image", "still.png")
    assert result.status == 2
    assert "no group was chosen for that" in result.err
    assert terminal("runs", "--json").json == []


def test_programs_give_an_image_as_a_path_or_bytes(tmp_path: Path) -> None:
    path = tmp_path / "still"
    path.write_bytes(STILL)
    for image in (path, str(path), STILL):
        llm = Watching()
        assert run(IDEA, ["motion_2_0"], llm=llm, image=image).status == "succeeded"
        assert llm.requests[0].picture == read_image(STILL)
    with pytest.raises(InputError, match="not a PNG, JPEG or WebP image"):
        run(IDEA, ["motion_2_0"], image=b"not a picture")


async def test_a_budget_includes_the_image_and_stops_if_its_tokens_are_unknown(
    place: RunBackend,
) -> None:
    unknown = await _run(place.service(Watching("openai:gpt-5.2")), "motion_2_0", max_cost=5.0)
    assert unknown.view.error.code == "price_unknown"
    assert "what the picture takes" in unknown.view.error.message
    llm = Watching("openai:gpt-4o")
    assert (await _run(place.service(llm), "motion_2_0", max_cost=5.0)).view.status == "succeeded"
    assert len(llm.requests) == 1


async def test_a_run_in_a_program_keeps_the_still_with_the_run() -> None:
    done = await run_async(IDEA, ["motion_2_0"], image=STILL)
    assert done.status == "succeeded"
    assert base64.b64encode(STILL).decode()[:60] not in json.dumps(dict(done.document))
