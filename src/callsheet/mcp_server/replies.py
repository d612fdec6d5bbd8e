"""The texts that an assistant gets: complete in themselves, because some hosts show nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from callsheet.exports.texts import coverage_text, named_texts, printable
from callsheet.llm.providers import writes_drafts
from callsheet.modules.support.generation import FINDING_TITLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from callsheet.documents import RunDocument
    from callsheet.errors import CallsheetError
    from callsheet.questions import Question

PASTE = "paste"
"""The LLM of a run whose replies the assistant submits."""

ENDED, UNENDED = ("succeeded", "stopped"), ("failed", "interrupted")
"""Statuses of a run that has all its prompts, and of one that can get the rest."""

SUBMIT = (
    "Write what the text between the lines asks for. Then call `submit` with this run and your JSON"
    " as `reply`."
)

CORRECTED = (
    "Your last reply was not accepted as it was. Mend what the numbered findings name, and write the"
    " keys of the form alone; what was right is kept."
)

UNREADABLE = "Your last reply held no complete JSON object of the form asked for; nothing changed."

SHOW = "Show the user each of these prompts word for word, in a code block, with its settings (`set:`)."

ACCEPTED = "Accepted so far; show the user all prompts when the run has ended:"

RETRY = " (`retry` rewrites a prompt; else tell the user)"

UNFINISHED = (
    "What is accepted is kept. Write the prompts that are missing and call `submit`; with `{}` as"
    " `reply` it answers with their instructions."
)

IN_TOOLS = {
    "`callsheet runs`": "`search`",
    "`callsheet groups`": "`list_groups`",
    "`callsheet run`": "`begin`",
    "`callsheet resume": "`submit",
    "`--llm`": "`llm`",
}
"""What hints call by the names of the command line, as a tool or its argument."""


def error_text(error: CallsheetError) -> str:
    """An error, and what to do about it in terms of the tools."""
    return printable("\n".join(filter(None, (error.message, in_tools(error.hint)))))


def in_tools(hint: str) -> str:
    """A hint with the names of tools in place of commands."""
    for command, tool in IN_TOOLS.items():
        hint = hint.replace(command, tool)
    return hint


def state_text(document: RunDocument, question: Question | None) -> str:
    """A run as it stands: its prompts, what is wrong with them, and what is to be done next."""
    parts = [f"Run: {document.run}", f"Status: {_status(document)}", *_noted(document)]
    if prompts := [*_prompts(document)]:
        parts += [SHOW if document.status in ENDED else ACCEPTED, *prompts]
    parts += _findings(document)
    if question is not None:
        parts.append(question_text(question))
    elif document.status in UNENDED:
        parts.append("\n".join([*_error(document), UNFINISHED]))
    return printable("\n\n".join(parts))


def _error(document: RunDocument) -> Iterator[str]:
    if (error := document.error) is not None:
        yield f"Error: {error.message}"
        if document.llm != PASTE:
            yield in_tools(error.hint)


def _noted(document: RunDocument) -> Iterator[str]:
    """What the user noted about the run."""
    if document.noted is not None:
        if document.noted.title:
            yield f"The user's title: {document.noted.title}"
        if document.noted.text:
            yield f"The user's note: {document.noted.text}"


def _status(document: RunDocument) -> str:
    if document.question is not None:
        return "waiting for you" if document.question.kind == "paste" else "waiting for an answer"
    return document.status


def question_text(question: Question) -> str:
    """What a run asks: the request to write prompts, or a question for the user."""
    if question.kind == "paste":
        return "\n".join([*_on_last_reply(question), SUBMIT, "", f"---\n{question.show}\n---"])
    options = "".join(f"\n- {option.name}: {option.label}" for option in question.options)
    return (
        f"The run asks: {question.text}{options}\n"
        "Ask the user, then call `submit` with this run and the answer as `reply`."
    )


def _on_last_reply(question: Question) -> Iterator[str]:
    """What became of the reply before, where there was one."""
    if not question.text.startswith(("Paste", "Attach")):
        yield UNREADABLE
    if any(title in str(question.show) for title in FINDING_TITLES):
        yield CORRECTED


def _prompts(document: RunDocument) -> Iterator[str]:
    for prompts in document.prompts.values():
        for model, prompt in prompts.items():
            yield "\n".join(_prompt_lines(document, model, prompt))


def _prompt_lines(document: RunDocument, model: str, prompt: Any) -> Iterator[str]:
    coverage: Mapping[str, Any] = document["coverage"].get(model, {})
    kept = f" ({coverage_text(coverage)} facts of the idea)" if coverage.get("checked") else ""
    for name, text in named_texts({model: prompt}):
        yield f"{name}{kept}"
        yield fenced(text)
        kept = ""
    for line in document.settings.get(model, ()):
        yield f"set: {line}"


def fenced(text: str) -> str:
    """A text as a code block, whatever marks it holds."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _findings(document: RunDocument) -> Iterator[str]:
    # While a run waits, its request lists what was not accepted.
    rejected = document["rejected"] if document.question is None else []
    ended = document.status in ENDED
    for title, found in (
        ("Not accepted", rejected),
        (f"Rules that these prompts break{RETRY * ended}", document["problems"]),
        (f"Warnings{RETRY * ended}", document["warnings"]),
    ):
        if found:
            lines = [f"{n}. {finding_line(each)}" for n, each in enumerate(found, start=1)]
            yield f"{title}:\n" + "\n".join(lines)
    unchecked = {each["reason"] for each in document["coverage"].values() if not each["checked"]}
    for reason in sorted(unchecked):
        yield f"The idea was not checked: {reason}"


def finding_line(finding: Mapping[str, Any]) -> str:
    """A finding in one line: where, what, and by which rule."""
    where = finding.get("model") or finding.get("path") or ""
    rule = ", ".join(dict.fromkeys((finding["kind"], finding["rule"])))
    return f"{where}: {finding['message']} ({rule})"


def lint_text(found: Mapping[str, Any]) -> str:
    """What a prompt breaks, and the text as callsheet corrects it."""
    if not found["findings"]:
        return f"{found['model']}: keeps every rule."
    lines = [
        f"{number}. {each['severity']}: {finding_line(each)}"
        for number, each in enumerate(found["findings"], start=1)
    ]
    if found["mended"] is not None:
        lines.append("Corrected as far as code can:")
        for name, text in named_texts({found["model"]: found["mended"]}):
            lines += [name, fenced(text)]
    return printable("\n".join(lines))


def estimate_text(estimated: Mapping[str, Any]) -> str:
    """What a selection takes, compared with all groups of its categories."""
    named = not writes_drafts(estimated["llm"])
    of = (
        f"with {estimated['llm']}"
        if named
        else "without a price, for no LLM is named or configured"
    )
    lines = [f"Estimate {of}; no call was made."]
    for name, side in (("these groups", estimated["selection"]), ("all groups", estimated["all"])):
        price = "price unknown" if side["cost_usd"] is None else f"${side['cost_usd']:.4f}"
        lines.append(
            f"{name}: {side['input_tokens']:,} tokens in, about {side['output_tokens']:,} out"
            + (f", {price}" if named else "")
        )
    lines.append(f"{estimated['saved_percent']:.0f} % fewer input tokens than all groups")
    return "\n".join(lines)
