"""Sun and moon over a station."""
