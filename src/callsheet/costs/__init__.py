"""Counts tokens, prices them, enforces budgets, and reports what was saved."""
