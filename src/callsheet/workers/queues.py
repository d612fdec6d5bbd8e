"""The queues of runs that workers execute."""

from __future__ import annotations

from typing import Literal

QueueName = Literal["people", "batch"]

QUEUES: tuple[QueueName, ...] = ("people", "batch")
"""Each has its own places in every worker: a batch never takes those of runs that people wait for."""
