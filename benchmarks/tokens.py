"""Count the input tokens of each selection of model groups, compared with all groups and with the plan.

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
from callsheet.llm.schema_adapter import adapt_schema
from callsheet.llm.tokens import count_tokens

IMAGE, VIDEO = "image_generation", "video_generation"

PLAN = {
    ("sora",): 1_000,
    ("sora", "leonardo"): 1_500,
    ("sora", "phoenix", "leonardo", "midjourney", "stable_diffusion"): 4_500,
}
"""Instruction tokens that the plan expects of three selections."""


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
        """All input tokens."""
        return self.instructions + self.schema_sent + self.message


def measure(groups: tuple[str, ...], message: int) -> Row:
    """Measure one selection, built by the code that a run uses."""
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
    """Return every selection of a category, the smallest first; the last one is all groups."""
    names = tuple(load_groups()[category])
    chosen = (some for size in range(1, len(names) + 1) for some in combinations(names, size))
    # The message is the brief, so it is the same for every selection.
    message = estimate(names, llm="offline").details["selection"]["message_tokens"]
    return tuple(measure(groups, message) for groups in chosen)


def saved(part: int, whole: int) -> int:
    """Return the share that is not sent, in whole percent."""
    return round(100 * (1 - part / whole))


def table(headings: list[str], lines: list[list[str]], *, texts: int = 1) -> str:
    """Return a Markdown table; all but the first `texts` columns are numbers."""
    rule = ["---" if column < texts else "--:" for column in range(len(headings))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (headings, rule, *lines))


def plan_table() -> str:
    """Return the plan's three selections with planned and measured instruction tokens."""
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
    """Return every selection of a category with the tokens of each part and the savings."""
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
    headings = ["groups", "models", "instructions", "full schema", "schema sent", "message"]
    return table([*headings, "total sent", "instructions saved", "total saved"], lines)


def current_groups(workflow: str) -> dict[str, list[str]]:
    """Return the names of the groups that no newer one replaces, by category."""
    return {
        category: [name for name, group in groups.items() if not group.successor]
        for category, groups in load_groups(workflow).items()
    }


def share_table(workflow: str) -> str:
    """Return each group of a workflow alone, with its share of all groups of all categories."""
    categories = current_groups(workflow)
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
    headings = ["group", "category", "instructions", "schema sent", "message", "total sent"]
    return table([*headings, "share of instructions", "share of total"], lines, texts=2)


def pair_table(workflow: str) -> str:
    """Return the least, the median and the most that one group of each category sends."""
    first, second = current_groups(workflow).values()
    every = _parts([*first, *second], workflow)["input_tokens"]
    alone = {name: _parts([name], workflow)["input_tokens"] for name in (*first, *second)}
    pairs = sorted((alone[a] + alone[b], f"{a} + {b}") for a in first for b in second)
    chosen = {"least": pairs[0], "median": pairs[len(pairs) // 2], "most": pairs[-1]}
    lines = [
        [which, pair, f"{sent:,}", f"{100 * sent / every:.1f} %"]
        for which, (sent, pair) in chosen.items()
    ]
    return table(["pair", "groups", "total sent", "share of total"], lines, texts=2)


_PARTS = ("instruction_tokens", "schema_tokens", "message_tokens", "input_tokens")


def _parts(groups: list[str], workflow: str) -> dict[str, int]:
    found = estimate(groups, workflow=workflow, llm="openai:gpt-5.2").details["selection"]
    return {part: found[part] for part in _PARTS}


def span_table() -> str:
    """Return the smallest and largest saving of instructions by the number of image groups."""
    every = rows(IMAGE)[-1]
    lines = []
    for size in range(1, len(every.groups) + 1):
        shares = [
            saved(row.instructions, every.instructions)
            for row in rows(IMAGE)
            if len(row.groups) == size
        ]
        lines.append([f"{size}", f"{len(shares)}", f"{min(shares)} %", f"{max(shares)} %"])
    return table(
        ["groups selected", "selections", "smallest saving", "largest saving"], lines, texts=0
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Count the input tokens of each selection of groups."
    )
    parser.add_argument(
        "--plan", action="store_true", help="print only the plan's three selections"
    )
    short = parser.parse_args().plan
    print("Instruction tokens, planned and measured:\n")
    print(plan_table())
    if short:
        return
    print("Instruction tokens saved, by the number of image groups:\n")
    print(span_table())
    for category in (IMAGE, VIDEO):
        print(f"All selections for {category.replace('_', ' ')}:\n")
        print(full_table(category))


if __name__ == "__main__":
    main()
