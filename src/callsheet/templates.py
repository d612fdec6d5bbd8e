"""Renders text templates with plain values: sandboxed, bounded, and strict about undefined names.

Only files of a workflow are templates. Text of a person or an LLM is always a value, so `{{ … }}` inside
it is not rendered.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from callsheet.errors import InputError
from callsheet.idea_drafts import FILTERS as IDEA_FILTERS
from callsheet.idea_text import opening, phrase

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic import JsonValue

MAX_TEMPLATE = 200_000
MAX_RENDERED = 1_000_000
"""Characters; a usual message has a thousandth of that."""

MAX_DEPTH = 40
"""Levels of a template's syntax tree; far deeper ones take Jinja very long."""

ALLOWED = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Name),
    *(nodes.Const, nodes.List, nodes.Tuple, nodes.Getattr, nodes.Getitem, nodes.Slice),
    *(nodes.Filter, nodes.Test, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.Keyword),
    *(nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Concat, nodes.Add, nodes.Sub),
    *(nodes.Dict, nodes.Pair),
)
"""Allowed syntax: nothing that calls, loads, or grows without limit."""

FILTERS = (
    *("abs", "capitalize", "count", "d", "default", "first", "float", "int", "items"),
    *("last", "length", "list", "lower", "reverse", "round", "select", "sort", "string", "title"),
    *("trim", "truncate", "unique", "upper", "wordcount"),
)
"""Filters of Jinja that cannot make a long text from a short one."""


_FILTER_ERRORS = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError),
    ValueError,
)
"""What filters raise for values that do not suit them, such as `truncate(-1)`."""

LONGEST_SIDE, LEAST_STEP, MOST_MEGAPIXELS = 100, 8, 64
"""Bounds of the search for an image size; beyond them it would take long."""


def fill(template: str, variables: Mapping[str, JsonValue], *, name: str = "template") -> str:
    """The rendered template; raises InputError naming undefined variables."""
    with _refusing(template, name, variables):
        compiled = _compiled(template)
    try:
        pieces: list[str] = []
        size = 0
        for piece in compiled.generate(**variables):
            size += len(piece)
            if size > MAX_RENDERED:
                raise InputError(f"{name} grows beyond {MAX_RENDERED:,} characters when filled")
            pieces.append(piece)
    except TemplateError as error:
        raise _template_error(error, name, variables) from error
    except _FILTER_ERRORS as error:
        raise InputError(f"{name} cannot be filled: {error}", hint=_hint(variables)) from error
    return "".join(pieces).strip()


def check_template(template: str, *, name: str = "template") -> None:
    """Raises InputError for a template that is invalid for any variables."""
    with _refusing(template, name, {}):
        _parsed(template)


def names_read(template: str) -> set[str]:
    """The names that a template reads, each with its attributes: `idea`, `brief.mood`.

    Empty for a template that cannot be read.
    """
    try:
        tree = _environment().parse(template)
    except TemplateError:
        return set()
    found: set[str] = set()
    _collect_names(tree, found)
    return found


def _collect_names(node: nodes.Node, found: set[str]) -> None:
    if path := _path(node):
        found.add(path)
        return
    for child in node.iter_child_nodes():
        _collect_names(child, found)


def _path(node: nodes.Node) -> str:
    """A name with its attributes; empty for anything else."""
    match node:
        case nodes.Name():
            return str(node.name)
        case nodes.Getattr():
            inner = _path(node.node)
            return f"{inner}.{node.attr}" if inner else ""
        case nodes.Getitem(arg=nodes.Const()):
            inner = _path(node.node)
            return f"{inner}.{node.arg.as_const()}" if inner else ""
        case _:
            return ""


@contextmanager
def _refusing(template: str, name: str, variables: Mapping[str, JsonValue]) -> Iterator[None]:
    if len(template) > MAX_TEMPLATE:
        raise InputError(f"{name} has {len(template):,} characters; the limit is {MAX_TEMPLATE:,}")
    try:
        yield
    except TemplateError as error:
        raise _template_error(error, name, variables) from error
    except (RecursionError, SyntaxError, MemoryError) as error:
        raise InputError(f"{name} is nested too deeply") from error


def _template_error(
    error: TemplateError, name: str, variables: Mapping[str, JsonValue]
) -> InputError:
    return InputError(f"{name} cannot be filled: {error.message!s:.300}", hint=_hint(variables))


def _permitted(node: nodes.Node) -> nodes.Node:
    if not isinstance(node, ALLOWED):
        raise TemplateSyntaxError(
            f"`{type(node).__name__.lower()}` is not allowed in templates", node.lineno
        )
    return node


@lru_cache(maxsize=256)
def _compiled(template: str) -> Template:
    return _environment().from_string(_parsed(template))


@lru_cache(maxsize=256)
def _parsed(template: str) -> nodes.Template:
    environment = _environment()
    tree = environment.parse(template)
    level: list[nodes.Node] = [tree]
    for _ in range(MAX_DEPTH):
        level = [_permitted(child) for node in level for child in node.iter_child_nodes()]
    if level:
        raise TemplateSyntaxError(f"nested deeper than {MAX_DEPTH} levels", level[0].lineno)
    for loop in tree.find_all(nodes.For):
        if loop.recursive or any(True for _ in loop.find_all(nodes.For)):
            raise TemplateSyntaxError("nested loops are not allowed in templates", loop.lineno)
    # Jinja itself would say so when it compiles the template, which takes far longer.
    for kind, known in ((nodes.Filter, environment.filters), (nodes.Test, environment.tests)):
        for node in tree.find_all(kind):
            if node.name not in known:
                word = kind.__name__.lower()
                raise TemplateSyntaxError(f"No {word} named {node.name!r}.", node.lineno)
    return tree


class _Environment(ImmutableSandboxedEnvironment):
    """Gives access to the data of values, but not to their Python methods."""

    def is_safe_attribute(self, obj: object, attr: str, value: object) -> bool:
        return not callable(value) and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: object) -> None:
        """Treats `format` like any other method; Jinja would allow it."""


@lru_cache(maxsize=1)
def _environment() -> _Environment:
    # Prompts are text, not markup: escaping would put `&amp;` into them.
    environment = _Environment(
        undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
    )
    # `range`, `lipsum` and similar functions can grow a text without limit.
    environment.globals.clear()
    ours = (phrase, opening, has, shaped, pixels, join, *IDEA_FILTERS)
    environment.filters = {name: environment.filters[name] for name in FILTERS}
    environment.filters |= {each.__name__: each for each in ours}
    return environment


def join(values: Iterable[object], by: str = "") -> str:
    """The values joined by `by`."""
    texts = [str(value) for value in values]
    if sum(map(len, texts)) + len(by) * len(texts) > MAX_RENDERED:
        raise ValueError(f"a joined text grows beyond {MAX_RENDERED:,} characters")
    return by.join(texts)


def has(text: object, *words: str) -> bool:
    """Whether the text contains one of the words, ignoring case."""
    found = str(text or "").lower()
    return any(re.search(rf"\b{re.escape(word.lower().strip())}\b", found) for word in words)


def shaped(ratio: str, tall: str, wide: str, square: str) -> str:
    """One of three texts, by an aspect ratio such as `2:3`."""
    width, _, height = ratio.partition(":")
    across, down = int(width), int(height)
    return square if across == down else tall if across < down else wide


def pixels(ratio: str, megapixels: float, step: int) -> str:
    """The size nearest to an aspect ratio, with sides in whole steps: `2:3` is `832x1216`.

    It has at most so many megapixels (of 1024 by 1024), and at least nine tenths of that.
    """
    across, _, down = ratio.partition(":")
    wanted, most = int(across) / int(down), megapixels * 1024 * 1024
    bounded = 1 <= max(wanted, 1 / wanted) <= LONGEST_SIDE and step >= LEAST_STEP
    if not bounded or not 0 < megapixels <= MOST_MEGAPIXELS:
        raise ValueError(f"no image size fits the ratio {ratio:.40}")
    sizes = (
        (width, height)
        for width in range(step, int((most * wanted) ** 0.5 * 1.3) + step, step)
        for height in (int(width / wanted // step * step), int(-(-width / wanted // step) * step))
        if most * 0.9 <= width * height <= most
    )
    fit = min(sizes, key=lambda size: (abs(size[0] / size[1] / wanted - 1), -size[0]), default=None)
    if fit is None:
        raise ValueError(f"no image size fits the ratio {ratio:.40}")
    return f"{fit[0]}x{fit[1]}"


def _hint(variables: Mapping[str, JsonValue]) -> str:
    names = ", ".join(f"`{name}`" for name in variables) or "none"
    return f"its variables are: {names}"
