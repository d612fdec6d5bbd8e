"""A key is sent to whom it is meant for, and stands nowhere else: not in what is printed or kept."""

from __future__ import annotations

import base64
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from callsheet import run
from callsheet.errors import ProviderError
from tests.support.cli import Terminal
from tests.support.loopback import Drop, Fault, Raw, Status, Text
from tests.support.strict_openai import StrictOpenAI

KEYS = {
    "CALLSHEET_API_KEY": "sk-canary-own-5f0a91c2e7",
    "OPENAI_API_KEY": "sk-canary-openai-81b3d4f6aa",
    "ANTHROPIC_API_KEY": "sk-canary-anthropic-0c2e4d6f88",
    "GEMINI_API_KEY": "canary-gemini-7d9b1f3e55",
}
IDEA = "a canary-idea-3b5d sits on a wire"
RUN = ("run", "--idea", IDEA, "--groups", "sora", "--llm", "openai:any", "--debug")


def _forms(secret: str) -> Iterator[bytes]:
    """A secret as it may be written down, and the end of it."""
    yield secret.encode()
    yield secret[-8:].encode()
    yield base64.b64encode(secret.encode()).rstrip(b"=")
    yield urllib.parse.quote(secret, safe="").encode()


@pytest.mark.parametrize(
    "faults",
    [
        [],
        [Status(401, {"error": {"message": f"wrong key {KEYS['CALLSHEET_API_KEY']}"}})],
        [Status(500)] * 4,
        [Drop()] * 4,
        [Text("not JSON")] * 3,
        [Raw(b"<html>no</html>", content_type="text/html")] * 4,
    ],
    ids=["success", "key refused and echoed", "500", "dropped", "not JSON", "HTML"],
)
def test_no_key_stands_in_anything_that_a_run_leaves_behind(
    terminal: Terminal, tmp_path: Path, faults: list[Fault]
) -> None:
    with StrictOpenAI(faults=faults) as server:
        terminal.env |= {
            **KEYS,
            "CALLSHEET_BASE_URL": server.url,
            "CALLSHEET_HOME": str(tmp_path / "kept"),
        }
        result = terminal(*RUN, "--output", str(tmp_path / "out"))
        shown = terminal("show", "last", "--json")
        assert server.requests

    left = [result.out, result.err, shown.out, shown.err]
    kept = [text.encode() for text in left]
    kept += [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for name, key in KEYS.items():
        for form in _forms(key):
            assert not [text for text in kept if form in text], name
    # What a person wrote is kept with the run and shown as a result, never told as an error.
    assert "canary-idea" not in result.err


def test_no_providers_key_is_sent_to_a_server_of_ones_own(terminal: Terminal) -> None:
    with StrictOpenAI() as server:
        terminal.env |= {**KEYS, "CALLSHEET_BASE_URL": server.url}
        terminal.env.pop("CALLSHEET_API_KEY")
        assert terminal(*RUN).status == 0
        sent = str([dict(seen.headers) for seen in server.requests])
    assert "canary" not in sent


def test_a_short_key_is_sent_and_is_not_searched_for_in_texts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CALLSHEET_API_KEY", "token")
    message = "max_completion_tokens is not supported: a token limit applies"
    with StrictOpenAI(faults=[Status(400, {"error": {"message": message}})] * 4) as server:
        with pytest.raises(ProviderError) as caught:
            run("a heron at dawn", ["sora"], llm="openai:any", base_url=server.url)
        assert server.requests[0].headers["authorization"] == "Bearer token"
    assert message in caught.value.message
