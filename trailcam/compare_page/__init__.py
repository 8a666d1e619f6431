"""The page of photos that two runs don't agree on."""
