"""Reports the progress and the result of a run."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from callsheet.activity import Retrying, Writing
from callsheet.cli.exit import print_error
from callsheet.cli.line_reader import LineReader
from callsheet.cli.live_line import LiveLine
from callsheet.cli.output import (
    counted,
    note,
    note_command,
    print_completed,
    print_document,
    print_findings,
    print_json,
    print_prompts,
    summary,
    wrapped,
)
from callsheet.exports.texts import printable, settings_sentence

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from callsheet.activity import Activity
    from callsheet.engine.run_view import RunView
    from callsheet.errors import StorageError
    from callsheet.events import RecordedEvent
    from callsheet.questions import Question

EXIT_RULE_BROKEN = 1
EXIT_WAITING = 3


@dataclass
class RunReporter:
    """Prints what happens during a run and, at the end, its result.

    `reviewed` holds the prompts that a review has already shown.
    """

    json: bool
    output: Path | None
    strict: bool = False
    hint_llm: bool = False
    reviewed: dict[str, Any] = field(default_factory=dict)
    live: LiveLine = field(default_factory=LiveLine)

    @cached_property
    def lines(self) -> LineReader:
        """Reads answers from stdin; created with the first question."""
        return LineReader()

    def on_event(self, recorded: RecordedEvent, view: RunView) -> None:
        """Prints a note about an event that matters to the user."""
        from callsheet.llm.providers import writes_drafts

        del view
        self.live.clear()
        event = recorded.event
        match event.kind:
            case "run_started" if self.hint_llm and writes_drafts(event.llm):
                note(
                    "offline drafts; to use an LLM: --llm openai:NAME"
                    " (or anthropic:, google:, ollama:, paste)"
                )
            case "values_finished" if sys.stderr.isatty():
                print_completed(event.values)
            case "noted":
                note(f"note: {event.text}")
            case "step_finished" if event.result == "skipped":
                note(f"step {event.step} skipped: {event.reason}")
            case _:
                pass

    def on_activity(self, activity: Activity) -> None:
        """Shows the words that are being written, and notes each call that is made again."""
        if isinstance(activity, Retrying):
            self.live.clear()
            tries = f"try {activity.number} of {activity.most}"
            note(f"{activity.message}; trying again in {activity.seconds:.0f} s ({tries})")
        elif isinstance(activity, Writing) and activity.texts:
            self.live.show(*list(activity.texts.items())[-1])

    def note_following(self, executor: str) -> None:
        """Notes who executes the run while its progress is shown here."""
        note(f"{executor} is executing the run; Ctrl-C stops following and leaves it running")

    def remember_reviewed(self, question: Question) -> None:
        """Remembers the prompts that a question has shown."""
        if isinstance(question.show, dict):
            self.reviewed |= question.show

    def report(self, document: Mapping[str, Any], view: RunView) -> int:
        """Prints the result; returns the exit status."""
        if self.json:
            print_json(dict(document))
        else:
            self._print_prompts(document)
        if line := summary(document):
            note(f"\n{line}")
        resume = f"callsheet resume {view.run}"
        if view.status == "waiting" and view.question is not None:
            note_command("the run is waiting for an answer; to resume it", resume)
            return EXIT_WAITING
        if view.error is not None:
            print_error(view.error.located, view.error.hint)
            note_command("to resume the run", resume)
            return view.error.exit_code
        note_command(f"stored as {view.run}; to show it again", f"callsheet show {view.run}")
        return self._report_broken_rules(document, view)

    def report_unsaved(self, document: Mapping[str, Any], error: StorageError) -> int:
        """Prints what was received and could not be stored; returns the exit status."""
        if self.json:
            print_json(dict(document))
        else:
            self._print_prompts(document)
        count = sum(len(prompts) for prompts in document["prompts"].values())
        if count:
            note(f"\n{counted(count, 'prompt')} received, but not stored; save this output")
        print_error(error.message, error.hint)
        note_command("then, to resume the run", f"callsheet resume {document['run']}")
        return error.exit_code

    def _report_broken_rules(self, document: Mapping[str, Any], view: RunView) -> int:
        """Prints which prompts still break a rule; returns the exit status."""
        broken = list(
            dict.fromkeys(problem["model"].split(".")[0] for problem in document["problems"])
        )
        if not broken or view.status != "succeeded":
            return 0
        verb = "breaks" if len(broken) == 1 else "break"
        message = f"{counted(len(broken), 'prompt')} still {verb} a rule: {', '.join(broken)}"
        command = f"callsheet retry {view.run} --rewrite {','.join(broken)}"
        if self.strict:
            print_error(message, f"delivered unchanged; to rewrite: {command}")
            return EXIT_RULE_BROKEN
        note_command(f"{message}; delivered unchanged; to rewrite", command)
        return 0

    def _print_prompts(self, document: Mapping[str, Any]) -> None:
        """Prints the prompts on stdout, without repeating those that a review has shown there."""
        same_screen = sys.stdout.isatty() and sys.stderr.isatty()
        if not same_screen or not self.reviewed:
            print_document(document)
            return
        for prompts in document["prompts"].values():
            reviewed = [model for model in prompts if self.reviewed.get(model) == prompts[model]]
            for model in reviewed:
                # The review shows the prompts without the settings.
                if lines := document["settings"].get(model):
                    click.echo(wrapped(printable(f"{model}  {settings_sentence(lines)}")))
            others = {model: prompts[model] for model in prompts if model not in reviewed}
            print_prompts(others, settings=document["settings"], coverage=document["coverage"])
        print_findings(document)
