"""Count what the idea check catches, and what it flags by mistake.

Run it with `python -m benchmarks.fidelity`. It reads ideas with structured facts from a package
that is downloaded for this purpose, and prompts as people write them from a JSON file: a list of
`{"idea", "prompts": [{"model", "text"}]}`. It exits with 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.fidelity.templated import Case, cases, fetch_ideas
from callsheet.fidelity.facts import draw_facts
from callsheet.fidelity.judging import Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Iterable

WRITTEN = Path(__file__).with_name("prompts.json")

MOST_MS = 2.0


def judged(idea: str, text: str) -> Verdict:
    return judge(draw_facts(idea), text)


def flagged(verdict: Verdict) -> bool:
    """Whether a text has an error, or nothing of its idea."""
    return verdict.unusable or any(lost.certain for lost in verdict.lost)


def row(name: str, count: int, total: int, bar: float, *, least: bool) -> bool:
    """Print one line of the table, and return whether its bar is kept."""
    share = 100 * count / total
    kept = share >= bar if least else share <= bar
    sign = "≥" if least else "≤"
    print(
        f"| {name} | {count} of {total} | {share:.1f} % | {sign} {bar:g} % | {'yes' if kept else 'NO'} |"
    )
    return kept


def templated(every: list[Case]) -> tuple[bool, list[str]]:
    """The prompts made by templates: each finding counts, a warning too."""
    faithful = [case for case in every if not case.change]
    changed = [case for case in every if case.change]
    wrong = [case for case in faithful if judged(case.idea, case.prompt).lost]
    missed = [case for case in changed if not judged(case.idea, case.prompt).lost]
    errors = sum(flagged(judged(case.idea, case.prompt)) for case in changed)
    ok = row(
        "templated: one fact changed, caught",
        len(changed) - len(missed),
        len(changed),
        98,
        least=True,
    )
    print(
        f"| … of these as errors | {errors} of {len(changed)} | {100 * errors / len(changed):.1f} % | | |"
    )
    ok &= row("templated: faithful, flagged", len(wrong), len(faithful), 1, least=False)
    totals, misses = Counter(c.change for c in changed), Counter(c.change for c in missed)
    notes = [f"{change}: {misses[change]} of {totals[change]} missed" for change in sorted(totals)]
    notes += [f"MISSED {case.change}: {case.idea} <- {case.prompt}" for case in missed]
    notes += [
        f"FALSE {case.idea} <- {case.prompt}: {_messages(case.idea, case.prompt)}" for case in wrong
    ]
    return ok, notes


def written(ideas: list[dict[str, Any]]) -> tuple[bool, list[str]]:
    """The prompts that people wrote: errors alone count."""
    pairs = [(each["idea"], prompt["text"]) for each in ideas for prompt in each["prompts"]]
    wrong = [pair for pair in pairs if flagged(judged(*pair))]
    crossed = [(each["idea"], text) for each in ideas for own, text in pairs if own != each["idea"]]
    missed = [pair for pair in crossed if not flagged(judged(*pair))]
    noted = sum(bool(judged(*pair).lost) for pair in pairs)
    ok = row("written: faithful, flagged as error", len(wrong), len(pairs), 3, least=False)
    print(f"| … with a warning | {noted - len(wrong)} of {len(pairs)} | | | |")
    ok &= row(
        "written: prompt of another idea, caught",
        len(crossed) - len(missed),
        len(crossed),
        99,
        least=True,
    )
    notes = [f"FALSE {idea} <- {text}: {_messages(idea, text)}" for idea, text in wrong]
    notes += [f"MISSED {idea} <- {text}" for idea, text in missed]
    return ok, notes


def _messages(idea: str, text: str) -> str:
    return "; ".join(lost.message for lost in judged(idea, text).lost)


def milliseconds(pairs: Iterable[tuple[str, str]]) -> float:
    """The median time for one prompt that was not judged before, in milliseconds."""
    taken = []
    for number, (idea, text) in enumerate(pairs):
        facts = draw_facts(idea)
        started = time.perf_counter()
        judge(facts, f"{text} {number}")
        taken.append(1000 * (time.perf_counter() - started))
    return median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description="Count what the idea check catches.")
    parser.add_argument(
        "file", nargs="?", type=Path, default=WRITTEN, help="prompts that people wrote"
    )
    parser.add_argument("--no-templated", action="store_true", help="judge the file alone")
    parser.add_argument("--misses", action="store_true", help="print every miss")
    options = parser.parse_args()
    ideas = json.loads(options.file.read_text("utf-8"))
    print(f"{datetime.now(UTC):%Y-%m-%d}, {len(ideas)} ideas of {options.file.name}\n")
    print("| what | count | share | bar | kept |\n|---|--:|--:|--:|---|")
    ok, notes = (True, []) if options.no_templated else templated([*cases(fetch_ideas())])
    fine, more = written(ideas)
    pairs = [(each["idea"], prompt["text"]) for each in ideas for prompt in each["prompts"]]
    taken = milliseconds(pairs)
    print(
        f"| median time for one prompt | {taken:.2f} ms | | ≤ {MOST_MS:g} ms | {'yes' if taken <= MOST_MS else 'NO'} |"
    )
    if options.misses:
        print("", *notes, *more, sep="\n")
    sys.exit(0 if ok and fine and taken <= MOST_MS else 1)


if __name__ == "__main__":
    main()
