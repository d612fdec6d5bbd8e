"""What the tools that draw read as syntax in a prompt: one table, for `lint --for` and for exports.

Where the syntax may be meant, as bracket weights are, it is not reported. Each pattern takes time in
proportion to a text's length.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from callsheet.catalog.formats.format import NUMBER, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_A1111 = "AUTOMATIC1111/stable-diffusion-webui"
_CORE = "Comfy-Org/ComfyUI at a125cd8, comfy/sd1_clip.py"
_PAGE = "Comfy-Org/ComfyUI_frontend, processDynamicPrompt in formatUtil.ts"

LEAST_SHOWN = 12
"""Characters that a message quotes, where the syntax is a single sign."""


@dataclass(frozen=True)
class Syntax:
    """Something that a tool does not read as text.

    `form` is the export form whose file the tool reads, `sign` how the syntax looks, `reads` what the
    tool makes of it. `meant` is whether prompts for this tool use it on purpose. An export replaces
    what `pattern` finds by `instead`, as `escape` says, unless that is None.
    """

    form: str
    tool: str
    name: str
    sign: str
    reads: str
    pattern: str
    source: str
    date: str = "2026-11-28"
    meant: bool = False
    escape: str = ""
    instead: str | None = None

    @property
    def found(self) -> re.Pattern[str]:
        """The compiled pattern."""
        return _compiled(self.pattern)


LORA = Syntax(
    "comfyui", "ComfyUI", "LoRA", "<lora:name:0.8>", "plain text: a LoRA is a node there",
    rf"<(?:lora|lyco):([^:<>\s][^:<>]*+)(?::(-?{NUMBER}))?(?::(-?{NUMBER}))?>[^\S\n]*+,?+[^\S\n]*+",
    _CORE, "2026-11-22", escape="as a node `LoraLoader`, whose file is to be chosen", instead="",
)  # fmt: skip
"""An export for ComfyUI adds a node for each."""

TABLE = (
    Syntax(
        "a1111", "A1111", "comment", "#",
        "a comment: the rest of the line is not read, unless “Enable comments” is off",
        r"#[^\n]*+", f"{_A1111} modules/processing_scripts/comments.py",
    ),
    Syntax(
        "a1111", "A1111", "AND", "AND",
        "the border between two prompts that are drawn into one image",
        r"\bAND\b", f"{_A1111} modules/prompt_parser.py",
        escape="as `and`, the same word for the text encoder", instead="and",
    ),
    Syntax(
        "a1111", "A1111", "alternation", "[a|b]",
        "alternatives that change at each step",
        r"(?<!\\)\[[^\[\]|\n]*+\|[^\[\]\n]*+\]", f"{_A1111} modules/prompt_parser.py",
    ),
    Syntax(
        "a1111", "A1111", "schedule", "[a:b:0.5]",
        "a change of the prompt at a step",
        rf"(?<!\\)\[[^\[\]:\n]*+:(?:[^\[\]:\n]*+:)?[^\S\n]*+[+-]?{NUMBER}[^\S\n]*+\]",
        f"{_A1111} modules/prompt_parser.py",
    ),
    Syntax(
        "a1111", "A1111", "weight", "(x:1.2), [x]", "a weight; `\\(` and `\\[` are signs of their own",
        r"(?<!\\)[(\[]", f"{_A1111} modules/prompt_parser.py", meant=True,
    ),
    Syntax(
        "a1111", "A1111", "BREAK", "BREAK", "the end of a chunk of 75 tokens",
        r"\bBREAK\b", f"{_A1111} modules/prompt_parser.py", meant=True,
    ),
    Syntax(
        "a1111", "A1111", "LoRA", "<lora:name:0.8>", "a LoRA to load; the tag is no part of the text",
        r"<\w++:[^<>]++>", f"{_A1111} modules/extra_networks.py", meant=True,
    ),
    Syntax(
        "comfyui", "ComfyUI", "weight", "(x:1.2)", "a weight; `\\(` and `\\)` are signs of their own",
        r"(?<!\\)\(", _CORE, "2026-11-22", meant=True,
    ),
    Syntax(
        "comfyui", "ComfyUI", "embedding", "embedding:name", "a file of embeddings to load",
        r"\bembedding:\S", _CORE, "2026-11-22", meant=True,
    ),
    LORA,
    Syntax(
        "comfyui", "ComfyUI", "BREAK", "BREAK", "plain text: there are no chunks",
        r"(?:,[^\S\n]*+|(?<!\s)[^\S\n]++)?\bBREAK\b(?:[^\S\n]*+,)?+", _CORE, "2026-11-22",
        escape="as a comma", instead=",",
    ),
    Syntax(
        "comfyui", "ComfyUI's page", "comment", "// and /* */",
        "a comment that the page takes out: `//` to the end of the line",
        r"//[^\n]*+|/\*", _PAGE,
    ),
    Syntax(
        "comfyui", "ComfyUI's page", "choice", "{a|b}", "a choice: the page takes one of them at random",
        r"(?<!\\)[{}]", _PAGE, escape="as `\\{` and `\\}`, which the page turns back",
        instead=r"\\\g<0>",
    ),
    Syntax(
        "midjourney", "Midjourney", "parameter", "--flag", "a parameter", r"(?:^|(?<=\s))--[A-Za-z]",
        "docs.midjourney.com, Parameter List, as audits quote it", "2026-09-23", meant=True,
    ),
    Syntax(
        "midjourney", "Midjourney", "double colon", "::", "the border between two weighted prompts",
        "::", "docs.midjourney.com, Multi-Prompts, as audits quote it", "2026-09-23",
    ),
    Syntax(
        "midjourney", "Midjourney", "permutation", "{a, b}",
        "permutations: one job for each entry, and each is paid for",
        r"\{[^{}\n]*+\}?+", "docs.midjourney.com, Permutations, as guides quote it",
    ),
)  # fmt: skip


FORMS = tuple(dict.fromkeys(each.form for each in TABLE))
"""The export forms whose tools are in the table."""


def misread(text: str, form: str) -> Iterator[tuple[Syntax, str]]:
    """What the tools of a form would not read as text, though nobody may have meant it, once each.

    Says what the first place is read as, and what an export writes instead.
    """
    for syntax in TABLE:
        if syntax.form != form or syntax.meant or not (found := syntax.found.search(text)):
            continue
        place = text[found.start() : max(found.end(), found.start() + LEAST_SHOWN)]
        instead = f"; an export has it {syntax.escape}" if syntax.escape else ""
        yield syntax, f"{syntax.tool} reads {shown(place)} as {syntax.reads}{instead}"


def escaped(text: str, form: str) -> str:
    """The text as it stands in a form's file, with what can be escaped escaped."""
    for syntax in TABLE:
        if syntax.form == form and syntax.instead is not None:
            text = syntax.found.sub(syntax.instead, text)
    return text


@lru_cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
