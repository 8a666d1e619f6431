"""What every offline page shares: the file, its style, its pictures."""
