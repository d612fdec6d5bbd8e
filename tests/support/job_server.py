"""What the loopback servers for batch jobs share: files, jobs, what happens to rows, and the bill.

A job is carried out when it is asked for and nothing holds it. It finds nothing in the cache that another one left
there, since jobs may be hours apart. Billing is at half the rates of `RATES`, which are the providers' published ones
and not read from callsheet's price list; an unknown LLM has those of the first.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import pytest

from callsheet.batches import jobs as batch_jobs
from callsheet.llm.providers import PROVIDERS
from callsheet.llm.tokens import count_tokens
from tests.support.loopback import Answer, Drop
from tests.support.schema_writer import Write, fill, write_text, writing_for

RowEnd = Literal["ok", "rejected", "overloaded", "expired", "cancelled", "lost"]
JobEnd = Literal["completed", "expired", "cancelled", "failed"]

DAY = 86_400


@dataclass(frozen=True)
class JobRates:
    """US dollars for a million tokens outside of jobs; `floor` is the shortest prefix that is kept.

    What is kept has a multiple of `step` tokens. `factor` is how many tokens the provider's tokenizer
    makes of one of o200k: made up, and another than callsheet assumes.
    """

    input: float
    read: float
    output: float
    floor: int
    write: float = 0.0
    factor: float = 1.0
    step: int = 1


RATES = {
    "gpt-5.2": JobRates(1.75, 0.175, 14, 1_024, step=128),
    "gpt-5.4-mini": JobRates(0.75, 0.075, 4.5, 1_024, step=128),
    "gpt-5.6-sol": JobRates(4, 0.4, 20, 1_024, write=5),
    "claude-sonnet-4-6": JobRates(3, 0.3, 15, 1_024, write=6, factor=1.2),
    "claude-sonnet-5-5": JobRates(2, 0.1, 10, 512, write=4, factor=1.2),
    "gemini-3.8-flash": JobRates(0.75, 0.075, 3.75, 4_096, factor=1.1),
}
"""By LLM; Anthropic's writing is for an hour."""


@dataclass(frozen=True)
class Billed:
    """Tokens and US dollars of one row."""

    sent: int
    read: int
    written: int
    output: int
    usd: float


@dataclass(frozen=True)
class Exchange:
    """A request and its reply; with `mark`, the provider is asked to keep the prefix."""

    prefix: str
    message: str
    reply: str
    mark: bool


@dataclass(frozen=True)
class Row:
    """A row of a job as it came in; `body` is the request in the provider's form."""

    custom_id: str
    body: dict[str, Any]


@dataclass
class ServedJob:
    """A job; `results` are its lines, `missing` the rows that did not run, once it has ended."""

    id: str
    mark: str
    rows: list[Row]
    input_file: str
    created: float
    end: JobEnd | None = None
    cancelled: bool = False
    results: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[RowEnd, int] = field(default_factory=dict)
    errors: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def ended(self) -> float | None:
        return self.created + 60 if self.end else None


def schema_sent(schema: Any) -> str:
    """A schema as it stands in a request."""
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))


def call_server(monkeypatch: pytest.MonkeyPatch, provider: str, url: str) -> None:
    """Let a provider be called at this address, with a key, and its jobs be polled at once."""
    known = PROVIDERS[provider]
    monkeypatch.setitem(PROVIDERS, provider, replace(known, url=url))
    monkeypatch.setenv(known.key_names[0], "k")
    monkeypatch.setattr(batch_jobs, "FIRST_POLL_SECONDS", 0.01)


class JobServer:
    """Jobs of one provider, mixed into its loopback server.

    * `creates`: the marks of the jobs that were created; `bills`: what each row cost; `carried_out`: how
      many rows of each mark were; `seen`: method and path of every request.
    * `hold`: jobs stay in progress. `drop_after_create`: the next create is carried out, not answered.
    * `row_end` says what becomes of the row with this number and custom id. `end`: how the next jobs end.
    * `refuse_with`: errors for which the next job is refused after it was created.
    * `fail_next(path, answer)`: one request to this path (a pattern) is answered so, and not carried out.
    * `cut_downloads`: so many downloads of results end after their first half.
    """

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.jobs: dict[str, ServedJob] = {}
        self.uploads: dict[str, bytes] = {}
        self.names: dict[str, str] = {}
        self.creates: list[str] = []
        self.bills: list[Billed] = []
        self.carried_out: Counter[str] = Counter()
        self.deleted: list[str] = []
        self.seen: list[str] = []
        self.hold = False
        self.drop_after_create = False
        self.cut_downloads = 0
        self.end: JobEnd = "completed"
        self.row_end: Callable[[int, str], RowEnd] = lambda *_: "ok"
        self.refuse_with: list[dict[str, Any]] = []
        self.write: Write = write_text
        self.sent_headers: Mapping[str, str] = {}
        self._script: list[tuple[str, Answer | Drop]] = []
        self._kept: set[str] = set()
        self._turn = threading.RLock()

    def fail_next(self, path: str, answer: Answer | Drop) -> None:
        """Answers one request whose method and path match the pattern with this."""
        self._script.append((path, answer))

    @property
    def billed_usd(self) -> float:
        """What all rows cost together."""
        return sum(each.usd for each in self.bills)

    def route(
        self, method: str, path: str, headers: Mapping[str, str], raw: bytes
    ) -> Answer | Drop | None:
        """Answers what is about jobs and files."""
        with self._turn:
            self.seen.append(f"{method} {path}")
            self.sent_headers = headers
            for scripted in self._script:
                if re.search(scripted[0], f"{method} {path}"):
                    self._script.remove(scripted)
                    return scripted[1]
            url = urlsplit(path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            return self.job_route(method, url.path, query, raw)

    def job_route(
        self, method: str, path: str, query: dict[str, str], raw: bytes
    ) -> Answer | Drop | None:
        raise NotImplementedError

    def run_row(self, row: Row) -> dict[str, Any]:
        """The reply to a row in the provider's form."""
        raise NotImplementedError

    def result_line(self, row: Row, end: RowEnd) -> dict[str, Any] | None:
        """The line of a row in the results; None for a row that has none."""
        raise NotImplementedError

    def add_job(self, mark: str, rows: list[Row], input_file: str = "") -> ServedJob:
        """Creates a job."""
        number = len(self.jobs) + 1
        job = ServedJob(f"batch_{number:08x}", mark, rows, input_file, time.time() - 60)
        self.jobs[job.id] = job
        self.creates.append(mark)
        return job

    def created(self, answer: Answer) -> Answer | Drop:
        """The answer to a create, or none where it is to be lost."""
        if self.drop_after_create:
            self.drop_after_create = False
            return Drop()
        return answer

    def look(self, job: ServedJob) -> ServedJob:
        """Carries a job out, unless it is held, and returns it."""
        if job.end or (self.hold and not job.cancelled):
            return job
        if self.refuse_with:
            job.errors, self.refuse_with, job.end = self.refuse_with, [], "failed"
            return job
        self._kept.clear()
        unrun: RowEnd = "cancelled" if job.cancelled else "expired"
        half = len(job.rows) // 2 if job.cancelled or self.end != "completed" else len(job.rows)
        for number, row in enumerate(job.rows):
            end = self.row_end(number, row.custom_id) if number < half else unrun
            job.counts[end] = job.counts.get(end, 0) + 1
            self.carried_out[job.mark] += end == "ok"
            if (line := self.result_line(row, end)) is not None:
                job.results.append(line)
        job.end = "cancelled" if job.cancelled else self.end
        return job

    def download(self, lines: Iterable[dict[str, Any]]) -> Answer:
        """A file of results, the last line first: no provider promises an order."""
        body = "".join(json.dumps(line) + "\n" for line in reversed(list(lines))).encode()
        cut, self.cut_downloads = self.cut_downloads > 0, max(self.cut_downloads - 1, 0)
        return Answer(200, body, cut=cut)

    def written(self, body: dict[str, Any], schema: Any) -> str:
        """The text of a reply."""
        with writing_for(body):
            return json.dumps(fill(schema, self.write), ensure_ascii=False)

    def bill(self, row: Exchange, rates: JobRates) -> Billed:
        """Bills a row at half the usual rates."""
        head = round(_prefix_tokens(row.prefix) * rates.factor)
        sent = head + round(count_tokens(row.message) * rates.factor)
        output = round(count_tokens(row.reply) * rates.factor)
        can_hold = head >= rates.floor and (row.mark or not rates.write)
        held = head - head % rates.step if can_hold else 0
        read = held if row.prefix in self._kept else 0
        kept = held - read if rates.write else 0
        if held:
            self._kept.add(row.prefix)
        usd = (sent - read - kept) * rates.input + read * rates.read + kept * rates.write
        billed = Billed(sent, read, kept, output, (usd + output * rates.output) / 2e6)
        self.bills.append(billed)
        return billed


@lru_cache(maxsize=16)
def _prefix_tokens(prefix: str) -> int:
    """The tokens of what the rows of a job begin with, which is most of each."""
    return count_tokens(prefix)
