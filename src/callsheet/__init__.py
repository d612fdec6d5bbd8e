"""One idea in, prompts for exactly the chosen image and video models out.

The verbs of the command line for programs: `run`, `answer`, `resume`, `retry`, `batch`, `note`, `find_runs` (each has an `…_async`),
`estimate`, `load_groups`, `build_instructions`, `build_schema`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from callsheet.activity import Retrying, Writing
    from callsheet.api import (
        Estimate,
        Result,
        answer,
        answer_async,
        build_instructions,
        build_schema,
        estimate,
        load_groups,
        resume,
        resume_async,
        retry,
        retry_async,
        run,
        run_async,
    )
    from callsheet.api_batches import batch, batch_async
    from callsheet.api_runs import find_runs, find_runs_async, note, note_async
    from callsheet.batches.outcomes import RowResult

__all__ = [
    "Estimate",
    "Result",
    "Retrying",
    "RowResult",
    "Writing",
    "answer",
    "answer_async",
    "batch",
    "batch_async",
    "build_instructions",
    "build_schema",
    "estimate",
    "find_runs",
    "find_runs_async",
    "load_groups",
    "note",
    "note_async",
    "resume",
    "resume_async",
    "retry",
    "retry_async",
    "run",
    "run_async",
]


def __getattr__(name: str) -> Any:
    # `callsheet --help` imports this file too, and must not wait for what it does not use.
    if name in __all__:
        from callsheet import api, api_batches, api_runs

        modules = (api, api_batches, api_runs)
        return next(getattr(each, name) for each in modules if hasattr(each, name))
    raise AttributeError(f"module 'callsheet' has no attribute {name!r}")
