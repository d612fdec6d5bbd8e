"""The queues of runs that workers execute."""

from __future__ import annotations

from typing import Literal

QueueName = Literal["people", "batch"]

QUEUES: tuple[QueueName, ...] = ("people", "batch")
"""Each has its own slots in every worker, so a batch never delays runs that people wait for."""
