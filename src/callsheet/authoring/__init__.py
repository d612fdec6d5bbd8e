"""Tools for authors of workflows and model groups: check, lint, describe and scaffold."""
