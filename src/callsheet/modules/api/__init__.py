"""What asks an LLM."""
