"""Modules that prepare what the LLM receives."""
