"""Measures speed and savings: start-up, runs, batches, workers, the server, and tokens of a selection."""
