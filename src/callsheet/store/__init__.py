"""Where runs are kept: one port, and what answers to it."""
