"""Describes a workflow's fields and groups, and the LLMs, for interfaces that show a form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from callsheet.authoring.groups import list_groups
from callsheet.catalog.schemas import models_in
from callsheet.errors import InputError
from callsheet.llm.providers import DEFAULT_LLM, all_providers
from callsheet.loader.bundle import load_workflow
from callsheet.loader.rendering import (
    REVIEW_MODULE,
    SELECTION_MODULE,
    SELECTION_PREFIX,
    render_schema,
)
from callsheet.runs.inputs import preset_questions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from pydantic import JsonValue

    from callsheet.llm.providers import Provider
    from callsheet.loader.bundle import WorkflowBundle
    from callsheet.settings import Settings


def describe_workflow(workflow: str, *, today: date) -> dict[str, Any]:
    """The fields, categories and groups of a workflow, and how long each model's prompt may be."""
    bundle = load_workflow(workflow)
    described = bundle.definition.workflow
    homes = dict(_homes(bundle))
    groups = list_groups(workflow, today=today)
    return {
        "title": described.name,
        "description": described.description,
        "steps": [
            {
                "step": step.step_id,
                "title": step.name,
                "description": step.description,
                "category": next((c for c, home in homes.items() if home == step.step_id), None),
                "editable": any(use.module_id == REVIEW_MODULE for use in step.modules),
            }
            for step in described.steps
        ],
        "fields": [
            {
                "key": question.key,
                "step": step,
                "kind": question.kind,
                "text": question.text,
                "default": question.default,
                "max_length": question.max_length,
                "pattern": question.pattern,
                "hint": question.hint,
                "options": question.to_json()["options"],
                "may_be_open": question.may_be_open,
            }
            for step, question in preset_questions(bundle)
            if not question.key.startswith(SELECTION_PREFIX)
        ],
        "categories": [
            {
                "name": category,
                "step": step,
                "groups": [group for group in groups if group["category"] == category],
            }
            for category, step in homes.items()
        ],
        "limits": dict(_limits(bundle)),
    }


def describe_llms(settings: Settings) -> dict[str, Any]:
    """The LLMs that can be named, the one taken by default, and whether its key is there."""
    return {
        "chosen": settings.llm or DEFAULT_LLM,
        "max_cost": settings.max_cost,
        "llms": [_describe_provider(provider, settings) for provider in all_providers()],
    }


def _describe_provider(provider: Provider, settings: Settings) -> dict[str, Any]:
    described = {
        "spec": provider.example,
        "title": provider.title,
        "key": _key_state(provider, settings),
        "jobs": provider.jobs is not None and not _is_replaced(provider, settings),
    }
    if not provider.takes_name:
        return described
    return described | {"variables": list(provider.key_names)}


def _key_state(provider: Provider, settings: Settings) -> str:
    # The server that replaces the provider's URL is never sent the provider's key.
    if not provider.key_names or _is_replaced(provider, settings):
        return "not_needed"
    found = any(name in settings.environment for name in provider.key_names)
    return "there" if found else "missing"


def _is_replaced(provider: Provider, settings: Settings) -> bool:
    """Whether a server of the person's own is called in the provider's place."""
    return provider.reads_base_url_setting and settings.base_url is not None


def _homes(bundle: WorkflowBundle) -> Iterator[tuple[str, str]]:
    """Each category that the workflow asks for, with its step."""
    for step in bundle.definition.workflow.steps:
        for use in step.modules:
            if use.module_id == SELECTION_MODULE:
                yield str(use.inputs.get("group_category")), step.step_id


def _limits(bundle: WorkflowBundle) -> Iterator[tuple[str, dict[str, Any]]]:
    for group in bundle.resources.catalog.groups():
        try:
            schema = render_schema(bundle, [group.name])
        except InputError:
            # The workflow asks nothing of this group, so nothing limits it here.
            continue
        for model, node in models_in(schema).items():
            yield model, _limit(node)


def _limit(node: JsonValue) -> dict[str, Any]:
    longest = node.get("maxLength") if isinstance(node, dict) else None
    inner = node.get("properties") if isinstance(node, dict) else None
    fields = [
        {"name": name, "max_length": _limit(each)["max_length"]}
        for name, each in (inner if isinstance(inner, dict) else {}).items()
    ]
    return {"max_length": longest, "fields": fields}
