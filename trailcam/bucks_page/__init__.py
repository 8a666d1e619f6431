"""The page on which people say which buck is which: one row for each visit, look-alikes side by side."""
