"""The database out into the formats that others read: one module a format."""
