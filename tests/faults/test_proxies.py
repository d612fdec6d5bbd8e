"""Proxies: the variables are checked once, SOCKS works, and one that is dead is named."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from callsheet import batch_async, run
from callsheet.doctor import examine
from callsheet.errors import InputError, ProxyError
from callsheet.llm.proxies import find_proxy
from callsheet.settings import read_settings
from tests.support.batches import ideas
from tests.support.proxy_server import refusing_proxy, socks_proxy
from tests.support.strict_openai import StrictOpenAI

OPENAI = "https://api.openai.com/v1"
OWN = "http://llm.example:8000/v1"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def dead() -> int:
    """A port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


FOUND = {
    "for https": (OPENAI, {"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
    "not for http": (OWN, {"HTTPS_PROXY": "http://p:1"}, None),
    "for all": (OWN, {"ALL_PROXY": "p:1"}, "http://p:1"),
    "the nearer one": (OPENAI, {"ALL_PROXY": "http://a:1", "https_proxy": "http://p:1"}, "http://p:1"),
    "small letters first": (OWN, {"HTTP_PROXY": "http://a:1", "http_proxy": "http://p:1"}, "http://p:1"),
    "SOCKS": (OPENAI, {"ALL_PROXY": "socks5h://p:1"}, "socks5h://p:1"),
    "SOCKS as GNOME names it": (OPENAI, {"ALL_PROXY": "socks://p:1/"}, "socks5://p:1/"),
    "a host excepted": (OWN, {"ALL_PROXY": "http://p:1", "NO_PROXY": "x, llm.example"}, None),
    "a domain excepted": (OWN, {"ALL_PROXY": "http://p:1", "no_proxy": ".example"}, None),
    "all excepted": (OWN, {"ALL_PROXY": "http://p:1", "NO_PROXY": "*"}, None),
    "a network excepted": ("http://10.1.2.3/v1", {"ALL_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8"}, None),
    "another name": (OWN, {"ALL_PROXY": "http://p:1", "NO_PROXY": "m.example"}, "http://p:1"),
    "an invalid one for others": (OWN, {"HTTPS_PROXY": "socks4://p"}, None),
}  # fmt: skip


@pytest.mark.parametrize(("address", "env", "expected"), FOUND.values(), ids=FOUND)
def test_the_proxy_of_an_address_is_found_as_other_programs_find_it(
    address: str, env: dict[str, str], expected: str | None
) -> None:
    found = find_proxy(address, env)
    assert (found and found.url) == expected


@pytest.mark.parametrize(
    "value", ["socks4://me:hidden@p:1", "ftp://hidden", "http://", "http://p:hidden", "http://p q"]
)
def test_an_invalid_variable_is_named_before_anything_is_sent_and_its_value_is_not_repeated(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", value)
    with pytest.raises(InputError, match=r"^ALL_PROXY ") as caught:
        run("a heron", ["leonardo"], llm="openai:any", base_url="http://127.0.0.1:1/v1")
    assert caught.value.exit_code == 2
    assert "hidden" not in f"{caught.value.message}{caught.value.hint}"
    [found] = [each for each in _examined() if each.what == "proxies"]
    assert (found.exit_code, "hidden" in found.found) == (2, False)


def _examined() -> Any:
    return asyncio.run(examine(read_settings()))[0]


@pytest.mark.parametrize("scheme", ["socks5", "socks"])
def test_a_socks_proxy_works(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with StrictOpenAI() as server, socks_proxy() as (port, connected):
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://127.0.0.1:{port}")
        assert run("a heron at dawn", ["leonardo"], llm="openai:any", base_url=server.url).prompts
        assert connected
        assert set(connected) == {server.url.split("/")[2]}


def test_a_dead_proxy_is_named_without_its_password_by_a_run_and_by_doctor(
    monkeypatch: pytest.MonkeyPatch, dead: int
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://me:hidden@127.0.0.1:{dead}")
    with StrictOpenAI() as server, pytest.raises(ProxyError) as caught:
        run("a heron at dawn", ["leonardo"], llm="openai:any", base_url=server.url)
    proxy = f"the proxy http://127.0.0.1:{dead} (HTTP_PROXY)"
    assert f"{proxy} does not answer, so http://127.0.0.1" in caught.value.message
    assert (caught.value.code, caught.value.exit_code) == ("provider_proxy", 5)
    [found] = [each for each in _examined() if each.what == "proxies"]
    assert found.found == proxy


def test_a_proxy_that_refuses_to_connect_is_named_with_its_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with refusing_proxy() as port:
        monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{port}")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-any-0123456789")
        with pytest.raises(ProxyError, match=r"\(HTTPS_PROXY\) refused to connect, so OpenAI"):
            run("a heron at dawn", ["leonardo"], llm="openai:any")


async def test_a_batch_pauses_on_a_dead_proxy_and_goes_on_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dead: int
) -> None:
    found: list[str] = []

    async def write(url: str) -> None:
        options: Any = {"llm": "openai:any", "base_url": url, "concurrency": 1}
        async for row in batch_async([each["idea"] for each in ideas(3)], ["leonardo"], **options):
            found.append(row.status)  # noqa: PERF401  # those before an error count, too

    with StrictOpenAI() as server:
        monkeypatch.setenv("ALL_PROXY", f"socks5://127.0.0.1:{dead}")
        with pytest.raises(ProxyError, match=r"socks5://127\.0\.0\.1:\d+ \(ALL_PROXY\)"):
            await write(server.url)
        assert (found, server.requests) == (["left"] * 3, [])
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        await write(server.url)
    assert found[3:] == ["succeeded"] * 3
