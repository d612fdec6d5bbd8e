"""A server that cannot prove who it is gets nothing: no key, no word of the brief, no second try."""

from __future__ import annotations

import json
import ssl
import urllib.request
from collections.abc import Callable, Iterator

import pytest

from callsheet import errors
from tests.support.cli import Terminal
from tests.support.providers import CANARY, REQUEST, SHAPES, assert_nothing_leaks, client
from tests.support.runs import IDEA
from tests.support.tls_server import TlsServer, secured


@pytest.fixture
def untrusted() -> Iterator[TlsServer]:
    with secured() as running:
        yield running


def test_the_server_answers_whoever_trusts_it(untrusted: TlsServer) -> None:
    trusting = ssl.create_default_context()
    untrusted.authority.configure_trust(trusting)
    call = urllib.request.Request(  # noqa: S310  # a loopback address of our own
        f"{untrusted.url}/chat/completions",
        data=json.dumps({"model": "any", "messages": [{"role": "user", "content": "hi"}]}).encode(),
        headers={"content-type": "application/json"},
    )

    with urllib.request.urlopen(call, context=trusting, timeout=30) as answer:  # noqa: S310
        assert answer.status == 200
    assert len(untrusted.server.requests) == 1


@pytest.mark.parametrize("provider", SHAPES)
async def test_a_certificate_that_nobody_trusts_ends_the_call_at_once(
    provider: str, untrusted: TlsServer, record_property: Callable[[str, object], None]
) -> None:
    llm = client(untrusted.server, provider)
    llm.base_url = untrusted.url

    with pytest.raises(errors.CallsheetError) as raised:
        await llm.compose(REQUEST)

    seen = f"{raised.value.code}, {untrusted.handshakes} handshakes"
    record_property(
        "matrix", (f"{provider}: TLS, unknown issuer", "provider_tls, 2 handshakes", seen)
    )
    assert seen == "provider_tls, 2 handshakes"
    assert untrusted.server.requests == []
    assert "could not be verified" in raised.value.message
    assert_nothing_leaks(raised.value)


def test_the_command_ends_with_5_and_sends_no_key(terminal: Terminal, untrusted: TlsServer) -> None:
    terminal.env |= {"CALLSHEET_API_KEY": CANARY, "OPENAI_API_KEY": CANARY}
    words = ["run", "--json", "--idea", IDEA, "--groups", "leonardo", "--llm", "openai:any"]

    result = terminal(*words, "--base-url", untrusted.url)

    assert result.status == 5
    assert result.json["error"]["code"] == "provider_tls"
    assert untrusted.server.requests == []
    # One asks the server what it is, one is the call.
    assert untrusted.handshakes == 2
    assert CANARY not in result.out + result.err
