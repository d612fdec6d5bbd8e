"""Executes queued runs in other processes, on PostgreSQL."""
