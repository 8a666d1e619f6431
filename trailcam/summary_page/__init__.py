"""The printable summary of bucks: one page."""
