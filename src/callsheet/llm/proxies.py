"""Finds the proxy through which an address is reached, by the variables that other programs read."""

from __future__ import annotations

import ipaddress
import re
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from callsheet.errors import InputError
from callsheet.llm.error_messages import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
"""In small letters, too, which take precedence."""

_SCHEMES = {each: each for each in ("http", "https", "socks5", "socks5h")} | {"socks": "socks5"}
_SYSTEM = "the system's settings"


@dataclass(frozen=True)
class Proxy:
    """A proxy, and the variable that names it; the URL may hold a password."""

    variable: str
    url: str = field(repr=False)

    def __str__(self) -> str:
        return f"the proxy {visible(self.url)} ({self.variable})"


def find_proxy(address: str, environment: Mapping[str, str]) -> Proxy | None:
    """The proxy for this address, if there is one; raises InputError where its variable is invalid."""
    parts = urlsplit(address)
    own = f"{parts.scheme}_proxy"
    for name in (own, own.upper(), "all_proxy", "ALL_PROXY"):
        if environment.get(name):
            bypassed = _is_bypassed(parts, environment)
            return None if bypassed else read_proxy(name, environment[name])
    # On Windows and macOS the system has settings of its own.
    system = urllib.request.getproxies() if not _any_variable(environment) else {}
    named = system.get(parts.scheme) or system.get("all")
    if not named or urllib.request.proxy_bypass(parts.hostname or ""):
        return None
    return read_proxy(_SYSTEM, named)


def set_proxies(environment: Mapping[str, str]) -> list[Proxy]:
    """Every proxy that is named; raises InputError for an invalid one."""
    names = [each for name in VARIABLES for each in (name.lower(), name) if environment.get(each)]
    return [read_proxy(name, environment[name]) for name in names]


def read_proxy(variable: str, value: str) -> Proxy:
    """The proxy that a variable names; raises InputError, which does not repeat the value."""
    url = value.strip() if "://" in value else f"http://{value.strip()}"
    scheme, _, rest = url.partition("://")
    if scheme.lower() not in _SCHEMES:
        raise InputError(
            f"{variable} names a proxy of the kind {scheme!r:.20}, which is not known",
            hint="use http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT",
        )
    try:
        parts = urlsplit(f"{_SCHEMES[scheme.lower()]}://{rest}")
        valid = bool(parts.hostname) and not re.search(r"\s", url) and (parts.port or 1) > 0
    except ValueError:
        valid = False
    if not valid:
        raise InputError(
            f"{variable} is not the address of a proxy",
            hint="use http://HOST:PORT or socks5://HOST:PORT; in a password write @ as %40",
        )
    return Proxy(variable, parts.geturl())


def _any_variable(environment: Mapping[str, str]) -> bool:
    return any(environment.get(each) for name in VARIABLES for each in (name, name.lower()))


def _is_bypassed(address: SplitResult, environment: Mapping[str, str]) -> bool:
    """Whether NO_PROXY excepts the host: by name, by a domain above it, or by a network."""
    entries = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    host = (address.hostname or "").lower()
    for entry in filter(None, re.split(r"[\s,]+", entries.lower())):
        name = entry.rpartition("://")[2].removeprefix("*").lstrip(".").strip("[]")
        if not name or name in (host, address.netloc.rpartition("@")[2].lower()):
            return True
        if host.endswith(f".{name}") or _is_in_network(host, name):
            return True
    return False


def _is_in_network(host: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
