"""What is chosen before a run: batch, workers, and whether the model computes right here."""
