"""Instruction tokens that a selection saves: those sent beside those of all groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from callsheet.documents import RunSavings


@dataclass(frozen=True)
class InstructionSavings:
    """Instruction tokens (o200k) as sent, and as they would be for every group."""

    instruction_tokens: int = 0
    instruction_tokens_all: int = 0

    @property
    def percent(self) -> float:
        """The share that was not sent, in percent with one decimal."""
        if not self.instruction_tokens_all:
            return 0.0
        return round(100 * (1 - self.instruction_tokens / self.instruction_tokens_all), 1)

    def __add__(self, other: InstructionSavings) -> InstructionSavings:
        return InstructionSavings(
            self.instruction_tokens + other.instruction_tokens,
            self.instruction_tokens_all + other.instruction_tokens_all,
        )

    def document(self, *, wrote: bool = True) -> RunSavings:
        """Return the savings as they stand in a document; without a prompt nothing was saved."""
        return RunSavings.model_construct(
            instruction_tokens=self.instruction_tokens,
            instruction_tokens_all=self.instruction_tokens_all,
            percent=self.percent if wrote else 0.0,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the document's JSON."""
        return self.document().to_json()
