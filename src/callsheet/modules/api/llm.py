"""Asks the run's LLM for a reply that fits a schema."""

from __future__ import annotations

from callsheet.modules.contract import Module
from callsheet.modules.support.generation import Inputs, Outputs, check, generate

module = Module(Inputs, Outputs, generate, check=check)
