"""From a folder to rows: walk, compare, read what is new."""
