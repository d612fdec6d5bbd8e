"""The prompts of a run for export: each text with its format and its model's settings."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from callsheet.catalog.formats import find_format
from callsheet.catalog.schemas import models_in
from callsheet.errors import InputError, UnknownNameError
from callsheet.exports.texts import named_texts, printable_values
from callsheet.loader.rendering import render_schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic import JsonValue

    from callsheet.catalog.formats.format import Format
    from callsheet.catalog.groups import Group
    from callsheet.documents import RenderedImage, RunDocument
    from callsheet.loader.bundle import WorkflowBundle


@dataclass(frozen=True)
class PromptText:
    """One text of a prompt: its name (`MODEL`, or `MODEL.field`), and what kind of text it is.

    `negative` is the text that belongs into the negative field when this one is the prompt.
    """

    name: str
    text: str
    format: Format | None = None
    negative: PromptText | None = None


@dataclass(frozen=True)
class ExportedPrompt:
    """A model's prompt with its metadata. A prompt of several fields has several texts.

    `image` is the image that a person rendered from it.
    """

    category: str
    group: str
    label: str
    version: str
    model: str
    prompt: JsonValue
    texts: tuple[PromptText, ...]
    settings: tuple[str, ...]
    image: RenderedImage | None = None


@dataclass(frozen=True)
class PromptSet:
    """The prompts of a run, in the order of the config.

    `chosen` is what the LLM chose where the brief leaves it open, `noted` what a person noted.
    """

    run: str
    workflow: str
    llm: str
    brief: Mapping[str, Any]
    entries: tuple[ExportedPrompt, ...]
    chosen: Mapping[str, str] = field(default_factory=dict)
    noted: Mapping[str, Any] = field(default_factory=dict)

    def only(self, models: Sequence[str]) -> PromptSet:
        """The set with these models' prompts only; raises UnknownNameError."""
        known = [entry.model for entry in self.entries]
        for model in models:
            if model not in known:
                raise UnknownNameError("prompt for the model", model, known)
        return replace(
            self, entries=tuple(entry for entry in self.entries if entry.model in models)
        )


def prompt_set(document: RunDocument, bundle: WorkflowBundle) -> PromptSet:
    """The prompts of a run's document, with the metadata of their groups."""
    images = document.rendered or {}
    found = [
        replace(entry, image=images.get(entry.model))
        for category, prompts in document.prompts.items()
        for entry in _entries(category, _printable(prompts), document.settings, bundle)
    ]
    noted = document.noted.to_json() if document.noted else {}
    return PromptSet(
        run=document.run,
        workflow=document.workflow,
        llm=document.llm,
        brief=_printable(document.brief),
        entries=tuple(_with_negatives(found)),
        chosen=document.get("chosen") or {},
        noted=_printable({name: value for name, value in noted.items() if value}),
    )


def _printable(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: printable_values(value) for name, value in values.items()}


def _entries(
    category: str,
    prompts: Mapping[str, JsonValue],
    settings: Mapping[str, Sequence[str]],
    bundle: WorkflowBundle,
) -> Iterator[ExportedPrompt]:
    formats: dict[str, dict[str, Format | None]] = {}
    for model, prompt in prompts.items():
        group = _group_of(model, bundle)
        name = group.name if group else ""
        if group and name not in formats:
            formats[name] = _formats(group, bundle)
        known = formats.get(name, {})
        yield ExportedPrompt(
            category=category,
            group=name,
            label=group.label if group else "",
            version=group.version if group else "",
            model=model,
            prompt=prompt,
            texts=tuple(
                PromptText(each, text, known.get(each))
                for each, text in named_texts({model: prompt})
            ),
            settings=tuple(settings.get(model, ())),
        )


def _group_of(model: str, bundle: WorkflowBundle) -> Group | None:
    try:
        return bundle.resources.catalog.group_of(model)
    except UnknownNameError:
        # A workflow may bring prompts that it asked no group for.
        return None


def _formats(group: Group, bundle: WorkflowBundle) -> dict[str, Format | None]:
    """The named format of each of the group's texts, by the text's name."""
    try:
        return dict(_named(models_in(render_schema(bundle, [group.name]))))
    except InputError:
        # The workflow asks for this group in a way of its own, so its texts have no form here.
        return {}


def _named(properties: JsonValue, above: str = "") -> Iterator[tuple[str, Format | None]]:
    for name, node in properties.items() if isinstance(properties, dict) else ():
        if isinstance(node, dict):
            if isinstance(named := node.get("format"), str):
                yield f"{above}{name}", find_format(named)
            yield from _named(node.get("properties"), f"{above}{name}.")


def _with_negatives(entries: Sequence[ExportedPrompt]) -> Iterator[ExportedPrompt]:
    """The entries, each text with its negative text from the same prompt, or else the same group."""
    for entry in entries:
        near = [other for other in entries if other.group == entry.group and other != entry]
        others = [text for each in (entry, *near) for text in each.texts]
        yield replace(
            entry,
            texts=tuple(replace(text, negative=_negative(text, others)) for text in entry.texts),
        )


def _negative(text: PromptText, others: Sequence[PromptText]) -> PromptText | None:
    wanted = text.format.negative if text.format else ""
    fit = (other for other in others if other.format and other.format.name == wanted)
    return next(fit, None)
