"""Examines what a run needs here: settings, keys, storage, workers, tokenizer, plugins, workflow."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass
from difflib import get_close_matches
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING

from callsheet.costs.prices import price
from callsheet.errors import CallsheetError, StorageError
from callsheet.llm.error_messages import error_for
from callsheet.llm.factory import open_llm
from callsheet.llm.own_server import TITLES, context_hint
from callsheet.llm.provider_errors import ProviderFailure
from callsheet.llm.provider_llm import COMMON_CONTEXT, ProviderLLM
from callsheet.llm.providers import DEFAULT_LLM, key_variables, provider_of
from callsheet.llm.proxies import set_proxies
from callsheet.llm.tokens import count_tokens
from callsheet.loader.bundle import inspect_workflow
from callsheet.plugin_list import list_parts
from callsheet.runs.options import RunOptions, call_options
from callsheet.settings import read_settings
from callsheet.store.factory import open_store
from callsheet.store.sql import SqlStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from callsheet.call_options import CallOptions
    from callsheet.llm.own_server import OwnServer
    from callsheet.llm.provider_errors import FailureKind
    from callsheet.plugin_list import Part
    from callsheet.settings import Settings

_UNANSWERED: Mapping[int | None, FailureKind] = {None: "unreachable", 401: "key", 403: "key"}
"""What a list of LLMs without an answer, or with such a status, is a failure of."""


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was examined: what was found, and what to do where it does not work.

    `parts` are the built-in and installed parts that an extension point has.
    """

    what: str
    found: str
    hint: str = ""
    exit_code: int = 0
    parts: tuple[Part, ...] = ()

    @property
    def well(self) -> bool:
        """Whether nothing needs to be done."""
        return self.exit_code == 0


async def examine(
    settings: Settings | None = None,
    *,
    deep: bool = False,
    llm: str | None = None,
    base_url: str | None = None,
) -> tuple[list[Diagnosis], int]:
    """Every diagnosis, and the exit status: that of the first one that is not well.

    With `deep`, all stored runs are read and searched for damage. The server of `llm` is asked about
    itself, by GET only: nothing is paid.
    """
    found = [Diagnosis("callsheet", f"{version('callsheet')}, Python {platform.python_version()}")]
    try:
        settings = settings or read_settings()
    except CallsheetError as error:
        found.append(_failure("settings", error))
        return found, error.exit_code
    found += [
        *(await _asked(settings, llm, base_url) if llm else [_llm(settings)]),
        _keys(settings),
        _proxies(settings),
        *await _store(settings, deep=deep),
        _tokenizer(),
        _workflow(),
    ]
    found += examine_plugins()
    return found, next((each.exit_code for each in found if not each.well), 0)


def _failure(what: str, error: CallsheetError) -> Diagnosis:
    return Diagnosis(what, error.message, error.hint, error.exit_code)


def _llm(settings: Settings) -> Diagnosis:
    spec = settings.llm or DEFAULT_LLM
    provider = provider_of(spec)
    address = settings.base_url if provider and provider.reads_base_url_setting else None
    asked = call_options(RunOptions(), spec, settings)
    try:
        open_llm(spec, base_url=address, settings=settings, options=asked)
    except CallsheetError as error:
        return _failure("LLM", error)
    if settings.llm is None:
        return Diagnosis("LLM", "offline drafts", "to use an LLM, set CALLSHEET_LLM")
    at = f" at {address}" if address else ""
    return Diagnosis("LLM", f"{spec}{at}{_chosen(asked)}")


def _chosen(options: CallOptions) -> str:
    """The tier, effort and temperature that the settings choose, all of which the LLM takes."""
    chosen = {name: value for name, value in vars(options).items() if value is not None}
    return "".join(f", {name} {value}" for name, value in chosen.items())


async def _asked(settings: Settings, spec: str, base_url: str | None) -> list[Diagnosis]:
    """What the server of an LLM tells, and what callsheet would send it."""
    provider = provider_of(spec)
    if base_url is None and provider and provider.reads_base_url_setting:
        base_url = settings.base_url
    asked = call_options(RunOptions(), spec, settings)
    try:
        llm = open_llm(spec, base_url=base_url, settings=settings, options=asked)
    except CallsheetError as error:
        return [_failure("LLM", error)]
    if not isinstance(llm, ProviderLLM):
        return [Diagnosis("LLM", f"{llm.spec}: calls no server")]
    server, named = await llm.ask_server(), Diagnosis("LLM", llm.spec + _chosen(asked))
    answers = _reached(llm, server)
    if not answers.well:
        return [named, answers, _proxy_of(llm)]
    enforced = "lengths included" if server.form else "lengths are checked in the reply"
    return [
        named,
        answers,
        _offered(llm, server),
        _context_of(server, own=llm.is_own),
        Diagnosis("structured output", f"JSON schema, {enforced}"),
        Diagnosis("price", _price_of(llm)),
        _proxy_of(llm),
    ]


def _reached(llm: ProviderLLM, server: OwnServer) -> Diagnosis:
    at = llm.address
    kind = _UNANSWERED.get(server.status)
    if kind is not None:
        error = error_for(ProviderFailure(kind, server.status), 1, at)
        return _failure("server", error)
    engine = TITLES[server.engine] if llm.is_own else at.title
    if server.status == HTTPStatus.OK:
        return Diagnosis("server", f"{engine} answers at {at.url}")
    return Diagnosis("server", f"{at.url} answers; its list of LLMs has status {server.status}")


def _offered(llm: ProviderLLM, server: OwnServer) -> Diagnosis:
    """Whether the LLM is in the server's list; llama.cpp answers to any name."""
    names = server.llms
    if not names:
        return Diagnosis("name", f"`{llm.name}`; the server lists no LLMs")
    if llm.name in names or f"{llm.name}:latest" in names or server.engine == "llama.cpp":
        return Diagnosis("name", f"`{llm.name}`, of {len(names)} listed")
    near = get_close_matches(llm.name, names, 5, 0.3) or names[:5]
    error = error_for(ProviderFailure("unknown_llm"), 1, llm.address)
    return Diagnosis(
        "name", f"{error.message}; it has {', '.join(near)}", error.hint, error.exit_code
    )


def _context_of(server: OwnServer, *, own: bool) -> Diagnosis:
    if server.context is None:
        hint = context_hint(server.engine, 2 * COMMON_CONTEXT) if own else ""
        return Diagnosis("context", "the server does not say", hint)
    hint = context_hint(server.engine, 2 * server.context)
    is_small = own and server.context < COMMON_CONTEXT
    return Diagnosis("context", f"{server.context:,} tokens", hint if is_small else "")


def _price_of(llm: ProviderLLM) -> str:
    if llm.is_own:
        return "unknown: a server of your own"
    sent, written = (price(llm.provider, llm.name, *each) for each in ((10**6, 0), (0, 10**6)))
    if sent is None or written is None:
        return f"unknown, so --max-cost cannot be used with {llm.spec}"
    return f"${sent:.2f} for a million input tokens, ${written:.2f} for a million output tokens"


def _proxy_of(llm: ProviderLLM) -> Diagnosis:
    return Diagnosis("proxy", str(llm.proxy) if llm.proxy else "none used for this address")


def _keys(settings: Settings) -> Diagnosis:
    """Which keys are set; never their values."""
    found = (
        f"{name} {'yes' if name in settings.environment else 'no'}" for name in key_variables()
    )
    return Diagnosis("keys", ", ".join(found))


def _proxies(settings: Settings) -> Diagnosis:
    try:
        found = set_proxies(settings.environment)
    except CallsheetError as error:
        return _failure("proxies", error)
    return Diagnosis("proxies", ", ".join(map(str, found)) or "none set")


async def _store(settings: Settings, *, deep: bool) -> list[Diagnosis]:
    began = time.monotonic()
    try:
        store = open_store(settings)
        kept = len(await store.runs())
    except CallsheetError as error:
        return [_failure("runs", error)]
    took = 1000 * (time.monotonic() - began)
    assert isinstance(store, SqlStore)  # noqa: S101  # a folder or a server, both use SQL
    place = await store.database.describe()
    found = [Diagnosis("runs", f"{kept} kept in {store.database.place}: {place}, {took:.0f} ms")]
    if deep:
        found += await _damage(store)
    if settings.database_url is not None:
        found.append(await _workers(store))
    store.close()
    return found


async def _damage(store: SqlStore) -> list[Diagnosis]:
    from callsheet.store.verify import verify

    try:
        problems = await verify(store)
    except CallsheetError as error:
        return [_failure("damage", error)]
    if not problems:
        return [Diagnosis("damage", "none found: every page, event and file was read")]
    hint = "other runs are not affected; `callsheet delete RUN` deletes a damaged one"
    return [Diagnosis("damage", each, hint, StorageError.exit_code) for each in problems]


async def _workers(store: SqlStore) -> Diagnosis:
    from callsheet.workers.worker_store import WorkerStore

    worker_store = WorkerStore(store)
    try:
        await worker_store.refuse_unsafe()
        workers = await worker_store.workers()
    except CallsheetError as error:
        return _failure("workers", error)
    if not workers:
        return Diagnosis("workers", "none; runs are carried on where they are begun")
    places = sum(each.concurrency for each in workers)
    names = ", ".join(":".join(each.name.split(":")[:2]) for each in workers)
    return Diagnosis("workers", f"{len(workers)} alive with {places} places: {names}")


def _tokenizer() -> Diagnosis:
    try:
        count = count_tokens("a heron at dawn")
    except Exception as error:  # noqa: BLE001  # any fault of it is a diagnosis
        hint = "reinstall callsheet"
        return Diagnosis("tokenizer", f"does not work: {type(error).__name__}", hint, 1)
    return Diagnosis("tokenizer", f"counts offline (o200k, {count} tokens in a sample)")


def _workflow() -> Diagnosis:
    problems = inspect_workflow()[1]
    if problems:
        hint = "`callsheet check` lists every problem"
        return Diagnosis("workflow", str(problems[0]), hint, 2)
    return Diagnosis("workflow", "oms: no problems found")


def examine_plugins() -> list[Diagnosis]:
    """The parts of each extension point; a broken one gets a diagnosis of its own, with the reason."""
    found = []
    for what, parts in list_parts().items():
        built_in = ", ".join(part.name for part in parts if not part.package)
        installed = ", ".join(f"{part.name} ({part.package})" for part in parts if part.package)
        text = f"built in: {built_in}" + (f"; installed: {installed}" if installed else "")
        found.append(Diagnosis(what, text, parts=parts))
        found += [
            Diagnosis(what, part.problem, part.hint, part.exit_code)
            for part in parts
            if part.problem
        ]
    return found
