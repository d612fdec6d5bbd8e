"""The table of contexts that selections of groups need on a server of one's own."""

from __future__ import annotations

import asyncio

from callsheet.llm.schema_adapter import adapt_schema, longest_reply
from callsheet.loader.bundle import load_workflow
from callsheet.loader.rendering import render_schema
from callsheet.runs.estimate import SAMPLE_IDEA, measure_run
from callsheet.runs.options import RunOptions
from callsheet.settings import read_settings
from docgen.markdown import table

_SELECTIONS = (
    ("one group", ("leonardo",)),
    ("two groups", ("sora", "leonardo")),
    ("all image groups", ("sora", "phoenix", "leonardo", "midjourney", "stable_diffusion")),
)


def context_table() -> str:
    """Return input and longest reply of some selections of `oms`, as Ollama is called for them."""
    lines = [_row(words, groups) for words, groups in _SELECTIONS]
    return table(["groups of `oms`", "input", "longest reply", "context"], lines)


def _row(words: str, groups: tuple[str, ...]) -> list[str]:
    options = RunOptions(brief={"idea": SAMPLE_IDEA}, groups=groups)
    measured = asyncio.run(measure_run("ollama:any", options, "oms", read_settings({})))
    schema = adapt_schema(render_schema(load_workflow(), groups), "ollama", SAMPLE_IDEA)
    sent, longest = measured.input, longest_reply(schema)
    context = next(size for size in (4_096, 8_192, 16_384) if size >= sent + longest)
    return [words, f"{sent:,}", f"{longest:,}", f"{context:,}"]
