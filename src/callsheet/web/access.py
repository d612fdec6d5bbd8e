"""Stands before every route: who may ask, from where, and what every answer says to the browser.

A page of another site must neither read nor change anything here, even where its name is made to
point at this machine (DNS rebinding) or its form is posted to it.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.responses import RedirectResponse

from callsheet.web.problems import problem_response

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types callsheet",
    )
)

HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
]

OPEN = frozenset({"/api/health"})
"""What needs no token."""

MAX_BODY = 10 * 1024 * 1024

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(?::[0-9]{1,5})?")


@dataclass(frozen=True)
class AccessPolicy:
    """Who is let in: the names this server goes by, and the token, where it is not for loopback only."""

    names: frozenset[str] = frozenset()
    token: str = field(default="", repr=False)
    cookie: str = "callsheet"

    @lru_cache(maxsize=64)  # noqa: B019  # a doorman lives as long as the process
    def knows(self, host: str) -> bool:
        """Whether this is a name of ours. An address cannot be rebound, a foreign name can."""
        if not (found := _HOST.fullmatch(host)):
            return False
        name = found[1].lower()
        if name == "localhost" or name in self.names:
            return True
        try:
            address = ip_address(name.strip("[]"))
        except ValueError:
            return False
        return address.is_loopback or bool(self.token)

    def lets_in(self, given: str) -> bool:
        """Whether this is the token; takes as long for one that is nearly right."""
        return secrets.compare_digest(given.encode(), self.token.encode())


class AccessMiddleware:
    """An ASGI application around the real one."""

    def __init__(self, app: ASGIApp, policy: AccessPolicy) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *HEADERS]
            await send(message)

        answer = _refusal(scope, self._policy)
        await (answer or self._app)(scope, receive, send_safely)


def _refusal(scope: Scope, policy: AccessPolicy) -> Response | None:
    """The answer to a request that goes no further; None for one that may."""
    host = _values(scope, b"host")
    if len(host) != 1 or not policy.knows(host[0]):
        return problem_response(
            403, "host_not_allowed", "this server does not go by that name", ALLOW
        )
    if _is_foreign(scope, host[0]):
        return problem_response(403, "cross_site", "another site asked for this")
    if policy.token and (refused := _unknown(scope, policy)):
        return refused
    length = _values(scope, b"content-length")
    if length and (not length[0].isdigit() or int(length[0][:20]) > MAX_BODY):
        return problem_response(413, "too_large", f"a body may have {MAX_BODY:,} bytes")
    return None


ALLOW = "open it by the address that it printed; `callsheet serve --allow-host NAME` adds a name"


def _is_foreign(scope: Scope, host: str) -> bool:
    """Whether a browser says that another site's page is behind this request."""
    origins = _values(scope, b"origin")
    if any(origin.lower() not in _origins(host) for origin in origins):
        return True
    site = _values(scope, b"sec-fetch-site")
    if all(each in ("same-origin", "none") for each in site):
        return False
    # A link that a person follows to the page itself shows nothing to where it came from.
    followed = (_values(scope, b"sec-fetch-mode"), _values(scope, b"sec-fetch-dest"))
    return (
        scope["method"] != "GET"
        or scope["path"] != "/"
        or bool(origins)
        or followed != (["navigate"], ["document"])
    )


def _origins(host: str) -> tuple[str, str]:
    return f"http://{host.lower()}", f"https://{host.lower()}"


def _unknown(scope: Scope, policy: AccessPolicy) -> Response | None:
    """The answer to one who has no right token; who brings it in the page's address gets a cookie."""
    if scope["path"] in OPEN:
        return None
    if scope["path"] == "/" and (given := parse_qs(scope["query_string"]).get(b"token")):
        if policy.lets_in(given[0].decode("latin-1")):
            redirect = RedirectResponse("/", 303)
            redirect.set_cookie(policy.cookie, policy.token, httponly=True, samesite="strict")
            return redirect
    elif any(policy.lets_in(each) for each in _tokens(scope, policy)):
        return None
    refusal = problem_response(
        401, "token_required", "who are you?", "open the address that `callsheet serve` printed"
    )
    refusal.headers["www-authenticate"] = "Bearer"
    return refusal


def _tokens(scope: Scope, policy: AccessPolicy) -> list[str]:
    """What a request brings as a token: in its Authorization header, or in our cookie."""
    bearers = [
        value[7:] for value in _values(scope, b"authorization") if value[:7].lower() == "bearer "
    ]
    pairs = (pair.strip() for line in _values(scope, b"cookie") for pair in line.split(";"))
    cookies = [p.partition("=")[2] for p in pairs if p.startswith(f"{policy.cookie}=")]
    return [*bearers, *cookies]


def _values(scope: Scope, name: bytes) -> list[str]:
    values = [value for key, value in scope["headers"] if key == name]
    return [value.decode("latin-1") for value in values]
