"""Executes workflows: selects the next module, runs it, and records events."""
