"""Modules that transform data."""
