"""Counts what is sent, prices it, and says what was saved."""
