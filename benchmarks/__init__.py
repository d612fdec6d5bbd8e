"""Measures what callsheet promises: how fast it starts, and how many tokens a selection saves."""
