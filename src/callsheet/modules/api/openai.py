"""The same module as `api.llm`, under the name that the plan's workflows use."""

from __future__ import annotations

from callsheet.modules.contract import Module
from callsheet.modules.support.generation import Inputs, Outputs, check, generate

module = Module(Inputs, Outputs, generate, check=check)
