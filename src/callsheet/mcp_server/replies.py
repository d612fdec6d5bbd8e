"""The texts that an assistant gets: complete in themselves, because some hosts show nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from callsheet.exports.texts import coverage_text, named_texts, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from callsheet.documents import RunDocument
    from callsheet.questions import Question

SUBMIT = (
    "Write what the text below asks for. Then call `submit` with this run and your JSON as `reply`."
)

VERBATIM = (
    "Show each of these prompts to the user word for word, in a code block, with its settings."
)


def state_text(document: RunDocument, question: Question | None) -> str:
    """A run as it stands: its prompts, what is wrong with them, and what is to be done next."""
    parts = [f"Run: {document.run}", f"Status: {_status(document)}"]
    if prompts := [*_prompts(document)]:
        parts += [VERBATIM, *prompts]
    parts += _findings(document)
    if question is not None:
        parts.append(question_text(question))
    elif document.error is not None:
        parts.append(
            f"Error: {document.error.message}\n{document.error.hint}\n"
            "What is finished is kept. `show` says what is missing; `submit` takes it."
        )
    return printable("\n\n".join(parts))


def _status(document: RunDocument) -> str:
    if document.question is not None:
        return "waiting for you" if document.question.kind == "paste" else "waiting for an answer"
    return document.status


def question_text(question: Question) -> str:
    """What a run asks: the request to write prompts, or a question for the user."""
    if question.kind == "paste":
        return f"{SUBMIT}\n{_refused(question)}\n---\n{question.show}\n---"
    options = "".join(f"\n- {option.name}: {option.label}" for option in question.options)
    return (
        f"The run asks: {question.text}{options}\n"
        "Ask the user, then call `submit` with this run and the answer as `reply`."
    )


def _refused(question: Question) -> str:
    """Why the last reply was not taken, where the question says so."""
    return "" if question.text.startswith(("Paste", "Attach")) else f"{question.text}\n"


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
    for title, found in (
        ("Not accepted", document["rejected"]),
        ("Rules that these prompts break", document["problems"]),
        ("Warnings", document["warnings"]),
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
    return f"{where}: {finding['message']} ({finding['kind']}, {finding['rule']})"


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
    sides = (("these groups", estimated["selection"]), ("all groups", estimated["all"]))
    lines = [f"LLM: {estimated['llm']}; no call was made"]
    for name, side in sides:
        price = "price unknown" if side["cost_usd"] is None else f"${side['cost_usd']:.4f}"
        lines.append(
            f"{name}: {side['input_tokens']:,} tokens in,"
            f" about {side['output_tokens']:,} out, {price}"
        )
    lines.append(f"{estimated['saved_percent']:.0f} % fewer input tokens than all groups")
    return "\n".join(lines)
