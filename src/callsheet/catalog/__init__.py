"""The model groups: what can be chosen, and how instructions, schemas and rules are made of it."""
