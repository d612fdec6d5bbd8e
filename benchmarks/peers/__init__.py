"""The contenders of `benchmarks.engine`, each a process of its own; peers run where they are installed."""
