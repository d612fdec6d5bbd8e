"""Modules that call an LLM."""
