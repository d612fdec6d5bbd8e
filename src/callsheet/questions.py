"""The questions that a run asks, and the validation of their answers.

A question is data: it is recorded as an event and shown by the command line, the page and the API.
An answer is validated before it is recorded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, assert_never

from callsheet.errors import AnswerError, nearest_first
from callsheet.images import Image
from callsheet.patterns import search

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import JsonValue

Kind = Literal["text", "lines", "choice", "choices", "paste", "picture"]

_LINE_END = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")

MAX_PASTE = 1_000_000
"""Maximum number of characters of a pasted reply, about a hundred times a usual one."""


@dataclass(frozen=True)
class Option:
    """One thing that can be chosen; `detail` is shown beside its label.

    `unavailable` says why it cannot be chosen now. One with a `successor` is chosen by its name
    alone: it is not listed, and neither numbers nor `all` stand for it.
    """

    name: str
    label: str
    detail: str = ""
    unavailable: str = ""
    successor: str = ""

    def to_json(self) -> dict[str, str]:
        """The option as a JSON object; the last two fields only where they say something."""
        optional = ("unavailable", "successor")
        return {key: text for key, text in vars(self).items() if text or key not in optional}


@dataclass(frozen=True)
class Question:
    """One question and the constraints on its answer.

    `kind` is the form of the answer: a line of text, several lines, one option, several options, a
    pasted reply, or an image, which is recorded as `Image.to_json` or as an empty text for none.
    `default` is the answer that an empty line stands for; None if an answer is required. An
    `unasked` question takes its default without being asked, unless it has a preset answer.
    Each of an option's `models` can be chosen alone, as `NAME/MODEL`. `may_skip` allows an empty
    selection for `choices`. With `may_be_open`, an empty text is an answer too: it leaves the
    matter open, for the LLM to choose. The end of input answers an `optional` question by its
    default. `show` is shown above the question.
    """

    key: str
    kind: Kind
    text: str
    default: JsonValue = None
    options: tuple[Option, ...] = ()
    models: Mapping[str, Sequence[str]] = field(default_factory=dict)
    max_length: int = 10_000
    pattern: str = ""
    hint: str = ""
    may_skip: bool = False
    may_be_open: bool = False
    unasked: bool = False
    optional: bool = False
    show: JsonValue = None

    @property
    def listed(self) -> tuple[Option, ...]:
        """The options that are shown, and numbered."""
        return tuple(option for option in self.options if not option.successor)

    def to_json(self) -> dict[str, Any]:
        """The question as a JSON object."""
        return {**vars(self), "options": [option.to_json() for option in self.options]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Question:
        """The question that `to_json` returned; raises TypeError for other data."""
        options = tuple(Option(**option) for option in data.get("options", ()))
        return cls(**(data | {"options": options}))


def parse_answer(question: Question, answer: JsonValue) -> JsonValue:
    """The validated answer in the form that its question requires; raises AnswerError."""
    match question.kind:
        case "text" | "lines":
            return _text(question, answer)
        case "paste":
            return _paste(answer)
        case "picture":
            return _image(question, answer)
        case "choice":
            return _choice(question, answer)
        case "choices":
            return [*_choices(question, answer)]
        case _:
            assert_never(question.kind)


def _text(question: Question, answer: JsonValue) -> str:
    if not isinstance(answer, str):
        raise AnswerError(f"`{question.key}` must be text, not {answer!r:.40}")
    if not answer.strip():
        if question.may_be_open:
            return ""
        if isinstance(question.default, str):
            return question.default
        raise AnswerError(f"`{question.key}` is empty", hint="enter at least one word")
    answer = _LINE_END.sub("\n", answer.removeprefix("\ufeff"))
    if len(answer) > question.max_length:
        raise AnswerError(
            f"`{question.key}` has {len(answer):,} characters; the limit is"
            f" {question.max_length:,}",
            hint="shorten the text to the essentials",
        )
    _check_characters(question.key, answer)
    if question.pattern and not search(question.pattern, answer.strip(), whole=True):
        raise AnswerError(f"{answer!r:.40} is not a valid `{question.key}`", hint=question.hint)
    return answer.strip()


def _check_characters(key: str, text: str) -> None:
    """Raises AnswerError for a control character, lone surrogate or text-direction character."""
    found = re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)
    if found is None:
        return
    if "\udc80" <= found[0] <= "\udcff":
        # So Python decodes a byte that is not UTF-8.
        raise AnswerError(
            f"`{key}` contains the byte 0x{ord(found[0]) - 0xDC00:02X}, which is not UTF-8 text",
            hint="save or enter the text as UTF-8",
        )
    raise AnswerError(
        f"`{key}` contains the control character U+{ord(found[0]):04X}",
        hint="remove it and try again",
    )


def _paste(answer: JsonValue) -> str:
    if not isinstance(answer, str) or not answer.strip():
        raise AnswerError("nothing was pasted", hint="paste the complete reply")
    if len(answer) > MAX_PASTE:
        raise AnswerError(
            f"the pasted reply has {len(answer):,} characters; the limit is {MAX_PASTE:,}"
        )
    return answer


def _image(question: Question, answer: JsonValue) -> JsonValue:
    """The description of an image that is recorded, or an empty text for none."""
    if answer is None or answer == "":
        return question.default or ""
    if isinstance(answer, str) and answer.strip().lower() == "none":
        return ""
    return Image.from_json(answer).to_json()


def _choice(question: Question, answer: JsonValue) -> str:
    if isinstance(answer, str) and not answer.strip() and isinstance(question.default, str):
        return question.default
    chosen = _choices(question, answer)
    if len(chosen) != 1:
        raise AnswerError(f"exactly one option is required, not {len(chosen)}")
    return chosen[0]


def _choices(question: Question, answer: JsonValue) -> list[str]:
    """The distinct names of the chosen options, in the order of the options."""
    if isinstance(answer, list):
        words = [str(word) for word in answer]
        if not words and question.may_skip:
            return []
    else:
        words = ("" if answer is None else str(answer)).replace(",", " ").split()
    if not words:
        if isinstance(question.default, list) and question.default:
            return [str(name) for name in question.default]
        raise AnswerError("nothing was selected", hint="enter at least one number or name")
    if question.may_skip and len(words) == 1 and words[0].lower() == "none":
        return []
    chosen: dict[str, set[str]] = {}
    for word in words:
        for name, models in _chosen_by(word, question):
            chosen.setdefault(name, set()).update(models)
    wants_all = [word.lower() for word in words] == ["all"]
    available = _available(question, {*chosen}, wants_all=wants_all)
    return [
        name
        for option in question.options
        if option.name in available
        for name in _shortest_names(
            option.name, question.models.get(option.name, ()), chosen[option.name]
        )
    ]


def _shortest_names(name: str, models: Sequence[str], chosen: set[str]) -> list[str]:
    """The option's name where all its models are chosen, else `NAME/MODEL` for each."""
    if chosen == {*models}:
        return [name]
    return [f"{name}/{model}" for model in models if model in chosen]


def _chosen_by(word: str, question: Question) -> list[tuple[str, Sequence[str]]]:
    """The options that one word chooses, each with its chosen models: `5/SD_B` has one."""
    names = [option.name for option in question.options]
    head, slash, model = word.partition("/")
    listed = [option.name for option in question.listed]
    if not slash or word in names:
        return [(name, question.models.get(name, ())) for name in _names_for(word, names, listed)]
    found = _names_for(head, names, listed)
    models = question.models.get(found[0], ())
    if len(found) != 1 or not models:
        raise AnswerError(f"{word!r:.80} names no model", hint="name one group, a slash, a model")
    exact = [each for each in models if each.lower() == model.lower()]
    if not exact:
        raise AnswerError(
            f"`{found[0]}` has no model {model!r:.80}",
            hint=f"known: {', '.join(nearest_first(model, models))}",
        )
    return [(found[0], exact)]


def _available(question: Question, chosen: set[str], *, wants_all: bool) -> set[str]:
    """The chosen names; raises AnswerError for one that is not available, `all` leaves it out."""
    reasons = {option.name: option.unavailable for option in question.options if option.unavailable}
    if wants_all:
        return chosen - set(reasons)
    for name in [name for name in reasons if name in chosen]:
        raise AnswerError(f"`{name}` cannot be chosen: {reasons[name]}", hint="choose another one")
    return chosen


def _names_for(word: str, names: Sequence[str], listed: Sequence[str]) -> Sequence[str]:
    """The names that one word stands for: a name, or of those listed a number, a range or `all`."""
    exact = {name.lower(): name for name in names}
    if word.lower() in exact:
        return [exact[word.lower()]]
    if word.lower() == "all":
        return listed
    if found := re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", word, re.ASCII):
        first, last = int(found[1]), int(found[2] or found[1])
        if 1 <= first <= last <= len(listed):
            return listed[first - 1 : last]
        raise AnswerError(
            f"{word!r} is out of range", hint=f"enter a number from 1 to {len(listed)}"
        )
    close = ", ".join(nearest_first(word, names))
    raise AnswerError(f"{word!r:.40} is neither a number nor a known name", hint=f"known: {close}")
