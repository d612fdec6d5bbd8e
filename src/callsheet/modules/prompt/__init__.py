"""What is written to the LLM."""
