"""Many ideas at once: reads a sheet, runs each row, and writes the results as a sheet."""
