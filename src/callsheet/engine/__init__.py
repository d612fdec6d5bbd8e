"""Carries out a workflow: what comes next, which module does it, and what is recorded."""
