"""Templates put values in and do nothing else: no code, no way out, no growth without end."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callsheet.catalog.groups import Catalog
from callsheet.errors import InputError
from callsheet.llm.port import Reply, Request
from callsheet.modules.contract import Done, ModuleContext, Resources
from callsheet.modules.prompt import template as module
from callsheet.templates import (
    FILTERS,
    MAX_RENDERED,
    MAX_TEMPLATE,
    check_template,
    fill,
    has,
    join,
    opening,
    phrase,
    shaped,
)
from callsheet.workflow.folder import folder_in_memory


def refusal(template: str, **variables: object) -> str:
    with pytest.raises(InputError) as caught:
        fill(template, variables, name="the template")  # type: ignore[arg-type]
    return f"{caught.value.message} ({caught.value.hint})"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("A {{ mood }} heron.", "A calm heron."),
        ("{{ gone or 'x' }}", None),
        ("{{ empty or 'open' }}", "open"),
        ("{{ nothing or 'open' }}", "open"),
        ("{% if mood %}\n  yes\n{% else %}\n  no\n{% endif %}\n", "yes"),
        ("{% for name in names %}\n{{ loop.index }}. {{ name }}\n{% endfor %}", "1. ant\n2. bee"),
        ("{{ names | join(', ') }} ({{ names | length }})", "ant, bee (2)"),
        ("{{ names[0] | upper }} {{ brief.mood }} {{ brief['mood'] }}", "ANT calm calm"),
        ("{{ 'x' if 'ant' in names and not empty else 'y' }}", "x"),
        ("{{ mood ~ '!' }} {{ 1 + 2 }} {{ 3 - 1 }}", "calm! 3 2"),
        ("{{ gone | default('none') }}", "none"),
        ("{% if gone is defined %}a{% else %}b{% endif %}", "b"),
        ("{# a note #}{% raw %}{{ as it is }}{% endraw %}", "{{ as it is }}"),
        ("  {{ mood | phrase | opening }}  \n", "Calm"),
        ("{{ mood | has('cal', 'calm') }}", "True"),
        ("{{ ratio | shaped('tall', 'wide', 'square') }}", "tall"),
    ],
)
def test_a_template_is_filled_with_its_values(template: str, text: str | None) -> None:
    variables = {
        "mood": "calm",
        "empty": "",
        "nothing": None,
        "names": ["ant", "bee"],
        "brief": {"mood": "calm"},
        "ratio": "2:3",
    }

    if text is None:
        assert "'gone' is undefined" in refusal(template, **variables)
    else:
        assert fill(template, variables) == text  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    ["{{ 7*7 }}", "{{7*7}}", "{% for x in y %}", "{# gone? #}", "${7*7}", "#{7*7}", "<%= 7*7 %>",
     "{{ config }}", "{{ ''.__class__ }}", "& < > \" '", "%s %(x)s {0}", "\\x41 \\n", "$state.idea"],
)  # fmt: skip
def test_a_value_stays_as_it_is_whatever_it_looks_like(value: str) -> None:
    assert fill("[{{ idea }}]", {"idea": value}) == f"[{value}]"
    assert fill("{{ brief.idea }}.", {"brief": {"idea": value}}) == f"{value}."
    assert fill("{{ [idea, 'x'] | join(' ') }}", {"idea": value}) == f"{value} x"


@given(value=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_value_stays_as_it_is(value: str) -> None:
    assert fill("[{{ idea }}]", {"idea": value}) == f"[{value}]"


ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ ''|attr('__class__') }}",
    "{{ ''|attr('\\x5f\\x5fclass\\x5f\\x5f') }}",
    "{{ ()['__cl' ~ 'ass__'] }}",
    "{{ [].__class__.__base__ }}",
    "{{ {}.__class__ }}",
    "{{ {}.__init__.__globals__ }}",
    "{{ (1).__class__ }}",
    "{{ true.__class__ }}",
    "{{ none.__class__ }}",
    "{{ idea.__class__.__mro__ }}",
    "{{ idea.__len__() }}",
    "{{ idea['__class__']['__mro__'] }}",
    "{{ idea | attr('__class__') }}",
    "{{ idea | map('attr', '__class__') | list }}",
    "{{ names | map(attribute='__class__') | list }}",
    "{{ names | selectattr('__class__') | list }}",
    "{{ names | groupby('__class__') }}",
    "{{ names | sort(attribute='__class__') }}",
    "{{ names | unique(attribute='__class__') | list }}",
    "{{ names | sum(start='') }}",
    "{{ '{0.__class__}'.format(idea) }}",
    "{{ '{0.__class__.__mro__}'.format_map({}) }}",
    "{{ '%s' | format(idea) }}",
    "{{ idea.format }}",
    "{{ idea.upper() }}",
    "{{ names.append('x') }}",
    "{{ names.pop }}",
    "{{ brief.items() }}",
    "{{ brief.update({}) }}",
    "{{ brief.pop }}",
    "{{ self.__init__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ self._TemplateReference__context.cycler.__init__.__globals__.os }}",
    "{{ config }}",
    "{{ config.items() }}",
    "{{ request }}",
    "{{ request.application.__globals__ }}",
    "{{ url_for.__globals__ }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ g.pop.__globals__ }}",
    "{{ lipsum() }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ namespace(x=1) }}",
    "{{ dict(x=1) }}",
    "{{ range(9) }}",
    "{{ open('/etc/passwd').read() }}",
    "{{ __import__('os') }}",
    "{{ __builtins__ }}",
    "{{ caller() }}",
    "{{ super() }}",
    "{{ undefined.__class__ }}",
    "{{ idea | pprint }}",
    "{{ idea | xmlattr }}",
    "{{ idea | tojson }}",
    "{{ idea | safe }}",
    "{{ idea | urlize }}",
    "{{ loop }}",
    "{% for x in names %}{{ loop.__class__ }}{% endfor %}",
    "{% for x in names %}{{ loop._iterator }}{% endfor %}",
    "{% for x in names %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for x in names %}{{ loop.cycle.__globals__ }}{% endfor %}",
    "{% for x in names recursive %}{{ loop(names) }}{% endfor %}",
    "{% set x = ''.__class__ %}{{ x }}",
    "{% set x %}text{% endset %}{{ x }}",
    "{% with x = 1 %}{{ x }}{% endwith %}",
    "{% macro m() %}{{ m.__globals__ }}{% endmacro %}{{ m() }}",
    "{% call m() %}{% endcall %}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}{{ os }}",
    "{% from 'os' import system %}",
    "{% extends 'base' %}",
    "{% block x %}{% endblock %}",
    "{% filter upper %}x{% endfilter %}",
    "{% autoescape true %}{% endautoescape %}",
    "{% do names.append('x') %}",
    "{% debug %}",
    "{{ 7*7 }}",
    "{{ 7 // 2 }}",
    "{{ 7 % 2 }}",
    "{{ '%s' % idea }}",
]


@pytest.mark.parametrize("payload", ESCAPES)
def test_a_template_that_uses_more_than_values_is_rejected(payload: str) -> None:
    result = refusal(payload, idea="a heron", names=["ant", "bee"], brief={"a": 1})

    assert result.startswith("the template cannot be filled: ")
    for leak in ("<class", "<built-in", "<bound", "<function", "root:", "object at 0x"):
        assert leak not in result


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ("${7*7}", "${7*7}"),
        ("#{7*7}", "#{7*7}"),
        ("<%= 7*7 %>", "<%= 7*7 %>"),
        ("*{7*7}", "*{7*7}"),
        ("{{ '{{7*7}}' }}", "{{7*7}}"),
        ("{{ '__class__' }}", "__class__"),
        ("{{ self }}", "<TemplateReference None>"),
        ("{{ names | reverse | list }}", "['bee', 'ant']"),
        ("{{ brief.keys or 'x' }}", None),
    ],
)
def test_a_payload_for_something_else_is_plain_text(payload: str, text: str | None) -> None:
    variables = {"names": ["ant", "bee"], "brief": {"a": 1}}

    if text is None:
        assert refusal(payload, **variables)
    else:
        assert fill(payload, variables) == text  # type: ignore[arg-type]


GROWING = [
    "{{ 'x' * 1000000000 }}",
    "{{ 'x' * 10**9 }}",
    "{{ 10**10**8 }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '{:1000000000}'.format(1) }}",
    "{{ 'x'.center(1000000000) }}",
    "{{ 'x' | center(1000000000) }}",
    "{{ 'x' | indent(1000000000) }}",
    "{{ idea | replace('x', idea) | replace('x', idea) }}",
    "{{ idea | wordwrap(1, wrapstring=idea) }}",
    "{{ idea | batch(1, idea) | list }}",
    "{{ idea | tojson | tojson | tojson }}",
    "{{ idea | join(idea) | join(idea) }}",
    "{% for a in idea %}{{ idea }}{% endfor %}",
    "{% for a in idea %}{% for b in idea %}{% for c in idea %}{% endfor %}{% endfor %}{% endfor %}",
    "{% set x = idea %}" + "{% set x = x ~ x %}" * 60 + "{{ x }}",
    "{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{{ m(1) }}",
    "{{ lipsum(n=1000000) }}",
    "{% for x in range(1000000000) %}{% endfor %}",
    "{{ " + "(" * 5_000 + "1" + ")" * 5_000 + " }}",
    "{{ " + "not " * 5_000 + "1 }}",
    "{{ " + "not " * 250 + "idea }}",
    "{% if 1 %}" * 500 + "{% endif %}" * 500,
]


@pytest.mark.parametrize("payload", GROWING, ids=lambda payload: payload[:40])
def test_a_template_that_would_grow_without_limit_is_rejected_immediately(payload: str) -> None:
    began = time.process_time()

    assert refusal(payload, idea="x" * 4_000).startswith("the template ")

    assert time.process_time() - began < 5


def test_a_filled_text_may_be_as_long_as_the_limit() -> None:
    half = "x" * (MAX_RENDERED // 2)

    assert len(fill("{{ a }}{{ a }}", {"a": half})) == MAX_RENDERED
    assert "grows beyond 1,000,000 characters" in refusal("{{ a }}{{ a }}.", a=half)


def test_a_template_may_be_as_long_as_the_limit() -> None:
    assert len(fill("x" * MAX_TEMPLATE, {})) == MAX_TEMPLATE
    assert "has 200,001 characters; the limit is 200,000" in refusal("x" * (MAX_TEMPLATE + 1))


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("{{ idae }}", "'idae' is undefined (its variables are: `idea`, `mood`)"),
        ("{{ idea.gone.more }}", "has no attribute 'gone'"),
        ("{{ idea", "unexpected end of template"),
        ("{% if idea %}", "Unexpected end of template"),
        ("{{ idea | gone }}", "No filter named 'gone'"),
        ("{{ idea is gone }}", "No test named 'gone'"),
        ("{{ idea + 1 }}", "the template cannot be filled"),
        ("{{ 1 | shaped('a', 'b', 'c') }}", "the template cannot be filled"),
        ("{{ idea | shaped('a', 'b', 'c') }}", "the template cannot be filled"),
        ("{{ idea | shaped }}", "the template cannot be filled"),
        ("{{ none | opening }}", "the template cannot be filled"),
        ("{{ idea | has(1) }}", "the template cannot be filled"),
    ],
)
def test_an_unknown_placeholder_is_reported_with_the_known_names(
    template: str, result: str
) -> None:
    report = refusal(template, idea="a heron", mood="calm")

    assert result in report
    assert "`idea`, `mood`" in report


def test_the_error_for_a_template_without_variables_says_so() -> None:
    assert "(its variables are: none)" in refusal("{{ idea }}")


@given(text=st.text(alphabet="{}%#' ax.|()[]_~*\n", max_size=30))
def test_any_template_is_filled_or_rejected(text: str) -> None:
    try:
        filled = fill(text, {"a": "x"})
    except InputError:
        return
    assert isinstance(filled, str)
    check_template(text)


@pytest.mark.parametrize("name", FILTERS)
def test_no_filter_makes_a_long_text_of_a_short_one(name: str) -> None:
    try:
        filled = fill(f"{{{{ value | {name} }}}}", {"value": "ab" * 500})
    except InputError:
        return
    assert len(filled) <= 5 * 1_000 + 2


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a heron.", "a heron"),
        ("a heron at dawn?!…", "a heron at dawn"),
        ("窓辺の雨。", "窓辺の雨"),
        ("two\nlines\t here", "two lines here"),
        ("a --ar 2:3 b::2", "a b"),
        ("(a:1.3), [b] {c} <d>", "a, b c d"),
        ("a rainbow over __city__ --no people", "a rainbow"),
        ("a {red|blue} bus <lora:x:0.5>, masterpiece", "a red bus"),
        ("", ""),
        (None, ""),
        (5, "5"),
    ],
)
def test_a_phrase_is_one_line_without_prompt_syntax(text: object, part: str) -> None:
    assert phrase(text) == part


@given(text=st.text())
def test_any_phrase_has_no_syntax_and_stays_the_same_when_made_again(text: str) -> None:
    made = phrase(text)

    assert "--" not in made
    assert "::" not in made
    assert not set(made) & set("()[]{}<>\n")
    assert phrase(made) == made


def test_an_opening_has_a_capital_and_the_rest_as_it_is() -> None:
    assert [opening(text) for text in ("a Heron", "Äh", "é", "")] == ["A Heron", "Äh", "É", ""]


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("A Woman reads", ("woman",), True),
        ("women", ("woman", "wom"), False),
        ("a rainbow", ("rain",), False),
        ("a snowboard in summer", ("snow",), False),
        ("a snowman", ("man",), False),
        (["rain", "x"], ("Rain",), True),
        (None, ("none",), False),
        ("a+b", ("a+",), True),
        ("anything", (), False),
    ],
)
def test_a_whole_word_is_matched_in_any_case(
    text: object, words: tuple[str, ...], *, found: bool
) -> None:
    assert has(text, *words) is found


def test_a_ratio_chooses_one_of_three_texts() -> None:
    made = [shaped(ratio, "tall", "wide", "square") for ratio in ("2:3", "16:9", "4:4")]

    assert made == ["tall", "wide", "square"]


def test_values_are_joined_within_the_limit() -> None:
    assert join(["a", 1], ", ") == "a, 1"
    assert join([]) == ""
    with pytest.raises(ValueError, match="grows beyond"):
        join(["x" * 1_000] * 1_001)


def resources() -> Resources:
    return Resources(folder_in_memory("none", {}), Catalog({}))


@pytest.mark.parametrize(
    ("template", "wrong"),
    [("{{ idea }}", False), ("$state.text", False), ("{{ idea", True), ("{{ f() }}", True)],
)
def test_a_template_that_can_never_be_filled_is_found_before_a_run(
    template: str, *, wrong: bool
) -> None:
    problems = list(module.check({"template": template}, resources()))

    assert [problem.path for problem in problems] == ([".template"] if wrong else [])


async def test_the_template_module_fills_in_what_it_is_given() -> None:
    inputs = module.Inputs(template="{{ a }}", variables={"a": "{{ b }}"})

    async def call(request: Request, repair: bool) -> Reply:  # noqa: FBT001
        raise AssertionError("no LLM is needed to fill a template")

    context = ModuleContext(resources=resources(), step="s", answers={}, call=call, note=print)

    assert await module.run(inputs, context) == Done(module.Outputs(rendered="{{ b }}"))
