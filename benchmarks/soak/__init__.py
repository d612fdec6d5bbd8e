"""Keeps a server at work for a long time, with kills, and watches for growth and loss."""
