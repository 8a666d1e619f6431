"""What moves: jobs in, outcomes out, every stage busy."""
