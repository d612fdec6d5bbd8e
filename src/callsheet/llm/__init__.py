"""LLMs: one interface, and its implementations for providers, drafts and pasted replies."""
