"""Modules that ask a person."""
