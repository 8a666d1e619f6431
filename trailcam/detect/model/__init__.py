"""What answers: a network from its weights file to boxes."""
