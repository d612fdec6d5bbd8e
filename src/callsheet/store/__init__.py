"""Stores runs: one interface, and implementations for SQLite and PostgreSQL."""
