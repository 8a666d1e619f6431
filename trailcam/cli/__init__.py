"""Thin commands: parse, call one function, render."""
