"""Queries to typed rows."""
