"""Writes a run's prompts in the formats of the tools that render them."""
