"""Photos to be judged by a person: which, on what page, and what becomes of the answers."""
