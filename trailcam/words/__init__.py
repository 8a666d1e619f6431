"""Texts that people type or read: months, dates, spans of time, degrees."""
