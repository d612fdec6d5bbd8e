"""What a run asks a person, and how the person's words become an answer.

A question is data, so that it can be recorded, shown by any face and judged before an answer is
recorded: a wrong answer never becomes a fact.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, assert_never

from callsheet.errors import AnswerError, nearest_first
from callsheet.images import Image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import JsonValue

Kind = Literal["text", "lines", "choice", "choices", "paste", "picture"]

MAX_PASTE = 1_000_000
"""Characters of a pasted reply; a chat's answer is a hundredth of that."""


@dataclass(frozen=True)
class Option:
    """One thing that can be chosen; `detail` is shown beside its label.

    `unavailable` says why it cannot be chosen now.
    """

    name: str
    label: str
    detail: str = ""
    unavailable: str = ""

    def to_json(self) -> dict[str, str]:
        """The option as a JSON object; `unavailable` only where it says something."""
        return {key: text for key, text in vars(self).items() if text or key != "unavailable"}


@dataclass(frozen=True)
class Question:
    """What is asked, and what an answer must be.

    `kind` is the answer's form: a line of text, several lines, one option, several options, a
    pasted reply, or a picture: its description as `pictures` makes it, or empty for none.
    `default` is what an empty line means; None where an answer must be given. An `unasked` question
    takes its default without a word, unless it was answered beforehand. `may_skip` lets a
    `choices` question be answered with none. `show` is what the person should look at first.
    """

    key: str
    kind: Kind
    text: str
    default: JsonValue = None
    options: tuple[Option, ...] = ()
    max_length: int = 10_000
    pattern: str = ""
    hint: str = ""
    may_skip: bool = False
    unasked: bool = False
    show: JsonValue = None

    def to_json(self) -> dict[str, Any]:
        """The question as a JSON object."""
        return {**vars(self), "options": [option.to_json() for option in self.options]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Question:
        """The question that `to_json` described; raises TypeError for another form."""
        options = tuple(Option(**option) for option in data.get("options", ()))
        return cls(**(data | {"options": options}))


def parse_answer(question: Question, answer: JsonValue) -> JsonValue:
    """The answer in the form its question wants; raises AnswerError saying what would fit."""
    match question.kind:
        case "text" | "lines":
            return _text(question, answer)
        case "paste":
            return _paste(answer)
        case "picture":
            return _picture(question, answer)
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
        if isinstance(question.default, str):
            return question.default
        raise AnswerError(f"`{question.key}` is empty", hint="write at least one word")
    if len(answer) > question.max_length:
        raise AnswerError(
            f"`{question.key}` has {len(answer):,} characters; the limit is"
            f" {question.max_length:,}",
            hint="say the essence; the instructions add the rest",
        )
    if found := _control_character(answer):
        raise AnswerError(
            f"`{question.key}` holds the control character U+{ord(found):04X}",
            hint="remove it and try again",
        )
    if question.pattern and not re.fullmatch(question.pattern, answer.strip()):
        raise AnswerError(f"`{question.key}` cannot be {answer!r:.40}", hint=question.hint)
    return answer.strip()


def _control_character(text: str) -> str:
    """The first character that no person types: control, lone surrogate, or text-direction."""
    found = re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)
    return found.group() if found else ""


def _paste(answer: JsonValue) -> str:
    if not isinstance(answer, str) or not answer.strip():
        raise AnswerError("nothing was pasted", hint="paste the chat's whole reply")
    if len(answer) > MAX_PASTE:
        raise AnswerError(
            f"the pasted reply has {len(answer):,} characters; the limit is {MAX_PASTE:,}"
        )
    return answer


def _picture(question: Question, answer: JsonValue) -> JsonValue:
    """What is recorded of a picture, or an empty text where there is none."""
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
        raise AnswerError(f"choose one, not {len(chosen)}")
    return chosen[0]


def _choices(question: Question, answer: JsonValue) -> list[str]:
    """The chosen options' names in the options' order, each once."""
    if isinstance(answer, list):
        words = [str(word) for word in answer]
        if not words and question.may_skip:
            return []
    else:
        words = ("" if answer is None else str(answer)).replace(",", " ").split()
    if not words:
        if isinstance(question.default, list) and question.default:
            return [str(name) for name in question.default]
        raise AnswerError("nothing was chosen", hint="enter at least one number or name")
    if question.may_skip and len(words) == 1 and words[0].lower() == "none":
        return []
    names = [option.name for option in question.options]
    chosen = {name for word in words for name in _chosen_by(word, names)}
    chosen = _available(question, chosen, wants_all=[word.lower() for word in words] == ["all"])
    return [name for name in names if name in chosen]


def _available(question: Question, chosen: set[str], *, wants_all: bool) -> set[str]:
    """The chosen names; raises AnswerError for one that is not available, `all` leaves it out."""
    reasons = {option.name: option.unavailable for option in question.options if option.unavailable}
    if wants_all:
        return chosen - set(reasons)
    for name in [name for name in reasons if name in chosen]:
        raise AnswerError(f"`{name}` cannot be chosen: {reasons[name]}", hint="choose another one")
    return chosen


def _chosen_by(word: str, names: Sequence[str]) -> Sequence[str]:
    """The names that one word stands for: a number, a range, a name or `all`."""
    exact = {name.lower(): name for name in names}
    if word.lower() in exact:
        return [exact[word.lower()]]
    if word.lower() == "all":
        return names
    if found := re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", word, re.ASCII):
        first, last = int(found[1]), int(found[2] or found[1])
        if 1 <= first <= last <= len(names):
            return names[first - 1 : last]
        raise AnswerError(
            f"{word!r} is out of range", hint=f"the numbers go from 1 to {len(names)}"
        )
    close = ", ".join(nearest_first(word, names))
    raise AnswerError(
        f"{word!r:.40} is neither a number nor a name that can be chosen", hint=f"known: {close}"
    )
