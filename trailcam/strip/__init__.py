"""The strip that a camera burns into its photos: where it is, what it says, and whether that is trusted."""
