"""Reads settings and keys from the environment; no other file reads it."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from callsheet.call_options import EFFORTS, HIGHEST_TEMPERATURE, NO_OPTIONS, TIERS, CallOptions
from callsheet.errors import InputError
from callsheet.fidelity import MODES, STRICT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from callsheet.fidelity import IdeaCheckMode

Choice = TypeVar("Choice", bound=str)

VARIABLES: Mapping[str, str] = {
    "CALLSHEET_LLM": "The LLM to use without `--llm`; by default `offline`.",
    "CALLSHEET_BASE_URL": "Address of an OpenAI-compatible server of your own.",
    "CALLSHEET_API_KEY": "The only key that is sent to `CALLSHEET_BASE_URL`, if it is set.",
    "CALLSHEET_MAX_COST": "The most a run may cost, in US dollars.",
    "CALLSHEET_TIMEOUT": "Seconds that a call of an LLM may take in all; 0 is no limit. See [time limits](llms.md#time-limits).",
    "CALLSHEET_IDLE_TIMEOUT": "Seconds that a call of an LLM may go without receiving anything; 0 is no limit.",
    "CALLSHEET_MAX_OUTPUT_TOKENS": "The most tokens that a reply may have; by default as many as the schema needs. See [output limit](llms.md#output-limit).",
    "CALLSHEET_TIER": "The service tier of calls: `flex`, `standard` or `flex,standard`; see [costs](costs.md#flex-tier).",
    "CALLSHEET_EFFORT": "How much an LLM thinks: `none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`.",
    "CALLSHEET_TEMPERATURE": "How freely an LLM writes: 0 to 2.",
    "CALLSHEET_IDEA_CHECK": "How prompts are judged by the idea: `strict` (the default), `warn` or `off`; see [the idea check](idea-check.md).",
    "CALLSHEET_HOME": "The folder where runs are stored.",
    "CALLSHEET_TOKEN": "The token that `callsheet serve` demands from everyone; see [who may use the server](security.md).",
    "CALLSHEET_DATABASE_URL": "A PostgreSQL database to store runs in instead, as `postgresql://user:password@host/name`; see [scaling](scaling.md).",
    "CALLSHEET_LEASE_SECONDS": "Seconds after which a process without heartbeat counts as dead (default 30); must be the same for all processes of a database.",
}
"""All settings with their descriptions; the table in the documentation is generated from it."""

SHORTEST_TOKEN = 16

LEASE_SECONDS = 30.0
MOST_OUTPUT_TOKENS = 1_000_000
LONGEST_TIMEOUT = 1_000_000.0
SHORTEST_LEASE, LONGEST_LEASE = 1.0, 3600.0


@dataclass(frozen=True)
class Settings:
    """The settings of the environment.

    `environment` holds every variable that is set. The providers' table says which of them are
    keys; none of them ever appears in a message, a log or a repr.
    """

    llm: str | None
    base_url: str | None
    max_cost: float | None
    home: Path
    environment: Mapping[str, str] = field(repr=False)
    database_url: str | None = field(default=None, repr=False)
    lease_seconds: float = LEASE_SECONDS
    idea_check: IdeaCheckMode = STRICT
    token: str = field(default="", repr=False)
    timeout: float | None = None
    idle_timeout: float | None = None
    max_output_tokens: int | None = None
    call_options: CallOptions = NO_OPTIONS


def wants_colour() -> bool:
    """Whether terminal output may be coloured: not if NO_COLOR is set (no-color.org)."""
    return not os.environ.get("NO_COLOR")


def without_pydantic_plugins() -> None:
    """Keeps pydantic from loading plugins, for which it reads the metadata of every installed package."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings; raises InputError for an invalid value."""
    env = os.environ if environment is None else environment
    return Settings(
        llm=env.get("CALLSHEET_LLM") or None,
        base_url=env.get("CALLSHEET_BASE_URL") or None,
        max_cost=_amount(env.get("CALLSHEET_MAX_COST")),
        home=_home(env),
        environment={name: value for name, value in env.items() if value},
        database_url=_database(env.get("CALLSHEET_DATABASE_URL")),
        lease_seconds=_lease(env.get("CALLSHEET_LEASE_SECONDS")),
        idea_check=_idea_check(env.get("CALLSHEET_IDEA_CHECK")),
        timeout=_seconds(env, "CALLSHEET_TIMEOUT"),
        idle_timeout=_seconds(env, "CALLSHEET_IDLE_TIMEOUT"),
        max_output_tokens=_tokens(env.get("CALLSHEET_MAX_OUTPUT_TOKENS")),
        token=_token(env.get("CALLSHEET_TOKEN")),
        call_options=_call_options(env),
    )


def _amount(text: str | None) -> float | None:
    if not text:
        return None
    try:
        amount = float(text)
    except ValueError:
        amount = -1.0
    if not 0 <= amount < float("inf"):
        raise InputError(
            f"CALLSHEET_MAX_COST cannot be {text!r:.40}",
            hint="use an amount in US dollars, such as 0.50",
        )
    return amount


def _database(url: str | None) -> str | None:
    """The URL of a PostgreSQL database; messages never repeat it, as it may contain a password."""
    if not url:
        return None
    scheme, _, rest = url.partition("://")
    parts = urlsplit(url)
    try:
        fits = scheme in ("postgresql", "postgres") and bool(rest) and (parts.port or 1) > 0
    except ValueError:
        fits = False
    if not fits or parts.fragment or parts.netloc.count("@") > 1 or "@" in parts.path:
        raise InputError(
            "CALLSHEET_DATABASE_URL is not the address of a PostgreSQL database",
            hint="use postgresql://user:password@host:5432/name; in a password write @ as %40,"
            " # as %23, / as %2F, % as %25",
        )
    return url


def _lease(text: str | None) -> float:
    if not text:
        return LEASE_SECONDS
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not SHORTEST_LEASE <= seconds <= LONGEST_LEASE:
        raise InputError(
            f"CALLSHEET_LEASE_SECONDS cannot be {text!r:.40}", hint="use 1 to 3600 seconds"
        )
    return seconds


def _seconds(env: Mapping[str, str], name: str) -> float | None:
    if not (text := env.get(name)):
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_TIMEOUT:
        raise InputError(
            f"{name} cannot be {text!r:.40}", hint="use seconds, such as 600; 0 is no limit"
        )
    return seconds


def _tokens(text: str | None) -> int | None:
    if not text:
        return None
    number = int(text) if re.fullmatch(r"[0-9]{1,9}", text.strip()) else 0
    if not 1 <= number <= MOST_OUTPUT_TOKENS:
        raise InputError(
            f"CALLSHEET_MAX_OUTPUT_TOKENS cannot be {text!r:.40}",
            hint="use a whole number of tokens, such as 4000",
        )
    return number


def _call_options(env: Mapping[str, str]) -> CallOptions:
    return CallOptions(
        tier=_one_of(TIERS, env, "CALLSHEET_TIER"),
        effort=_one_of(EFFORTS, env, "CALLSHEET_EFFORT"),
        temperature=_temperature(env.get("CALLSHEET_TEMPERATURE")),
    )


def _one_of(values: tuple[Choice, ...], env: Mapping[str, str], name: str) -> Choice | None:
    if not (text := env.get(name)):
        return None
    for value in values:
        if value == text:
            return value
    raise InputError(f"{name} cannot be {text!r:.40}", hint=f"use one of: {'; '.join(values)}")


def _temperature(text: str | None) -> float | None:
    if not text:
        return None
    try:
        temperature = float(text)
    except ValueError:
        temperature = -1.0
    if not 0 <= temperature <= HIGHEST_TEMPERATURE:
        raise InputError(
            f"CALLSHEET_TEMPERATURE cannot be {text!r:.40}", hint="use a number from 0 to 2"
        )
    return temperature


def _idea_check(text: str | None) -> IdeaCheckMode:
    if not text:
        return STRICT
    for mode in MODES:
        if mode == text:
            return mode
    raise InputError(f"CALLSHEET_IDEA_CHECK cannot be {text!r:.40}", hint=f"use {', '.join(MODES)}")


def _token(text: str | None) -> str:
    """The token; messages never repeat it."""
    if text and not re.fullmatch(rf"[A-Za-z0-9._~-]{{{SHORTEST_TOKEN},}}", text):
        raise InputError(
            f"CALLSHEET_TOKEN must have at least {SHORTEST_TOKEN} letters, digits or any of . _ ~ -",
            hint='make one with: python -c "import secrets; print(secrets.token_urlsafe())"',
        )
    return text or ""


def _home(env: Mapping[str, str]) -> Path:
    """The folder of CALLSHEET_HOME, or else the platform's folder for user data."""
    if folder := env.get("CALLSHEET_HOME"):
        return _expanded(Path(folder))
    if sys.platform == "win32" and (local := env.get("LOCALAPPDATA")):
        return Path(local) / "callsheet"
    home = Path(env["HOME"]) if env.get("HOME") else _expanded(Path("~"))
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "callsheet"
    data = env.get("XDG_DATA_HOME")
    return (Path(data) if data else home / ".local" / "share") / "callsheet"


def _expanded(path: Path) -> Path:
    """The path with `~` expanded; raises InputError where the user has no home folder."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise InputError(
            f"no home folder is known for {str(path)!r:.200}",
            hint="set CALLSHEET_HOME to the folder where runs are to be stored",
        ) from error
