"""Checks host, origin and token of every request, and adds the security headers to every response.

A page of another site can neither read nor change anything here, neither by DNS rebinding nor by a
cross-site form.
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

PUBLIC_PATHS = frozenset({"/api/health"})
"""Paths that need no token."""

MAX_BODY = 14 * 1024 * 1024
"""An image of 10 MB in base64, and what stands around it."""

CALLER = "caller"
"""Where a request's state has the user of this machine who sent it; None where unknown."""

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(?::[0-9]{1,5})?")


@dataclass(frozen=True)
class AccessPolicy:
    """The host names that the server accepts, and whom it serves.

    With a token: everyone who has it. Else, with a user: this user of the machine. Else: everyone.
    """

    names: frozenset[str] = frozenset()
    token: str = field(default="", repr=False)
    cookie: str = "callsheet"
    user: int | None = None

    @lru_cache(maxsize=64)  # noqa: B019  # a policy lives as long as the process
    def accepts_host(self, host: str) -> bool:
        """Whether requests for this host are accepted. A name can be rebound, an address cannot."""
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

    def accepts_token(self, given: str) -> bool:
        """Whether this is the token, compared in constant time."""
        return secrets.compare_digest(given.encode(), self.token.encode())


class AccessMiddleware:
    """ASGI middleware that applies an access policy."""

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

        refusal = _refusal(scope, self._policy)
        await (refusal or self._app)(scope, receive, send_safely)


def _refusal(scope: Scope, policy: AccessPolicy) -> Response | None:
    """Return the response to a refused request, None for an accepted one."""
    host = _headers(scope, b"host")
    if len(host) != 1 or not policy.accepts_host(host[0]):
        return problem_response(
            403, "host_not_allowed", "this server does not accept that host name", ALLOW_HINT
        )
    if _is_cross_site(scope, host[0]):
        return problem_response(403, "cross_site", "the request comes from another site")
    if scope["path"] not in PUBLIC_PATHS and (refused := _stranger_refusal(scope, policy)):
        return refused
    length = _headers(scope, b"content-length")
    if length and (not length[0].isdigit() or int(length[0][:20]) > MAX_BODY):
        return problem_response(413, "too_large", f"a body may have {MAX_BODY:,} bytes")
    return None


ALLOW_HINT = (
    "open the address that it printed; `callsheet serve --token --allow-host NAME` adds a name"
)


def _is_cross_site(scope: Scope, host: str) -> bool:
    """Whether a browser says that a page of another site made this request."""
    origins = _headers(scope, b"origin")
    if any(origin.lower() not in _origins(host) for origin in origins):
        return True
    site = _headers(scope, b"sec-fetch-site")
    if all(each in ("same-origin", "none") for each in site):
        return False
    # Following a link to the page itself shows nothing to the other site.
    navigation = (_headers(scope, b"sec-fetch-mode"), _headers(scope, b"sec-fetch-dest"))
    return (
        scope["method"] != "GET"
        or scope["path"] != "/"
        or bool(origins)
        or navigation != (["navigate"], ["document"])
    )


def _origins(host: str) -> tuple[str, str]:
    return f"http://{host.lower()}", f"https://{host.lower()}"


def _stranger_refusal(scope: Scope, policy: AccessPolicy) -> Response | None:
    """Refuse a request of someone else; the token in the page's address sets a cookie."""
    if not policy.token:
        if policy.user is None or scope["state"].get(CALLER) == policy.user:
            return None
        return _token_required(
            "this server serves only the user who started it",
            "`callsheet serve --token` serves everyone who has its token",
        )
    if scope["path"] == "/" and (given := parse_qs(scope["query_string"]).get(b"token")):
        if policy.accepts_token(given[0].decode("latin-1")):
            redirect = RedirectResponse("/", 303)
            redirect.set_cookie(policy.cookie, policy.token, httponly=True, samesite="strict")
            return redirect
    elif any(policy.accepts_token(each) for each in _tokens(scope, policy)):
        return None
    return _token_required(
        "a token is required",
        "open the address that `callsheet serve` printed, or send `Authorization: Bearer TOKEN`",
    )


def _token_required(detail: str, hint: str) -> Response:
    refusal = problem_response(401, "token_required", detail, hint)
    refusal.headers["www-authenticate"] = "Bearer"
    return refusal


def _tokens(scope: Scope, policy: AccessPolicy) -> list[str]:
    """Return the tokens in the Authorization header and in the cookie."""
    bearers = [
        value[7:] for value in _headers(scope, b"authorization") if value[:7].lower() == "bearer "
    ]
    pairs = (pair.strip() for line in _headers(scope, b"cookie") for pair in line.split(";"))
    cookies = [p.partition("=")[2] for p in pairs if p.startswith(f"{policy.cookie}=")]
    return [*bearers, *cookies]


def _headers(scope: Scope, name: bytes) -> list[str]:
    values = [value for key, value in scope["headers"] if key == name]
    return [value.decode("latin-1") for value in values]
