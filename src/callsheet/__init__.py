"""callsheet."""
