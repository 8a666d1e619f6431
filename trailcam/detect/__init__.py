"""From bytes to boxes."""
