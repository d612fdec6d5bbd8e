"""Lists model groups with their size and age, and finds those that nobody has verified for long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from callsheet.catalog.freshness import age, is_old
from callsheet.errors import Problem, WorkflowError
from callsheet.llm.tokens import count_tokens
from callsheet.loader.bundle import CONFIG, DEFAULT_WORKFLOW, inspect_workflow, load_workflow
from callsheet.loader.rendering import own_instructions

if TYPE_CHECKING:
    import datetime as dt

    from callsheet.catalog.groups import Group
    from callsheet.loader.bundle import WorkflowBundle


def list_groups(workflow: str = DEFAULT_WORKFLOW, *, today: dt.date) -> list[dict[str, Any]]:
    """Every group that can be chosen, the tokens its instructions add (o200k), and its age."""
    bundle = load_workflow(workflow)
    return [
        {
            "name": group.name,
            "category": group.category,
            "label": group.label,
            "description": group.description,
            "models": list(group.models),
            "tokens": _tokens(bundle, group),
            "version": group.version,
            **_upkeep(group, today),
            "settings": {model: list(lines) for model, lines in group.settings.items()},
            "problems": [str(problem) for problem in group.problems],
        }
        for group in bundle.resources.catalog.groups()
    ]


def _upkeep(group: Group, today: dt.date) -> dict[str, Any]:
    return {
        "checked": group.checked.isoformat() if group.checked else None,
        "age": age(group.checked, today) if group.checked else None,
        "outdated": is_old(group.checked, today),
        "sources": [each.model_dump(mode="json") for each in group.sources],
        "closed": group.closed.model_dump(mode="json") if group.closed else None,
        "successor": group.successor,
        "notice": group.notice(today),
    }


def find_outdated(workflow: str = DEFAULT_WORKFLOW, *, today: dt.date) -> list[Problem]:
    """The groups that were checked against their sources too long ago."""
    try:
        bundle, _ = inspect_workflow(workflow)
    except WorkflowError:
        return []
    return [
        _outdated(group, workflow, today)
        for group in bundle.resources.catalog.groups()
        if is_old(group.checked, today) and not _needs_no_check(group, today)
    ]


def _needs_no_check(group: Group, today: dt.date) -> bool:
    """Whether a group is replaced, or its service has closed and does not change any more."""
    return bool(group.successor or (group.closed and group.closed.date <= today))


def _outdated(group: Group, workflow: str, today: dt.date) -> Problem:
    sources = "; ".join(dict.fromkeys(str(source) for source in group.sources)) or "the vendor's"
    when = age(group.checked, today) if group.checked else ""
    return Problem(
        CONFIG,
        f"$.model_groups.{group.category}.{group.name}.checked",
        f"{group.label} was last checked {when}, on {group.checked}",
        f"check its sources again ({sources}): callsheet groups review {group.name} --workflow {workflow}",
    )


def _tokens(bundle: WorkflowBundle, group: Group) -> int | None:
    """What a group adds to the instructions, or None where it has none here, or is not finished."""
    text = None if group.problems else own_instructions(bundle, group)
    return None if text is None else count_tokens(text)
