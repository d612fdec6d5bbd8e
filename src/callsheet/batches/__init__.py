"""Batches: reads a sheet of ideas, runs each row, and writes the outcomes to a file."""
