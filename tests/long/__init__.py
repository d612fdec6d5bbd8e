"""Checks that need more than loopback, or more time than the suite has: each is a command."""
