"""The page's texts: every language has all of them, none is superfluous, and none is left elsewhere."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import pytest

from callsheet.authoring.describe import describe_workflow
from callsheet.loader.bundle import built_in_workflows
from callsheet.web.page_files import FOLDER
from callsheet.web.page_messages import REFERENCE, languages, messages

TAGS = sorted(languages())
FROM_SERVER = "from_server"
CODE = {path.name: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.js"))}
DOCUMENT = (FOLDER / "index.html").read_text("utf-8")

FORMS = {"en": {"one", "other"}, "de": {"one", "other"}, "zh-Hans": {"other"}}
"""The plural forms of each language, as Unicode has them."""

NO_TEXT = frozenset(
    {
        "ArrowDown", "ArrowUp", "Content-Type", "Enter", "Escape", "Excel", "Files",
        "Idempotency-Key", "JSON Lines", "Markdown", "WebP", ".prompt-editor, dialog",
        "(prefers-color-scheme: dark)", "(prefers-reduced-motion: reduce)", "sheet editor",
        "no model group is named", "textarea, input",
        "input[type=text], input[type=search], textarea",
    }
)  # fmt: skip
"""Names of keys, headers and formats, selectors, and what is compared with the server's words."""


def _own(tag: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "messages" / f"{tag}.json").read_text("utf-8"))
    return found


def _places(text: Any) -> set[str]:
    forms = text.values() if isinstance(text, dict) else [text]
    return {place for form in forms for place in re.findall(r"\{(\w+)\}", form)}


@pytest.mark.parametrize("tag", TAGS)
def test_a_language_has_every_text_with_the_same_places_and_its_own_plurals(tag: str) -> None:
    reference, own = messages(REFERENCE), _own(tag)
    assert own.keys() - {FROM_SERVER} == reference.keys()
    texts = {key: text for key, text in own.items() if key != FROM_SERVER}
    assert {key: _places(text) for key, text in texts.items()} == {
        key: _places(text) for key, text in reference.items()
    }
    plurals = {key: set(text) for key, text in texts.items() if isinstance(text, dict)}
    assert plurals == dict.fromkeys(plurals, FORMS[tag])
    assert plurals.keys() == {key for key, text in reference.items() if isinstance(text, dict)}


def test_the_page_uses_every_text_and_no_other() -> None:
    code = "\n".join(CODE.values())
    keys = messages(REFERENCE).keys()
    exact = set(re.findall(r'"([a-z_]+\.[a-z_.0-9]+)"', code))
    beginnings = set(re.findall(r"`([a-z_]+\.[a-z_]*)\$\{", code))
    in_document = set(re.findall(r'data-t(?:-[a-z-]+)?="([\w.]+)"', DOCUMENT))
    assert in_document <= keys
    areas = {key.partition(".")[0] for key in keys}
    named = {key for key in exact if key.partition(".")[0] in areas and not key.endswith(".js")}
    assert named - keys <= {"prompt.hidden"}
    used = named | in_document | {key for key in keys if key.startswith(tuple(beginnings))}
    assert keys - used == {"language.name"}, "the server names the languages"


def _without_comments(text: str) -> str:
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return re.sub(r"(^|\s)//\s.*$", "", text, flags=re.MULTILINE)


def _literals(text: str) -> set[str]:
    """The double-quoted strings of a module, without those that are CSS classes."""
    text = re.sub(r'\bclass: (?:[^"{}]*"[^"\n]*"(?: : |(?=[,}) \n])))+', "", text)
    return set(re.findall(r'"((?:[^"\\\n]|\\.)*)"', text))


def test_no_text_is_left_in_the_code() -> None:
    prose = re.compile(r"^[A-Z][a-z]|[A-Za-z]{2,}[,.;:]? [A-Za-z]{2,}|[a-z] ?[…!?]$")
    said = r'(?:button\(|announce\(|"aria-label": |placeholder: |title: )["`]([^"`]+)'
    code = {name: _without_comments(text) for name, text in CODE.items()}
    left = {name: {x for x in _literals(text) if prose.search(x)} for name, text in code.items()}
    assert {name: found for name in left if (found := left[name] - NO_TEXT)} == {}
    assert {name: found for name in code if (found := re.findall(said, code[name]))} == {}


def test_no_text_is_left_in_the_document() -> None:
    body = re.sub(r"<!--.*?-->|<title>callsheet</title>|>callsheet</a>|>\?</button>", "", DOCUMENT)
    assert re.findall(r">[^<>]*[A-Za-z?][^<>]*<", body) == []
    assert re.findall(r'\b(?<!-)(?:aria-label|placeholder|title)="', body) == []


def _from_server() -> set[str]:
    """What the built-in workflows ask and are called."""
    found: set[str] = set()
    for name in built_in_workflows():
        workflow = describe_workflow(name, today=date(2026, 11, 28))
        found |= {workflow["title"], *(step["title"] for step in workflow["steps"])}
        for field in workflow["fields"]:
            found |= {field["text"], field["hint"], *(each["label"] for each in field["options"])}
    return found - {""}


@pytest.mark.parametrize("tag", [tag for tag in TAGS if tag != REFERENCE])
def test_what_the_built_in_workflows_are_called_is_translated(tag: str) -> None:
    assert _from_server() <= _own(tag)[FROM_SERVER].keys()
