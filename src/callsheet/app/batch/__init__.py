"""Many ideas at once: a sheet is read and judged whole, each row is a run, the results are a sheet."""
