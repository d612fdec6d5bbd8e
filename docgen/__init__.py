"""Generates parts of the documentation: `python -m docgen.refresh`."""
