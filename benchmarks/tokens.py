"""Counts what each selection of model groups sends, beside all groups and beside the plan's figures.

Run it with `python -m benchmarks.tokens`; `--plan` prints only the plan's three selections. All
counts are o200k tokens and need no network.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from callsheet import build_instructions, build_schema, estimate, load_groups
from callsheet.catalog.schemas import models_in, schema_text
from callsheet.costs.tokens import count_tokens
from callsheet.llm.schema_adapter import adapt_schema

IMAGE, VIDEO = "image_generation", "video_generation"

PLAN = {
    ("sora",): 1_000,
    ("sora", "leonardo"): 1_500,
    ("sora", "phoenix", "leonardo", "midjourney", "stable_diffusion"): 4_500,
}
"""What the plan expected of three selections, in tokens of instructions."""


@dataclass(frozen=True)
class Row:
    """What one selection sends; `schema` is the full one, `schema_sent` as lowered for OpenAI."""

    groups: tuple[str, ...]
    models: int
    instructions: int
    schema: int
    schema_sent: int
    message: int

    @property
    def total(self) -> int:
        """All that is sent."""
        return self.instructions + self.schema_sent + self.message


def measure(groups: tuple[str, ...], message: int) -> Row:
    """One selection, built by the modules that a run uses."""
    schema = build_schema(groups)
    return Row(
        groups=groups,
        models=len(models_in(schema)),
        instructions=count_tokens(build_instructions(groups)),
        schema=count_tokens(schema_text(schema)),
        schema_sent=count_tokens(schema_text(adapt_schema(schema, "openai"))),
        message=message,
    )


@lru_cache(maxsize=2)
def rows(category: str) -> tuple[Row, ...]:
    """Every selection of a category, the smallest first; the last one is all groups."""
    names = tuple(load_groups()[category])
    chosen = (some for size in range(1, len(names) + 1) for some in combinations(names, size))
    # The message is the brief, so it is the same for every selection.
    message = estimate(names, llm="offline").details["selection"]["message_tokens"]
    return tuple(measure(groups, message) for groups in chosen)


def saved(part: int, whole: int) -> int:
    """The share that is not sent, in whole percent."""
    return round(100 * (1 - part / whole))


def table(headings: list[str], lines: list[list[str]], *, texts: int = 1) -> str:
    """A Markdown table; all but the first `texts` columns are numbers."""
    rule = ["---" if column < texts else "--:" for column in range(len(headings))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (headings, rule, *lines))


def plan_table() -> str:
    """The plan's three selections: its figures for the instructions beside ours."""
    found = {row.groups: row for row in rows(IMAGE)}
    every = rows(IMAGE)[-1]
    lines = []
    for groups, planned in PLAN.items():
        row = found[groups]
        lines.append(
            [
                "all five groups" if row == every else " + ".join(groups),
                f"{row.models}",
                f"{planned:,}",
                f"{row.instructions:,}",
                f"{saved(planned, PLAN[every.groups])} %",
                f"{saved(row.instructions, every.instructions)} %",
            ]
        )
    headings = ["groups", "models", "planned tokens", "measured", "planned saving", "measured"]
    return table(headings, lines)


def full_table(category: str) -> str:
    """Every selection of a category: what is sent, part by part, and what is not."""
    every = rows(category)[-1]
    lines = [
        [
            ", ".join(row.groups),
            f"{row.models}",
            f"{row.instructions:,}",
            f"{row.schema:,}",
            f"{row.schema_sent:,}",
            f"{row.message:,}",
            f"{row.total:,}",
            f"{saved(row.instructions, every.instructions)} %",
            f"{saved(row.total, every.total)} %",
        ]
        for row in rows(category)
    ]
    headings = ["groups", "models", "instructions", "schema, full", "schema, sent", "message"]
    return table([*headings, "sent in all", "instructions saved", "saved in all"], lines)


def share_table(workflow: str) -> str:
    """Each group of a workflow alone, and its share of all groups of every category together."""
    categories = load_groups(workflow)
    every = _parts([name for groups in categories.values() for name in groups], workflow)
    lines = []
    for category, groups in categories.items():
        for name in groups:
            own = _parts([name], workflow)
            lines.append(
                [
                    name,
                    category.partition("_")[0],
                    *(f"{own[part]:,}" for part in _PARTS),
                    f"{100 * own['instruction_tokens'] / every['instruction_tokens']:.1f} %",
                    f"{100 * own['input_tokens'] / every['input_tokens']:.1f} %",
                ]
            )
    lines.append(["all", "", *(f"{every[part]:,}" for part in _PARTS), "100 %", "100 %"])
    headings = ["group", "category", "instructions", "schema, sent", "message", "sent in all"]
    return table([*headings, "of all instructions", "of all sent"], lines, texts=2)


def pair_table(workflow: str) -> str:
    """What one group of each category sends, of all groups: the least, a middling, the most."""
    first, second = load_groups(workflow).values()
    every = _parts([*first, *second], workflow)["input_tokens"]
    alone = {name: _parts([name], workflow)["input_tokens"] for name in (*first, *second)}
    pairs = sorted((alone[a] + alone[b], f"{a} + {b}") for a in first for b in second)
    chosen = {"least": pairs[0], "middling": pairs[len(pairs) // 2], "most": pairs[-1]}
    lines = [
        [which, pair, f"{sent:,}", f"{100 * sent / every:.1f} %"]
        for which, (sent, pair) in chosen.items()
    ]
    return table(["one of each", "groups", "sent in all", "of all sent"], lines, texts=2)


_PARTS = ("instruction_tokens", "schema_tokens", "message_tokens", "input_tokens")


def _parts(groups: list[str], workflow: str) -> dict[str, int]:
    found = estimate(groups, workflow=workflow, llm="openai:gpt-5.2").details["selection"]
    return {part: found[part] for part in _PARTS}


def span_table() -> str:
    """The least and the most that a number of image groups saves of the instructions."""
    every = rows(IMAGE)[-1]
    lines = []
    for size in range(1, len(every.groups) + 1):
        shares = [
            saved(row.instructions, every.instructions)
            for row in rows(IMAGE)
            if len(row.groups) == size
        ]
        lines.append([f"{size}", f"{len(shares)}", f"{min(shares)} %", f"{max(shares)} %"])
    return table(["groups chosen", "selections", "least saved", "most saved"], lines, texts=0)


def main() -> None:
    parser = argparse.ArgumentParser(description="Counts what each selection of groups sends.")
    parser.add_argument("--plan", action="store_true", help="only the plan's three selections")
    short = parser.parse_args().plan
    print("Instructions, the plan's figures beside ours:\n")
    print(plan_table())
    if short:
        return
    print("Instructions saved, by the number of image groups:\n")
    print(span_table())
    for category in (IMAGE, VIDEO):
        print(f"Every selection for {category.replace('_', ' ')}:\n")
        print(full_table(category))


if __name__ == "__main__":
    main()
