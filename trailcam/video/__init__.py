"""Videos: opened and decoded by PyAV, in a process of its own."""
