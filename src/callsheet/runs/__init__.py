"""Starts, continues, answers, retries, shows and deletes runs."""
