"""The LLMs that write: one port, and the doors that answer to it."""
