"""Loads a workflow with its model groups, validates it, and renders instructions and schemas."""
